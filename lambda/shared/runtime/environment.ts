import * as v from 'valibot';
import { RecoveryError } from './errors.ts';

/** The function was deployed with a wrong environment; the message names every invalid variable at once. */
export class InvalidEnvironment extends RecoveryError {
  override readonly name = 'InvalidEnvironment';
  override readonly category = 'action-required';
}

/**
 * Reads the environment by a schema of the variables that a function needs.
 *
 * @throws {InvalidEnvironment} naming all invalid variables and what each must be.
 * @example
 * const environment = parseEnvironment(v.object({ QUEUE_URL: text, COLLECT_UNSENT_OUTPUTS: flag }));
 */
export function parseEnvironment<const Schema extends v.GenericSchema<unknown, Record<string, unknown>>>(
  schema: Schema,
  environment: NodeJS.ProcessEnv = process.env,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, environment);
  if (result.success) return result.output;
  const problems = new Map<string, string>();
  for (const issue of result.issues) {
    const name = v.getDotPath(issue) ?? '(environment)';
    if (!problems.has(name)) problems.set(name, problemOf(issue));
  }
  const list = [...problems].map(([name, problem]) => `${name} ${problem}`);
  throw new InvalidEnvironment(`environment of the function is not usable: ${list.join('; ')}`);
}

function problemOf(issue: v.BaseIssue<unknown>): string {
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
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,16}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

/** Id of an account; empty where it is not known, as at stores that speak S3 and have no accounts of AWS. */
export const accountId = v.pipe(v.string(), v.regex(/^(?:[0-9]{12})?$/, 'must be 12 digits, or empty'));

/** An absolute http(s) URL, such as a queue's. */
export const httpUrl = v.pipe(
  v.string(),
  v.check((value) => URL.canParse(value) && /^https?:/i.test(value), 'must be an http(s) URL'),
);
