import type { KeyedFile } from '../../lambda/shared/ledger/claims.ts';
import type { OutputFailures } from '../../lambda/shared/ledger/failures.ts';
import type { OutputOfJob } from '../../lambda/shared/ledger/new-recoveries.ts';
import type { UploadPlan } from '../../lambda/shared/ledger/plan-schema.ts';
import type { ClaimedRecovery, LastError, Lease } from '../../lambda/shared/ledger/records.ts';
import type { Settlement } from '../../lambda/shared/ledger/settlements.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import type { PrimaryFailure } from '../../lambda/shared/zencoder/model.ts';

/** Plausible data for tests of the ledger; each test says only what matters to it. */

/** A fixed present, so that tests decide by numbers and not by the machine's clock. */
export const NOW = Date.parse('2026-03-15T12:00:00.000Z');

let nextId = 1000;

/** A message's head, of a job that no other test knows. */
export function anOutput(given: { jobId?: string; outputId?: string; failedAt?: number } = {}): OutputOfJob {
  const jobId = given.jobId ?? String(nextId++);
  return {
    job: { id: jobId, passThrough: '{"show":"ep-103"}', test: false },
    output: { id: given.outputId ?? String(nextId++), label: 'hd', type: 'standard' },
    failedAt: given.failedAt ?? NOW,
  };
}

export function aFailure(given: Partial<PrimaryFailure> = {}): PrimaryFailure {
  return {
    role: 'media',
    errorClass: 'UploadAccessDeniedError',
    message: 'Access was denied while uploading to s3://acme-video-out/hd.mp4.',
    link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    destinationHost: 'acme-video-out',
    ...given,
  };
}

export function aFailuresMessage(
  given: { jobId?: string; outputId?: string; failedAt?: number; failures?: PrimaryFailure[] } = {},
): OutputFailures {
  return { ...anOutput(given), failures: given.failures ?? [aFailure()] };
}

export function aFile(given: Partial<KeyedFile> & { name?: string } = {}): KeyedFile {
  const name = given.name ?? 'video.mp4';
  return {
    role: 'media',
    url: `https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/20260315/${name}?Signature=secret`,
    deadline: NOW + 24 * HOUR_MS,
    filename: name,
    thumbnailLabel: null,
    size: 1000,
    md5: null,
    key: `1/${name}`,
    ...given,
  };
}

export function thumbnails(count: number): KeyedFile[] {
  return Array.from({ length: count }, (_, index) =>
    aFile({ name: `frame_${index}.png`, role: 'thumbnail', thumbnailLabel: 'strip' }),
  );
}

export function aLease(owner: string, until: number = NOW + HOUR_MS): Lease {
  return { owner, until };
}

export function anError(given: Partial<LastError> = {}): LastError {
  return {
    at: NOW,
    errorClass: 'BucketAccessDenied',
    category: 'action-required',
    message: 'no s3:PutObject',
    ...given,
  };
}

/** The bucket of recovered files in made records. */
export const RECORDED_BUCKET = 'recovered-files';

export function asRecovered(record: ClaimedRecovery): { record: ClaimedRecovery; settlement: Settlement } {
  return {
    record,
    settlement: {
      state: 'recovered',
      bucket: RECORDED_BUCKET,
      key: `${record.jobId}/${record.filename}`,
      size: 1000,
      etag: '"abc"',
      contentType: 'video/mp4',
      verifiedBy: ['size', 'crc32'],
    },
  };
}

export function aPlan(given: Partial<UploadPlan> = {}): UploadPlan {
  return {
    version: 1,
    key: '1/video.mp4',
    uploadId: 'upload-1',
    plannedAt: 1_000,
    size: 3000,
    partBytes: 100,
    parts: 30,
    segmentParts: 10,
    segments: 3,
    sourceEtag: null,
    contentType: 'video/mp4',
    ...given,
  };
}
