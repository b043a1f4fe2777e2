import * as v from 'valibot';
import { isObject } from '../../json.ts';
import { matchesArn, matchesWildcard } from './wildcard.ts';

/** One condition of a statement: an operator on one key. All of a statement's conditions must hold. */
export interface Condition {
  readonly operator: Comparison | 'Null';
  /** Holds also when the request does not have the key. */
  readonly ifExists: boolean;
  /** Every value of the request must match one of these, where the key has several values. */
  readonly forAllValues: boolean;
  /** In lower case: names of keys have no case. */
  readonly key: string;
  /** As text. The condition holds when one of them matches; for a negated operator, when none does. */
  readonly values: readonly string[];
}

interface ConditionKey {
  readonly type: KeyType;
  /** @default false */
  readonly hasManyValues?: boolean;
}

type KeyType = 'string' | 'arn' | 'boolean' | 'number';

/** What an operator other than `Null` does. */
interface Comparison {
  /** Types of the keys that it compares. */
  readonly types: readonly KeyType[];
  readonly negated: boolean;
  /** Compares a value of the policy with one of the request. */
  readonly matches: (wanted: string, found: string) => boolean;
}

const TEXTS: readonly KeyType[] = ['string', 'arn'];
const equal = (wanted: string, found: string) => wanted === found;
const equalIgnoringCase = (wanted: string, found: string) => wanted.toLowerCase() === found.toLowerCase();
const isLess = (bound: string, found: string) => Number(found) < Number(bound);

/**
 * The operators of the template and of usual bucket policies, as
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html describes them.
 */
const OPERATORS: ReadonlyMap<string, Comparison | 'Null'> = new Map<string, Comparison | 'Null'>([
  ['Null', 'Null'],
  ['StringEquals', { types: TEXTS, negated: false, matches: equal }],
  ['StringNotEquals', { types: TEXTS, negated: true, matches: equal }],
  ['StringLike', { types: TEXTS, negated: false, matches: matchesWildcard }],
  ['StringNotLike', { types: TEXTS, negated: true, matches: matchesWildcard }],
  // These two behave identically, AWS says.
  ['ArnEquals', { types: ['arn'], negated: false, matches: matchesArn }],
  ['ArnLike', { types: ['arn'], negated: false, matches: matchesArn }],
  ['ArnNotLike', { types: ['arn'], negated: true, matches: matchesArn }],
  ['Bool', { types: ['boolean'], negated: false, matches: equalIgnoringCase }],
  ['NumericLessThan', { types: ['number'], negated: false, matches: isLess }],
]);

/**
 * The keys that requests are given, by name in lower case, from the service authorization reference
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html and those of the other services)
 * and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
 */
const KEYS: ReadonlyMap<string, ConditionKey> = new Map<string, ConditionKey>([
  ['aws:principalaccount', { type: 'string' }],
  ['aws:principalarn', { type: 'arn' }],
  ['aws:resourceaccount', { type: 'string' }],
  ['aws:securetransport', { type: 'boolean' }],
  ['aws:sourceaccount', { type: 'string' }],
  ['aws:sourcearn', { type: 'arn' }],
  ['dynamodb:leadingkeys', { type: 'string', hasManyValues: true }],
  ['s3:if-none-match', { type: 'string' }],
  ['s3:objectcreationoperation', { type: 'boolean' }],
  ['s3:tlsversion', { type: 'number' }],
  ['s3:x-amz-acl', { type: 'string' }],
  ['s3:x-amz-server-side-encryption', { type: 'string' }],
  ['s3:x-amz-server-side-encryption-aws-kms-key-id', { type: 'arn' }],
]);

const FOR_ALL_VALUES = 'ForAllValues:';
const IF_EXISTS = 'IfExists';

const scalar = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));
const values = v.pipe(
  v.unknown(),
  v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
  v.array(scalar),
);
/** All names with their values; `v.record` passes over some, such as `constructor`. */
const named = <Value extends v.GenericSchema>(value: Value) =>
  v.pipe(
    v.custom<Record<string, unknown>>(isObject, 'expected an object'),
    v.transform((object) => Object.entries(object)),
    v.array(v.tuple([v.string(), value])),
  );

/**
 * The `Condition` element of a statement: `{ Bool: { 'aws:SecureTransport': 'false' } }`. An operator or a key that is not
 * in the tables above, an operator that does not compare such a key, and a policy variable are issues of the schema.
 */
export const conditionElement = v.pipe(
  named(named(values)),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const found: Condition[] = [];
    for (const [name, keys] of dataset.value) {
      for (const [key, wanted] of keys) {
        const condition = conditionOf(name, key, wanted);
        if (typeof condition === 'string') {
          addIssue({ message: `${name} ${key}: ${condition}` });
          return NEVER;
        }
        found.push(condition);
      }
    }
    return found;
  }),
);

/** A condition, or what is wrong with it. */
function conditionOf(name: string, key: string, values: readonly string[]): Condition | string {
  const forAllValues = name.startsWith(FOR_ALL_VALUES);
  const ifExists = name.endsWith(IF_EXISTS);
  const bare = name.slice(forAllValues ? FOR_ALL_VALUES.length : 0, ifExists ? -IF_EXISTS.length : undefined);
  const operator = OPERATORS.get(bare);
  const described = KEYS.get(key.toLowerCase());
  if (operator === undefined) return 'the operator is not modelled';
  if (described === undefined) return 'the key is not modelled';
  const condition = { operator, ifExists, forAllValues, key: key.toLowerCase(), values };
  return errorIn(condition, described) ?? condition;
}

function errorIn(
  { operator, ifExists, forAllValues, values }: Condition,
  { type, hasManyValues = false }: ConditionKey,
): string | undefined {
  if (values.length === 0) return 'there is no value';
  if (values.some((value) => value.includes('${'))) return 'policy variables are not modelled';
  if (operator === 'Null') {
    const isPlain = !ifExists && !forAllValues && /^(?:true|false)$/.test(values.join());
    return isPlain ? undefined : 'expected true or false';
  }
  if (!operator.types.includes(type)) return `the operator does not compare a ${type}`;
  // AWS states no result to rely on for several values without the qualifier, nor for one value with it.
  if (forAllValues !== hasManyValues)
    return 'ForAllValues: is for keys with several values, and for no other';
  if (forAllValues && ifExists) return 'ForAllValues: with IfExists is not modelled';
  const isNumber = values.every((value) => value.trim() !== '' && Number.isFinite(Number(value)));
  return type === 'number' && !isNumber ? 'expected a number' : undefined;
}

/**
 * Whether a condition holds for a request.
 *
 * A key that the request does not have makes a plain operator false and a negated one true, and `…IfExists` true
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html);
 * `ForAllValues:` is true then
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
 *
 * @param context values of each key, by its name in lower case
 */
export function conditionHolds(
  condition: Condition,
  context: ReadonlyMap<string, readonly string[]>,
): boolean {
  const { operator, key, values, ifExists, forAllValues } = condition;
  const found = context.get(key) ?? [];
  if (operator === 'Null') return (found.length === 0) === (values[0] === 'true');
  const { negated, matches } = operator;
  if (found.length === 0) return negated || ifExists || forAllValues;
  if (found.length > 1 && !forAllValues) throw new Error(`${key} has one value, not ${found.length}`);
  return found.every((value) => values.some((wanted) => matches(wanted, value)) !== negated);
}
