import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { JobRecords } from '../../../lambda/shared/ledger/reads.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { Delivery } from '../zencoder/notifier.ts';
import type { Expectation, ExpectedFile } from './scenarios.ts';
import { uploadsWithParts } from './unfinished-uploads.ts';

/** One thing that has to be true at the end of the demo. */
export interface Check {
  readonly what: string;
  /** What is wrong instead; empty when all is right. */
  readonly errors: readonly string[];
}

/** What the demo ended with. */
export interface DemoOutcome {
  readonly expectations: readonly Expectation[];
  /** By job id. */
  readonly ledger: ReadonlyMap<string, JobRecords>;
  /** As looked up by time, over all jobs. */
  readonly failures: readonly PrimaryFailureRecord[];
  readonly deliveries: readonly Delivery[];
}

/** Holds what arrived against what Zencoder uploaded, byte for byte, and looks for what should not be there. */
export async function verify(s3: S3Client, bucket: string, outcome: DemoOutcome): Promise<Check[]> {
  const files = outcome.expectations.flatMap((expectation) => expectation.files);
  const wanted = files.filter((file) => file.outcome === 'recovered');
  const records = wanted.map((file) => recordOf(outcome.ledger, file));
  return [
    check('every notification was taken at once', deliveryErrors(outcome.deliveries)),
    check(
      `${wanted.length} files are in the bucket, each with the SHA-256 of what Zencoder uploaded`,
      await Promise.all(wanted.map((file) => byteError(s3, bucket, file, recordOf(outcome.ledger, file)))),
    ),
    check('nothing else is in the bucket', await unexpectedObjects(s3, bucket, records)),
    check('no multipart upload is left behind', await unfinishedUploads(s3, bucket)),
    check('the ledger has a recovery for each backup file and for no other', recoveryErrors(outcome, files)),
    check('the ledger has every primary failure, and only those', failureErrors(outcome)),
  ];
}

/** The ledger's record of an expected file. */
export function recordOf(
  ledger: ReadonlyMap<string, JobRecords>,
  file: Pick<ExpectedFile, 'jobId' | 'outputId' | 'role' | 'fileId'>,
): RecoveryRecord | undefined {
  return ledger
    .get(file.jobId)
    ?.recoveries.find(
      ({ outputId, role, fileId }) =>
        outputId === file.outputId && role === file.role && fileId === file.fileId,
    );
}

function check(what: string, errors: readonly (string | null)[]): Check {
  return { what, errors: errors.filter((error) => error !== null) };
}

function deliveryErrors(deliveries: readonly Delivery[]): string[] {
  return deliveries
    .filter(({ state, attempts }) => state !== 'delivered' || attempts.length !== 1)
    .map(({ jobId, state, attempts }) => {
      const responses = attempts.map(({ status, error }) => status ?? error).join(', ');
      return `a notification of job ${jobId ?? '(replayed)'} is ${state} after the responses ${responses}`;
    });
}

async function byteError(
  s3: S3Client,
  bucket: string,
  file: ExpectedFile,
  record: RecoveryRecord | undefined,
): Promise<string | null> {
  const name = `${file.name} of output ${file.outputId}`;
  if (record === undefined) return `${name} is unknown to the ledger`;
  if (record.state !== 'recovered' || record.key === undefined) {
    const { lastError } = record;
    return `${name} is ${record.state}${lastError === undefined ? '' : `: ${lastError.errorClass}: ${lastError.message}`}`;
  }
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: record.key }));
  if (!(Body instanceof Readable)) return `${name} cannot be read from the bucket`;
  const sha256 = createHash('sha256');
  for await (const chunk of Body) sha256.update(chunk);
  return sha256.digest('hex') === file.sha256 ? null : `${name} differs from what Zencoder uploaded`;
}

async function unexpectedObjects(
  s3: S3Client,
  bucket: string,
  records: readonly (RecoveryRecord | undefined)[],
): Promise<string[]> {
  const known = new Set(records.map((record) => record?.key));
  const found: string[] = [];
  let next: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: next }));
    for (const { Key: key = '' } of page.Contents ?? []) if (!known.has(key)) found.push(key);
    next = page.NextContinuationToken;
  } while (next !== undefined);
  return found.map((key) => `${key} should not be there`);
}

async function unfinishedUploads(s3: S3Client, bucket: string): Promise<string[]> {
  const uploads = await uploadsWithParts(s3, bucket);
  return uploads.map(({ key }) => `an upload of ${key} is unfinished`);
}

function recoveryErrors({ expectations, ledger }: DemoOutcome, files: readonly ExpectedFile[]): string[] {
  const wrong = files.flatMap((file) => {
    const state = recordOf(ledger, file)?.state ?? 'unknown';
    return state === file.outcome ? [] : [`${file.name} of output ${file.outputId} is ${state}`];
  });
  const extra = expectations.flatMap(({ jobId, files: own }) => {
    const count = ledger.get(jobId)?.recoveries.length ?? 0;
    return count > own.length ? [`job ${jobId} has ${count} recoveries instead of ${own.length}`] : [];
  });
  return [...wrong, ...extra];
}

function failureErrors({ expectations, failures }: DemoOutcome): string[] {
  const text = (failure: { jobId: string; outputId: string; role: string; errorClass: string }) =>
    `job ${failure.jobId}, output ${failure.outputId}, ${failure.role}: ${failure.errorClass}`;
  const expected = new Set(expectations.flatMap((expectation) => expectation.failures).map(text));
  const recorded = new Set(failures.map(text));
  return [
    ...[...expected].filter((one) => !recorded.has(one)).map((one) => `missing: ${one}`),
    ...[...recorded].filter((one) => !expected.has(one)).map((one) => `too many: ${one}`),
  ];
}
