import { crc32 } from 'node:zlib';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { uploadsWithParts } from '../../infra/local/demo/unfinished-uploads.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { contentOf, type SourceServer, startSource } from '../support/source-server.ts';
import { outputOf } from '../support/stack.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** `SEGMENTED_FILE_GIB=20 npm test -- test/e2e/segments.test.ts` copies what the longest invocations are for. */
const SIZE = Number(process.env.SEGMENTED_FILE_GIB ?? 2) * GiB + 12_345;
const SEGMENTS = 10;
const WORKERS = 4;
const KILLS = 3;
/** Part buffers of one worker: `BUFFER_BYTES` in `infra/constructs/worker.ts`. */
const IN_FLIGHT = 128 * MiB;
const PATIENCE_MS = 20 * MINUTE_MS;

let source: SourceServer;
let running: RunningStack;

beforeAll(async () => {
  source = await startSource({ file: { size: SIZE, etag: '"made-up"' } });
  // Only checksums are kept: no machine has room for the bytes, and S3 checks every part and the whole by them.
  running = await startRunningStack({
    bucket: { keepBodies: false, etags: 'opaque' },
    context: {
      segmentBytes: Math.ceil(SIZE / SEGMENTS / MiB) * MiB,
      maxConcurrency: WORKERS,
      workerTimeoutSeconds: 60,
    },
    environment: { ingest: { ZENCODER_STORAGE: source.origin }, worker: { ZENCODER_STORAGE: source.origin } },
  });
});
afterAll(async () => {
  await running?.close();
  await source?.close();
});

it('concurrent invocations copy a large file in segments byte for byte, although three are killed', {
  timeout: PATIENCE_MS,
}, async () => {
  const { stack, ledger } = running;
  const { s3 } = stack.clients;
  const Bucket = outputOf(stack, 'BucketName');
  const jobId = freshId();
  const recovery = async () => (await ledger.queries.readJob(String(jobId))).recoveries[0];

  await post(jobId);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    // Spread over the copy, each while several workers hold a segment.
    await vi.waitFor(
      async () => {
        const record = await recovery();
        if (record === undefined) throw new Error('not begun');
        const atWork = (await ledger.queries.readSegments(record)).filter(({ lease }) => lease !== undefined);
        expect(atWork.length).toBeGreaterThanOrEqual(kill === 1 ? WORKERS : 2);
        expect(source.bytesSent()).toBeGreaterThan((SIZE * kill) / (KILLS + 2));
      },
      { timeout: PATIENCE_MS, interval: 20 },
    );
    expect(stack.functions.kill('worker')).toBe(true);
  }
  const settled = await vi.waitFor(
    async () => {
      const record = await recovery();
      expect(record?.settledAt).toBeDefined();
      return record;
    },
    { timeout: PATIENCE_MS, interval: 100 },
  );

  expect(settled).toMatchObject({ state: 'recovered', size: SIZE, bytesDone: SIZE });
  const object = await s3.send(new HeadObjectCommand({ Bucket, Key: settled?.key, ChecksumMode: 'ENABLED' }));
  expect(object.ContentLength).toBe(SIZE);
  expect(object.ChecksumType).toBe('FULL_OBJECT');
  expect(object.ChecksumCRC32).toBe(checksumOfSource());
  expect(await uploadsWithParts(s3, Bucket)).toEqual([]);
  const excess = source.bytesSent() - SIZE;
  expect(excess).toBeLessThanOrEqual(KILLS * IN_FLIGHT);
  console.log(
    `fetched ${excess / MiB} MiB more than the ${SIZE / GiB} GiB of the file, after ${KILLS} kills`,
  );
});

async function post(jobId: number): Promise<void> {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const url = `${source.origin}/o/mezzanine.mov?X-Amz-Date=${date}&X-Amz-Expires=86399&X-Amz-Signature=00`;
  const body = JSON.stringify({
    output: {
      id: 1,
      state: 'finished',
      type: 'standard',
      url,
      backup_server_used: true,
      file_size_in_bytes: SIZE,
    },
    job: { id: jobId, state: 'finished' },
  });
  expect((await running.post(body)).status).toBe(202);
}

/** CRC32 of the whole made-up file as S3 writes it, computed over its bytes. */
function checksumOfSource(): string {
  const step = 16 * MiB;
  let crc = 0;
  for (let from = 0; from < SIZE; from += step) {
    crc = crc32(contentOf({ size: SIZE }, from, Math.min(SIZE, from + step)), crc);
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
