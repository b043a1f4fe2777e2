import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { beforeEach, expect } from 'vitest';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { DEFAULT_KEY_TEMPLATE, parseKeyTemplate } from '../../../lambda/worker/key-template.ts';
import { nextJobId } from '../../support/messages.ts';
import { BUCKET } from '../../support/worker.ts';
import { messageOf, serveSource, useEngine, useWorker, worker } from '../../support/worker-fixture.ts';

export const SMALL = 1_000;

/** The job of the test. */
export let jobId: string;

export function startJob(): void {
  jobId = nextJobId();
}

/** Runs a worker with the default template, whose source serves small files; each test has a job of its own. */
export function useObjectKeys(): void {
  useWorker();
  beforeEach(async () => {
    await serveSource({ file: { size: SMALL, etag: '"made-up"' } });
    worker.use({ keyTemplate: parseKeyTemplate(DEFAULT_KEY_TEMPLATE) });
    useEngine();
    startJob();
  });
}

/** A message of the test's job; the files' paths are below the job's folder on the source. */
export function message(paths: readonly string[], outputId = '1'): OutputMessage {
  return messageOf(paths, { jobId, outputId, passThrough: 'show' });
}

export async function recoveries(): Promise<readonly RecoveryRecord[]> {
  return (await worker.job(jobId)).recoveries;
}

/** The recovery of the file at a path. */
export async function recoveryAt(path: string): Promise<RecoveryRecord> {
  const found = (await recoveries()).find(({ source: from }) => from.endsWith(`/${path}`));
  if (found === undefined) throw new Error(`${path} has no recovery`);
  return found;
}

/** Keys of the objects of the test's job, with the file that each is of. */
export async function objects(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const Key of await worker.keys()) {
    const { Metadata = {} } = await worker.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key }));
    if (Metadata['zencoder-job'] === String(jobId)) found.set(Key, Metadata['zencoder-file'] ?? '');
  }
  return found;
}

/** Expects that every file was recovered, each into an object of its own. */
export async function expectOwnObjects(count: number): Promise<void> {
  const records = await recoveries();
  expect(records.map(({ state }) => state)).toEqual(Array.from({ length: count }, () => 'recovered'));
  expect(await objects()).toEqual(new Map(records.map(({ key = '', fileId }) => [key, fileId])));
  expect((await objects()).size).toBe(count);
}
