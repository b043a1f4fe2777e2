import * as v from 'valibot';
import { partitionOf } from '../lambda/shared/runtime/partitions.ts';
import { parseStorageAllowList } from '../lambda/shared/zencoder/storage.ts';
import { parseKeyTemplate } from '../lambda/worker/key-template.ts';

/**
 * Context keys that look like a setting of this stack and are none: plain words, and misspelt settings in any
 * writing. Keys of the CDK itself hold a colon or a slash, or are not near to any setting.
 *
 * @returns an error for each, with the setting that was probably meant.
 */
export function unknownSettings(found: readonly string[], known: readonly string[]): string[] {
  return found
    .filter((key) => !known.includes(key) && !/[:/]/.test(key))
    .flatMap((key) => {
      const meant = nearest(key, known);
      if (meant !== undefined) return [`${key}: unknown setting; did you mean ${meant}?`];
      return /^[A-Za-z]\w*$/.test(key) ? [`${key}: unknown setting; known are ${known.join(', ')}`] : [];
    });
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: distance(plain(key), plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best !== undefined && best.distance <= best.name.length / 4) return best.name;
  return known.find((name) => plain(key).length >= 5 && plain(name).startsWith(plain(key)));
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Levenshtein distance: how many letters must be inserted, deleted or changed. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of from.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of to.split('').entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/**
 * What the settings in `config.ts` are made of. Each schema takes a value as written in `cdk.json` and the same value
 * as text from `-c name=value`; each states in its message what it expects, not what is wrong.
 */

/** A whole number between two bounds, both included. */
export function wholeNumber(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`;
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.transform((value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value)),
    v.number(expected),
    v.check((value) => Number.isSafeInteger(value) && value >= min && value <= max, expected),
  );
}

/** True or false. */
export const onOff = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])], 'expected true or false'),
  v.transform((value) => value === true || value === 'true'),
);

/** One of a few words or numbers, in any case; numbers may be given as such. */
export function oneOf<const Words extends readonly string[]>(...words: Words) {
  const expected = `expected one of ${words.join(', ')}`;
  return v.pipe(
    v.union([v.string(), v.number()], expected),
    v.transform((value) => String(value).toUpperCase()),
    v.picklist(words, expected),
  );
}

/** A stack name as CloudFormation allows it. */
export const stackName = v.pipe(
  v.string('expected a stack name'),
  v.regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'expected a letter, then letters, digits and dashes'),
);

/** Name of a general purpose bucket, as S3 allows it today. */
export const bucketName = v.pipe(
  v.string('expected a bucket name'),
  v.regex(
    /^(?=.{3,63}$)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    'expected the name of a bucket (no s3://, no ARN)',
  ),
);

/** Id of an AWS account. A number in `cdk.json` would lose zeros at its start. */
export const accountId = v.pipe(
  v.string('expected the 12 digits of an account id, as text'),
  v.regex(/^\d{12}$/, 'expected the 12 digits of an account id, as text'),
);

/** Name of a DynamoDB table. */
export const tableName = v.pipe(
  v.string('expected a table name'),
  v.regex(/^[A-Za-z0-9_.-]{3,255}$/, 'expected the name of a table (no ARN)'),
);

/** A web address over TLS, without user, query or fragment. */
export const httpsUrl = v.pipe(
  v.string('expected an https URL'),
  v.check((text) => {
    const url = URL.parse(text);
    return url?.protocol === 'https:' && url.username === '' && url.search === '' && url.hash === '';
  }, 'expected an https URL without user, query or fragment'),
);

/** An e-mail address as SNS can write to: one, and nothing around it. */
export const emailAddress = v.pipe(
  v.string('expected an e-mail address'),
  v.regex(/^[^\s@<>,;:"()]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/, 'expected one e-mail address'),
);

/** ARN of a KMS key, not of an alias. */
export const keyArn = arn('kms', /^key\/[0-9A-Za-z-]+$/, 'expected the ARN of a kms key (not of an alias)');

const EXPECTED_BUCKETS =
  'expected names of buckets, or objects with bucketName and, where they differ, bucketOwner and bucketKmsKeyArn';

const previousBucket = v.strictObject(
  { bucketName, bucketOwner: v.optional(accountId), bucketKmsKeyArn: v.optional(keyArn) },
  EXPECTED_BUCKETS,
);

/** A bucket that recovered files went into before. */
export type PreviousBucket = v.InferOutput<typeof previousBucket>;

/** Buckets that recovered files went into before: names, or objects, as a list; or names separated by commas. */
export const previousBuckets = v.pipe(
  v.union([v.string(), v.array(v.unknown())], EXPECTED_BUCKETS),
  v.transform((value): unknown[] => (typeof value === 'string' ? value.split(',') : value)),
  v.array(v.unknown()),
  v.mapItems((item) => (typeof item === 'string' ? { bucketName: item.trim() } : item)),
  v.array(previousBucket),
  v.maxLength(10, 'expected at most 10 buckets: a function has 4 KB of variables'),
);

/**
 * ARN of a secret, as a policy must name it: without the six characters at the end it names no secret that exists.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
 */
export const secretArn = arn(
  'secretsmanager',
  /^secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}$/,
  'expected the whole ARN of a secret, with the dash and six characters that Secrets Manager puts after its name ' +
    '(…:secret:NAME-AbCdEf; aws secretsmanager describe-secret --secret-id NAME shows it)',
);

/** ARN of a resource of one service, with region and account. */
function arn(service: string, resource: RegExp, expected: string) {
  return v.pipe(
    v.string(expected),
    v.check((text) => {
      const [prefix, partition, of, region, account, ...rest] = text.split(':');
      return (
        prefix === 'arn' &&
        of === service &&
        /^[a-z]+(-[a-z]+)+-\d+$/.test(region ?? '') &&
        partition === partitionOf(region ?? '') &&
        /^\d{12}$/.test(account ?? '') &&
        resource.test(rest.join(':'))
      );
    }, expected),
  );
}

/**
 * ARNs that name another region than that of the stack, which its functions could not use. Where the region is not known,
 * all must name the same one.
 *
 * @param region of the deployment, when the CDK has resolved it.
 * @returns an error for each, in the form of all errors of settings.
 */
export function foreignArns(arns: Readonly<Record<string, string | undefined>>, region?: string): string[] {
  const regions = Object.entries(arns).flatMap(([name, text]) => {
    const of = text?.split(':')[3];
    return of === undefined ? [] : [{ name, of }];
  });
  const [first] = regions;
  const expected = region ?? first?.of;
  const because =
    region === undefined
      ? `${first?.name} in ${expected}: both belong to the stack's region`
      : `the stack is deployed to ${region}`;
  return regions
    .filter(({ of }) => of !== expected)
    .map(({ name, of }) => `${name}: is in ${of}, and ${because}`);
}

/** A key template that the worker will understand. */
export const keyTemplate = v.pipe(
  v.string('expected a key template'),
  parsedBy(parseKeyTemplate),
  shortEnough(1024),
);

/** Allow-list of Zencoder's storage; the output is the text that the functions parse again. */
export const storage = v.pipe(
  v.union([v.string(), v.array(v.string())], 'expected bucket names or origins'),
  v.transform((value) => (typeof value === 'string' ? value : value.join(','))),
  parsedBy(parseStorageAllowList),
  shortEnough(1536),
);

/**
 * Accepts a text that fits the environment of a function beside the variables that the stack sets: Lambda takes 4 KB in
 * all (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
 */
function shortEnough(bytes: number) {
  return v.maxBytes<string, number, string>(
    bytes,
    `must be at most ${bytes} bytes: a function has 4 KB of variables`,
  );
}

/** Accepts a text that `parse` accepts; the message is that of the thrown error. */
function parsedBy(parse: (text: string) => unknown) {
  return v.rawCheck<string>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      parse(dataset.value);
    } catch (error) {
      addIssue({ message: error instanceof Error ? error.message : String(error) });
    }
  });
}
