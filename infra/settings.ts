import * as v from 'valibot';
import { parseStorageAllowList } from '../lambda/shared/storage-hosts.ts';
import { parseKeyTemplate } from '../lambda/worker/key-template.ts';

/**
 * What the settings in `config.ts` are made of. Each schema takes a value as written in `cdk.json` and the same value
 * as text from `-c name=value`; each says in its message what it expects, not what is wrong.
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

/** ARN of a resource of one service, with region and account. */
export function arn(service: string, resource: RegExp) {
  const expected = `expected the ARN of a ${service} ${service === 'kms' ? 'key (not of an alias)' : 'resource'}`;
  return v.pipe(
    v.string(expected),
    v.check((text) => {
      const [prefix, partition, of, region, account, ...rest] = text.split(':');
      return (
        prefix === 'arn' &&
        /^aws(-[a-z]+)*$/.test(partition ?? '') &&
        of === service &&
        /^[a-z]+(-[a-z]+)+-\d+$/.test(region ?? '') &&
        /^\d{12}$/.test(account ?? '') &&
        resource.test(rest.join(':'))
      );
    }, expected),
  );
}

/** A key template that the worker will understand. */
export const keyTemplate = v.pipe(
  v.string('expected a key template'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed) reportThrown(() => parseKeyTemplate(dataset.value), addIssue);
  }),
);

/** Allow-list of Zencoder's storage; the outcome is the text that the functions parse again. */
export const storage = v.pipe(
  v.union([v.string(), v.array(v.string())], 'expected bucket names or origins'),
  v.transform((value) => (typeof value === 'string' ? value : value.join(','))),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed) reportThrown(() => parseStorageAllowList(dataset.value), addIssue);
  }),
);

function reportThrown(parse: () => unknown, addIssue: (issue: { message: string }) => void): void {
  try {
    parse();
  } catch (error) {
    addIssue({ message: error instanceof Error ? error.message : String(error) });
  }
}
