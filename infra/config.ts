import * as v from 'valibot';
import { DEFAULT_ZENCODER_API_URL } from '../lambda/shared/zencoder/api.ts';
import { DEFAULT_ZENCODER_STORAGE } from '../lambda/shared/zencoder/storage.ts';
import { DEFAULT_KEY_TEMPLATE } from '../lambda/worker/key-template.ts';
import {
  accountId,
  bucketName,
  emailAddress,
  foreignArns,
  httpsUrl,
  keyArn,
  keyTemplate,
  oneOf,
  onOff,
  previousBuckets,
  secretArn,
  stackName,
  storage,
  tableName,
  unknownSettings,
  wholeNumber,
} from './settings.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Retention periods that CloudWatch Logs offers, in days. */
const RETENTION_DAYS = [
  '1',
  '3',
  '5',
  '7',
  '14',
  '30',
  '60',
  '90',
  '180',
  '365',
  '731',
  '1827',
  '3653',
] as const;

/**
 * Every setting of the stack. Each is a context key of its own: in `cdk.json` under `"context"`, or on the command
 * line as `cdk deploy -c bucketName=my-bucket`, where everything arrives as text and is converted here.
 */
const entries = v.object({
  /**
   * Name of the CloudFormation stack. Nothing else has a fixed name, so stacks of different names can exist side by
   * side in one account and region.
   *
   * @default ZencoderRecovery
   */
  stackName: v.optional(stackName, 'ZencoderRecovery'),
  /**
   * Your own bucket for the recovered files, in the region of the stack. It stays as it is: the stack adds no policy
   * and no lifecycle rule to it.
   *
   * @default - the stack makes a bucket, which outlives the stack
   */
  bucketName: v.optional(bucketName),
  /**
   * Id of the account that owns your bucket. Every call to S3 states it, and S3 refuses a bucket of any other account.
   *
   * @default - the account of the stack
   */
  bucketOwner: v.optional(accountId),
  /**
   * ARN of the KMS key by which your own bucket encrypts, in its region, so that the worker may use it.
   *
   * @default - no key: the bucket encrypts by SSE-S3 or the AWS managed key
   */
  bucketKmsKeyArn: v.optional(keyArn),
  /**
   * Buckets that recovered files went into before, in the region of the stack: the dashboard goes on making links to those
   * files. Each a name, or an object with `bucketName`, `bucketOwner` and `bucketKmsKeyArn`, which mean the same as above.
   *
   * @default - none
   */
  previousBuckets: v.optional(previousBuckets, []),
  /**
   * Name of the DynamoDB table that is the ledger, in the region of the stack: one that an earlier stack left, or that
   * was restored from a backup. It stays as it is.
   *
   * @default - the stack makes a table, which outlives the stack
   */
  existingTableName: v.optional(tableName),
  /**
   * Whether CloudFormation refuses to delete the stack. It also refuses to delete one whose first deploy has failed, which
   * `cdk deploy` does before it tries again: so the first deploy is made with false.
   *
   * @default true
   */
  terminationProtection: v.optional(onOff, true),
  /**
   * Key of a recovered file in the bucket; the placeholders are listed at `parseKeyTemplate`.
   *
   * @default zencoder-recovery/{job_id}/{output_id}/{role}/{thumbnail_label}/{filename}
   */
  keyTemplate: v.optional(keyTemplate, DEFAULT_KEY_TEMPLATE),
  /**
   * Where Zencoder keeps backup files: exact bucket names or origins, as a list or separated by commas. No request
   * leaves for any other place.
   *
   * @default zencoder-temp-storage-us-east-1, zencoder-live
   */
  zencoderStorage: v.optional(storage, DEFAULT_ZENCODER_STORAGE),
  /**
   * Whether to collect also outputs that were made without any destination: Zencoder keeps those on the same storage
   * for the same 24 hours, although no upload failed.
   *
   * @default false
   */
  collectUnsentOutputs: v.optional(onOff, false),
  /**
   * Whether to deploy the dashboard: pages and a JSON API behind credentials of their own.
   *
   * @default true
   */
  dashboard: v.optional(onOff, true),
  /**
   * Hours before its deadline from which a recovery that is still open counts as at risk.
   *
   * @default 6
   */
  atRiskHours: v.optional(wholeNumber(1, 24), 6),
  /**
   * Failed uploads to your own destination within an hour from which an alarm says so: the destination is broken, although
   * the files are being recovered.
   *
   * @default 10
   */
  failedUploadsPerHour: v.optional(wholeNumber(1, 1_000_000), 10),
  /**
   * Minutes between two runs of reconcile, which looks for stalled recoveries and for failed uploads without a
   * notification.
   *
   * @default 5
   */
  reconcileMinutes: v.optional(wholeNumber(1, 60), 5),
  /**
   * Whole ARN, in the region of the stack, of your own secret that holds a full-access Zencoder API key, as plain text or as
   * JSON with `apiKey`. With it URLs are refreshed, recoveries can be redriven, and failed uploads are found without a notification.
   *
   * @default - no key: all of that waits for notifications
   */
  zencoderApiKeySecretArn: v.optional(secretArn),
  /**
   * Base of the Zencoder API, for other than the usual address.
   *
   * @default https://app.zencoder.com/api/v2
   */
  zencoderApiUrl: v.optional(httpsUrl, DEFAULT_ZENCODER_API_URL),
  /**
   * E-mail address that alarms are sent to; AWS sends it a confirmation email first.
   *
   * @default - none: subscribe what you like to the topic in the output AlarmTopicArn
   */
  alarmEmail: v.optional(emailAddress),
  /**
   * How many workers may copy at once, at least 2 (what Lambda allows for a queue). With the default, the functions of
   * the stack fit into the concurrency of a new account, which is 10.
   *
   * @default 5
   */
  maxConcurrency: v.optional(wholeNumber(2, 1000), 5),
  /**
   * Invocations of ingest that have their place whatever else runs in the account; it is also the most that run at once.
   * Lambda leaves at least 100 of an account's concurrency unreserved, so a new account cannot reserve any;
   * `npm run preflight` says whether this one can.
   * https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
   *
   * @default - none: ingest shares the account's concurrency with all other functions
   */
  ingestReservedConcurrency: v.optional(wholeNumber(2, 1000)),
  /**
   * How long one worker invocation may take, in seconds. The queue hides a message a little longer than that, so it
   * is also how soon the work of a crashed worker is resumed.
   *
   * @default 900
   */
  workerTimeoutSeconds: v.optional(wholeNumber(2, 900), 900),
  /**
   * Memory of the worker in MB, which on Lambda also buys its share of a processor.
   *
   * @default 768
   */
  workerMemoryMb: v.optional(wholeNumber(512, 10_240), 768),
  /**
   * Files larger than this many bytes are copied in segments by several workers at once.
   *
   * @default 8589934592, about two minutes at the 65 MB/s that one Lambda function carries
   */
  segmentBytes: v.optional(wholeNumber(5 * MIB, 64 * GIB), 8 * GIB),
  /**
   * After how many days DynamoDB removes a settled record; 0 keeps records for ever.
   *
   * @default 0
   */
  recordTtlDays: v.optional(wholeNumber(0, 3650), 0),
  /**
   * Minimum level of the log lines that are written: DEBUG, INFO, WARN or ERROR.
   *
   * @default INFO
   */
  logLevel: v.optional(oneOf('DEBUG', 'INFO', 'WARN', 'ERROR'), 'INFO'),
  /**
   * How many days CloudWatch keeps logs: one of the periods that it offers.
   *
   * @default 90
   */
  logRetentionDays: v.optional(v.pipe(oneOf(...RETENTION_DAYS), v.transform(Number)), '90'),
});

const OWN_BUCKET = 'belongs to a bucket of your own: set bucketName as well';

const settings = v.pipe(
  entries,
  v.forward(
    v.partialCheck(
      [['bucketName'], ['bucketOwner']],
      ({ bucketName, bucketOwner }) => bucketOwner === undefined || bucketName !== undefined,
      OWN_BUCKET,
    ),
    ['bucketOwner'],
  ),
  v.forward(
    v.partialCheck(
      [['bucketName'], ['bucketKmsKeyArn']],
      ({ bucketName, bucketKmsKeyArn }) => bucketKmsKeyArn === undefined || bucketName !== undefined,
      OWN_BUCKET,
    ),
    ['bucketKmsKeyArn'],
  ),
);

/** Names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(entries.entries);

/** The parsed settings; absent are only those without a default. */
export type Config = Readonly<v.InferOutput<typeof settings>>;

/** Settings that cannot be deployed; the message has a line for each error. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig';
}

/**
 * Reads the settings from the context of a CDK app. Context keys that belong to the CDK itself are passed over.
 *
 * @param region of the deployment, when the CDK has resolved it.
 * @throws {InvalidConfig} naming every invalid and every unknown setting at once.
 */
export function parseConfig(context: Readonly<Record<string, unknown>>, region?: string): Config {
  const errors = unknownSettings(Object.keys(context), SETTINGS);
  const result = v.safeParse(settings, context);
  const byName = Map.groupBy(result.issues ?? [], nameOf);
  for (const [name, issues] of byName) {
    errors.push(`${name}: ${issues[0]?.message ?? 'wrong'}, found ${JSON.stringify(context[name])}`);
  }
  if (result.success) {
    const { bucketKmsKeyArn, zencoderApiKeySecretArn } = result.output;
    errors.push(...foreignArns({ bucketKmsKeyArn, zencoderApiKeySecretArn }, region));
  }
  if (!result.success || errors.length > 0) {
    const list = errors.map((error) => `  - ${error}`).join('\n');
    throw new InvalidConfig(`The settings (context in cdk.json, or -c) have errors:\n${list}`);
  }
  return result.output;
}

function nameOf(issue: v.InferIssue<typeof settings>): string {
  return v.getDotPath(issue)?.split('.')[0] ?? 'context';
}
