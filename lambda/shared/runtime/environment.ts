import * as v from 'valibot';
import { parseStorageAllowList } from '../zencoder/storage.ts';
import { RecoveryError } from './errors.ts';

/** The function was deployed with a wrong environment; the message names every faulty variable at once. */
export class InvalidEnvironment extends RecoveryError {
  override readonly name = 'InvalidEnvironment';
  override readonly category = 'action-required';
}

/**
 * Reads the environment by a schema of the variables that a function needs.
 *
 * @throws {InvalidEnvironment} naming all faulty variables and what each should be.
 * @example
 * const environment = parseEnvironment(v.object({ QUEUE_URL: text, COLLECT_UNSENT_OUTPUTS: flag }));
 */
export function parseEnvironment<const Schema extends v.GenericSchema<unknown, Record<string, unknown>>>(
  schema: Schema,
  environment: NodeJS.ProcessEnv = process.env,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, environment);
  if (result.success) return result.output;
  const faults = new Map<string, string>();
  for (const issue of result.issues) {
    const name = v.getDotPath(issue) ?? '(environment)';
    if (!faults.has(name)) faults.set(name, faultOf(issue));
  }
  const list = [...faults].map(([name, fault]) => `${name} ${fault}`);
  throw new InvalidEnvironment(`environment of the function is not usable: ${list.join('; ')}`);
}

function faultOf(issue: v.BaseIssue<unknown>): string {
  // The schema's own words for missing and mistyped values would repeat the value; these never do.
  if (issue.kind === 'schema' && issue.input === undefined) return 'is missing';
  if (issue.kind === 'schema') return `must be ${issue.expected ?? 'something else'}`;
  return issue.message;
}

/** A variable that must not be empty. */
export const text = v.pipe(v.string(), v.minLength(1, 'must not be empty'));

/** `true` or `false`, spelt out. */
export const flag = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((word) => word === 'true'),
);

/** A whole number in decimal digits between two bounds, both included. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const message = `must be a whole number from ${least} to ${most}`;
  return v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,16}$/, message),
    v.transform(Number),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** An absolute http(s) URL, such as a queue's. */
export const httpUrl = v.pipe(
  v.string(),
  v.check((value) => URL.canParse(value) && /^https?:/i.test(value), 'must be an http(s) URL'),
);

/** The allow-list of Zencoder's storage, ready to use; see `parseStorageAllowList`. */
export const storageAllowList = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseStorageAllowList(dataset.value);
    } catch (error) {
      addIssue({ message: `is wrong: ${error instanceof Error ? error.message : 'unreadable'}` });
      return NEVER;
    }
  }),
);
