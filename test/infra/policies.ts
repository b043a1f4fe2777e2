import type { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';

const oneOrMore = v.pipe(
  v.union([v.array(v.unknown()), v.string(), v.looseObject({})]),
  v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
);
const statement = v.object({
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Action: v.pipe(oneOrMore, v.array(v.string())),
  Resource: oneOrMore,
  Condition: v.optional(v.unknown()),
});
const document = v.object({ Statement: v.array(statement) });
const managedPolicy = v.object({ Properties: v.object({ PolicyDocument: document }) });
const policy = v.object({
  Properties: v.object({
    PolicyDocument: document,
    Roles: v.tuple([v.object({ Ref: v.string() })]),
  }),
});
const role = v.object({
  Properties: v.object({ ManagedPolicyArns: v.optional(v.unknown()), Policies: v.optional(v.unknown()) }),
});

/** One statement of a role's policy, with resources as readable text: `LogicalId.Arn`, `LogicalId.Arn/*`. */
export interface Grant {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition: unknown;
}

/** What the role of the named construct is granted; ids of resources without CloudFormation's hash. */
export function grantsOf(template: Template, construct: string): Grant[] {
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .map((found) => v.parse(policy, found).Properties)
    .filter(({ Roles: [{ Ref }] }) => withoutHash(Ref) === `${construct}Role`)
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement.map(grantOf));
}

/** What operators are granted. */
export function operatorGrants(template: Template): Grant[] {
  return Object.values(template.findResources('AWS::IAM::ManagedPolicy')).flatMap((found) =>
    v.parse(managedPolicy, found).Properties.PolicyDocument.Statement.map(grantOf),
  );
}

function grantOf(found: v.InferOutput<typeof statement>): Grant {
  return {
    sid: found.Sid,
    effect: found.Effect,
    actions: found.Action.toSorted(),
    resources: found.Resource.map(textOf).toSorted(),
    condition: found.Condition,
  };
}

/** Every role with policies that are not its own statements in an `AWS::IAM::Policy`. */
export function rolesWithOtherPolicies(template: Template): string[] {
  return Object.entries(template.findResources('AWS::IAM::Role'))
    .map(([id, found]) => ({ id, ...v.parse(role, found).Properties }))
    .filter(({ ManagedPolicyArns, Policies }) => ManagedPolicyArns !== undefined || Policies !== undefined)
    .map(({ id }) => id);
}

/** An intrinsic function as text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const getAtt = v.safeParse(v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.string()]) }), value);
  if (getAtt.success)
    return `${withoutHash(getAtt.output['Fn::GetAtt'][0])}.${getAtt.output['Fn::GetAtt'][1]}`;
  const ref = v.safeParse(v.object({ Ref: v.string() }), value);
  if (ref.success) return withoutHash(ref.output.Ref);
  const join = v.safeParse(v.object({ 'Fn::Join': v.tuple([v.string(), v.array(v.unknown())]) }), value);
  if (join.success) return join.output['Fn::Join'][1].map(textOf).join(join.output['Fn::Join'][0]);
  return JSON.stringify(value);
}

function withoutHash(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, '');
}
