import * as v from 'valibot';
import { resolveValue, resourcesOf, type Scope } from '../../cloudformation/template.ts';
import type { Caller, Resource } from './evaluate.ts';
import { type Policy, PolicyError, parseIdentityPolicy, parseResourcePolicy } from './policy.ts';

/** What a template says about who may do what. */
export interface StackPolicies {
  /** The sessions of the functions' roles, by logical id of the function. */
  readonly functions: ReadonlyMap<string, Caller>;
  /** Managed policies, by ARN: also for people who are not in the template, such as operators. */
  readonly managed: ReadonlyMap<string, Policy>;
  /** Resources that have a policy of their own, by ARN. */
  readonly resources: ReadonlyMap<string, Resource>;
}

/** Types that say who may do what; another such type stops the stack. */
const KNOWN_TYPES = new Set([
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Permission',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
]);

const names = v.optional(v.array(v.string()), []);
const notModelled = v.optional(v.never('is not modelled'));
const document = v.unknown();
const roleProperties = v.object({
  ManagedPolicyArns: names,
  Policies: v.optional(v.array(v.object({ PolicyDocument: document })), []),
  PermissionsBoundary: notModelled,
});
const policyProperties = v.object({
  PolicyDocument: document,
  Roles: names,
  Users: notModelled,
  Groups: notModelled,
});

/**
 * Collects the policies of a template whose resources have been made, by the names that these have here.
 *
 * Out of scope, since no caller with an access key depends on them: trust policies of roles (a function has its role by
 * the template), `AWS::Lambda::Permission` (API, schedule and poller are wired to their function), and what services do
 * among themselves, such as writing logs, publishing alarms, moving dead letters. Their statements are read and checked,
 * and match no caller.
 *
 * @param scope with all resources provisioned
 * @throws {PolicyError} for what is not modelled: permissions boundaries, managed policies of AWS, policies of users,
 * groups, tables and secrets, and all that `policy.ts` refuses
 */
export function templatePolicies(scope: Scope): StackPolicies {
  const isUnknown = (type: string) =>
    !KNOWN_TYPES.has(type) && /^AWS::IAM::|(?:Policy|Permission)$/.test(type);
  const unknown = resourcesOf(scope).find(({ type }) => isUnknown(type));
  if (unknown !== undefined) {
    throw new PolicyError(`Resources.${unknown.logicalId}: ${unknown.type} is not modelled`);
  }
  for (const type of ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable']) {
    propertiesOf(scope, type, v.object({ ResourcePolicy: notModelled }));
  }
  const managed = managedPolicies(scope);
  return {
    functions: functionCallers(scope, rolePolicies(scope, managed)),
    managed: new Map(managed.map(({ arn, policy }) => [arn, policy])),
    resources: new Map(resourcePolicies(scope)),
  };
}

interface ManagedPolicy {
  readonly arn: string;
  readonly roles: readonly string[];
  readonly policy: Policy;
}

function managedPolicies(scope: Scope): ManagedPolicy[] {
  return propertiesOf(scope, 'AWS::IAM::ManagedPolicy', policyProperties).map(
    ({ ref, path, PolicyDocument, Roles }) => ({
      arn: ref,
      roles: Roles,
      policy: parseIdentityPolicy(PolicyDocument, `${path}.PolicyDocument`),
    }),
  );
}

/** The policies of each role, by its name: attached, inline and managed. */
function rolePolicies(scope: Scope, managed: readonly ManagedPolicy[]): Map<string, Policy[]> {
  const attached = [
    ...propertiesOf(scope, 'AWS::IAM::Policy', policyProperties).map(({ path, PolicyDocument, Roles }) => ({
      roles: Roles,
      policy: parseIdentityPolicy(PolicyDocument, `${path}.PolicyDocument`),
    })),
    ...managed,
  ];
  return new Map(
    propertiesOf(scope, 'AWS::IAM::Role', roleProperties).map(
      ({ ref, path, ManagedPolicyArns, Policies }) => {
        const inline = Policies.map(({ PolicyDocument }, index) =>
          parseIdentityPolicy(PolicyDocument, `${path}.Policies.${index}.PolicyDocument`),
        );
        const byArn = ManagedPolicyArns.map((arn) => {
          const found = managed.find((each) => each.arn === arn);
          if (found === undefined)
            throw new PolicyError(`${path}.ManagedPolicyArns: ${arn} is not known here`);
          return found.policy;
        });
        const own = attached.filter(({ roles }) => roles.includes(ref)).map(({ policy }) => policy);
        return [ref, [...own, ...inline, ...byArn]];
      },
    ),
  );
}

function functionCallers(scope: Scope, roles: ReadonlyMap<string, Policy[]>): Map<string, Caller> {
  const accountId = scope.pseudo['AWS::AccountId'] ?? '';
  return new Map(
    propertiesOf(scope, 'AWS::Lambda::Function', v.object({ Role: v.string() })).map(
      ({ logicalId, ref, path, Role }) => {
        const role = Role.split('/').at(-1) ?? '';
        const policies = roles.get(role);
        if (policies === undefined) throw new PolicyError(`${path}.Role: ${Role} is not of this stack`);
        const arn = `arn:aws:sts::${accountId}:assumed-role/${role}/${ref}`;
        return [logicalId, { arn, names: [arn, Role], accountId, isRoot: false, policies }];
      },
    ),
  );
}

function resourcePolicies(scope: Scope): [string, Resource][] {
  const { 'AWS::Region': region = '', 'AWS::AccountId': accountId = '' } = scope.pseudo;
  const several = v.array(v.string());
  const found = [
    ...propertiesOf(
      scope,
      'AWS::S3::BucketPolicy',
      v.object({ Bucket: v.string(), PolicyDocument: document }),
    ).map(({ Bucket, ...rest }) => ({ ...rest, arns: [`arn:aws:s3:::${Bucket}`] })),
    ...propertiesOf(
      scope,
      'AWS::SQS::QueuePolicy',
      v.object({ Queues: several, PolicyDocument: document }),
    ).map(
      // A queue is named by its URL, whose last segment is its name.
      ({ Queues, ...rest }) => ({
        ...rest,
        arns: Queues.map((url) => `arn:aws:sqs:${region}:${accountId}:${url.split('/').at(-1)}`),
      }),
    ),
    ...propertiesOf(
      scope,
      'AWS::SNS::TopicPolicy',
      v.object({ Topics: several, PolicyDocument: document }),
    ).map(({ Topics, ...rest }) => ({ ...rest, arns: Topics })),
    ...propertiesOf(scope, 'AWS::KMS::Key', v.object({ KeyPolicy: document })).map(
      ({ logicalId, path, KeyPolicy }) => ({
        path,
        PolicyDocument: KeyPolicy,
        arns: [arnOf(scope, logicalId)],
      }),
    ),
  ];
  return found.flatMap(({ arns, path, PolicyDocument }) => {
    const policy = parseResourcePolicy(PolicyDocument, path);
    return arns.map((arn): [string, Resource] => [arn, { accountId, policy }]);
  });
}

function arnOf(scope: Scope, logicalId: string): string {
  return v.parse(v.string(), scope.provisioned(logicalId)?.attributes.Arn);
}

/** The properties that a schema names, of all resources of a type, with what they refer to in place. */
function propertiesOf<Entries extends v.ObjectEntries>(
  scope: Scope,
  type: string,
  schema: v.ObjectSchema<Entries, undefined>,
) {
  return resourcesOf(scope)
    .filter((resource) => resource.type === type)
    .map(({ logicalId, properties }) => {
      const path = `Resources.${logicalId}.Properties`;
      const wanted = Object.entries(properties).filter(([name]) => Object.hasOwn(schema.entries, name));
      const values = wanted.map(
        ([name, value]) => [name, resolveValue(value, `${path}.${name}`, scope)] as const,
      );
      const result = v.safeParse(schema, Object.fromEntries(values));
      if (!result.success) {
        const errors = result.issues.map((issue) => `${path}.${v.getDotPath(issue) ?? ''}: ${issue.message}`);
        throw new PolicyError(errors.join('; '));
      }
      return { logicalId, path, ref: scope.provisioned(logicalId)?.ref ?? '', ...result.output };
    });
}
