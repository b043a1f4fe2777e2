import * as v from 'valibot';
import { isObject } from '../../json.ts';
import { type Condition, conditionElement } from './conditions.ts';

/** One statement of a policy. */
export interface Statement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** Patterns such as `s3:Get*`; they have no case. */
  readonly actions: readonly string[];
  /** Patterns of ARNs. */
  readonly resources: readonly string[];
  /** Whom it is about; undefined in an identity policy, which is about those that have it. */
  readonly principals: readonly PolicyPrincipal[] | undefined;
  readonly conditions: readonly Condition[];
}

/** One entry of a statement's `Principal`. */
export type PolicyPrincipal =
  /** Everybody, anonymous callers too. */
  | { readonly type: 'everyone' }
  /** An account: what it allows to whom is left to the policies there. */
  | { readonly type: 'account'; readonly accountId: string }
  /** A role, a session of a role or a user. */
  | { readonly type: 'identity'; readonly arn: string }
  /** A service of AWS, e.g. `cloudwatch.amazonaws.com`: no caller that has an access key. */
  | { readonly type: 'service'; readonly name: string };

/** A policy document. */
export interface Policy {
  /** Where it is from, e.g. `Resources.Queue.Properties.PolicyDocument`. */
  readonly source: string;
  readonly statements: readonly Statement[];
}

/** A policy that the local stack does not know how to enforce, and where it says so. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** A list, or one without its list; issues then say which. */
const oneOrMore = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(
    v.unknown(),
    v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
    v.array(item),
    v.minLength(1),
  );

/** An object with these entries and no other; `v.strictObject` alone passes over names such as `constructor`. */
const exactly = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.pipe(
    v.unknown(),
    v.check(
      (value) => !isObject(value) || Object.keys(value).every((key) => Object.hasOwn(entries, key)),
      (issue) => {
        const other = isObject(issue.input)
          ? Object.keys(issue.input).find((key) => !Object.hasOwn(entries, key))
          : '';
        return `${other} is not modelled`;
      },
    ),
    v.strictObject(entries),
  );

const withoutVariables = v.check((text: string) => !text.includes('${'), 'policy variables are not modelled');
const action = v.pipe(v.string(), v.regex(/^(?:\*|[a-z0-9-]+:[A-Za-z*?]+)$/, 'expected service:Action'));
const resource = v.pipe(
  v.string(),
  v.regex(/^(?:\*|arn:[^:]*:[a-z0-9-]+:[^:]*:[^:]*:.+)$/s, 'expected an ARN or *'),
  withoutVariables,
);

/**
 * AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html. A `*` is no part of an
 * ARN there.
 */
const awsPrincipal = v.pipe(
  v.string(),
  v.regex(
    /^(?:\*|\d{12}|arn:[a-z-]+:iam::\d{12}:root|arn:[a-z-]+:(?:iam|sts)::\d{12}:(?:role|user|assumed-role)\/[^*?$]+)$/,
    'expected *, an account, or the ARN of a role, a session or a user',
  ),
  v.transform((text): PolicyPrincipal => {
    if (text === '*') return { type: 'everyone' };
    const accountId = /^(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?$/.exec(text)?.[1];
    return accountId === undefined ? { type: 'identity', arn: text } : { type: 'account', accountId };
  }),
);
const servicePrincipal = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9.-]+\.amazonaws\.com$/, 'expected the name of a service'),
  v.transform((name): PolicyPrincipal => ({ type: 'service', name })),
);
const principal = v.pipe(
  v.unknown(),
  v.transform((value) => (value === '*' ? { AWS: '*' } : value)),
  v.strictObject({
    AWS: v.optional(oneOrMore(awsPrincipal)),
    Service: v.optional(oneOrMore(servicePrincipal)),
  }),
  v.transform(({ AWS = [], Service = [] }) => [...AWS, ...Service]),
  v.minLength(1),
);

const elements = {
  Sid: v.optional(v.string()),
  Effect: v.picklist(['Allow', 'Deny']),
  Action: oneOrMore(action),
  Resource: oneOrMore(resource),
  Condition: v.optional(conditionElement, {}),
};
const documentOf = <S extends v.GenericSchema>(statement: S) =>
  exactly({
    // The older version has no policy variables; all else is the same.
    Version: v.picklist(['2012-10-17', '2008-10-17']),
    Id: v.optional(v.string()),
    Statement: oneOrMore(statement),
  });
const identityDocument = documentOf(exactly(elements));
const resourceDocument = documentOf(exactly({ ...elements, Principal: principal }));

/**
 * Reads a policy that a role or a user has.
 *
 * Strict: an element, operator, condition key or form that is not modelled is an error, so that it fails when the stack
 * starts and never lets a request pass. Not modelled are `NotAction`, `NotResource`, `NotPrincipal`, policy variables,
 * federated principals and canonical users.
 *
 * @param source where it is from, for messages
 * @throws {PolicyError} naming what is not modelled, and where
 */
export function parseIdentityPolicy(document: unknown, source: string): Policy {
  const { Statement } = parsed(identityDocument, document, source);
  return { source, statements: Statement.map((each) => ({ ...statementOf(each), principals: undefined })) };
}

/**
 * Reads a policy that a bucket, queue, topic or key has; as strict as {@link parseIdentityPolicy}.
 *
 * @param source where it is from, for messages
 * @throws {PolicyError} naming what is not modelled, and where
 */
export function parseResourcePolicy(document: unknown, source: string): Policy {
  const { Statement } = parsed(resourceDocument, document, source);
  return {
    source,
    statements: Statement.map((each) => ({ ...statementOf(each), principals: each.Principal })),
  };
}

type Elements = v.InferOutput<v.StrictObjectSchema<typeof elements, undefined>>;

function statementOf({
  Sid,
  Effect,
  Action,
  Resource,
  Condition: conditions,
}: Elements): Omit<Statement, 'principals'> {
  return { sid: Sid, effect: Effect, actions: Action, resources: Resource, conditions };
}

function parsed<S extends v.GenericSchema>(schema: S, document: unknown, source: string): v.InferOutput<S> {
  const result = v.safeParse(schema, document);
  if (result.success) return result.output;
  const errors = result.issues.map(
    (issue) => `${[source, v.getDotPath(issue)].filter(Boolean).join('.')}: ${issue.message}`,
  );
  throw new PolicyError(errors.join('; '));
}
