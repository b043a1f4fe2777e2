import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { type SourceServer, startSource } from '../../support/source-server.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';

/** One object under several spellings of its URL: one recovery, one object in the bucket. */

const HOUR = 60 * 60 * 1000;
/** The same key, as two signers write it. */
const ESCAPED = 'Episode%20%281%29%7Ea.mp4';
const PLAIN = 'Episode%20(1)~a.mp4';

let worker: TestWorker;
let source: SourceServer;
let lastJob = 800_000;

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(async () => {
  source = await startSource({ file: { size: 1000, etag: '"made-up"' } });
  worker.use({ storage: parseStorageAllowList(`${source.origin}/zencoder-live`), api: null });
});
afterEach(() => source.close());

function nextJob(): string {
  lastJob += 1;
  return String(lastJob);
}

function message(url: string, job = nextJob()): OutputMessage {
  const file = { filename: 'Episode (1)~a.mp4', thumbnailLabel: null, size: null, md5: null };
  return {
    type: 'output',
    version: 1,
    job: { id: job, passThrough: null, test: false },
    output: { id: '1', label: null, type: 'standard' },
    failures: [],
    files: [{ role: 'media', url, deadline: worker.now() + 24 * HOUR, ...file }],
    failedAt: worker.now(),
    origin: 'notification',
  };
}

it('copies a file once that two notifications spell differently', async () => {
  const first = message(`${source.origin}/zencoder-live/o/${ESCAPED}?Signature=0`);
  const again = message(`${source.origin}/zencoder-live/o/${PLAIN}?Signature=1`, first.job.id);

  await worker.deliver(first);
  const asked = source.requests.length;
  await worker.deliver(again);

  const { recoveries } = await worker.job(first.job.id);
  expect(recoveries).toMatchObject([
    { state: 'recovered', source: `${source.origin}/zencoder-live/o/Episode (1)~a.mp4` },
  ]);
  expect(source.requests.length).toBe(asked);
});

it('sends path and query as they are written, white space around the URL apart', async () => {
  const target = `/zencoder-live/o/${ESCAPED}?Signature=q%2b%&Expires=1`;
  const given = message(` ${source.origin}${target}\n`);

  await worker.deliver(given);

  expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
  expect(source.requests.map((request) => request.target)).toEqual([target]);
});

it('knows a file by the spelling that the Zencoder API has for it', async () => {
  await source.close();
  source = await startSource({
    file: { size: 1000, etag: '"made-up"' },
    fault: ({ target }) => (target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined),
  });
  const { jobId, messages } = await worker.failedJob({});
  const api = worker.standIn.api('full');
  const known = await api.getOutput(messages[0]?.output.id ?? '');
  const given = message(`${source.origin}/zencoder-live/o/${ESCAPED}?Signature=0`, `${jobId}1`);
  const fresh = `${source.origin}/zencoder-live/o/${PLAIN}?Signature=1`;
  worker.use({
    storage: parseStorageAllowList(`${source.origin}/zencoder-live`),
    api: { ...api, getOutput: async () => ({ ...known, url: fresh }) },
  });

  await worker.deliver(given);

  const { recoveries } = await worker.job(given.job.id);
  expect(recoveries).toMatchObject([{ state: 'recovered', fileId: fileIdOf(fresh) }]);
});

it('asks no host for a listed bucket in a form that is not allowed, and says which form', async () => {
  worker.use({ storage: parseStorageAllowList('zencoder-live') });
  const given = message('https://zencoder-live.s3.us-gov-west-1.amazonaws.com/o/1.mp4?Signature=0');

  await worker.deliver(given);

  expect((await worker.job(given.job.id)).recoveries).toEqual([]);
  expect(JSON.stringify(worker.lines.at(-1))).toContain('listed bucket, form not allowed');
});
