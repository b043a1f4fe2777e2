import { beforeEach, describe, expect, it } from 'vitest';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { nextJobId } from '../../support/messages.ts';
import type { SourceOptions } from '../../support/source-server.ts';
import { messageOf, serveSource, source, useWorker, worker } from '../../support/worker-fixture.ts';

/** The same key, as two signers write it. */
const ESCAPED = 'Episode%20%281%29%7Ea.mp4';
const PLAIN = 'Episode%20(1)~a.mp4';

useWorker();
beforeEach(() => serve({ file: { size: 1000, etag: '"made-up"' } }));

async function serve(options: SourceOptions): Promise<void> {
  await serveSource(options);
  worker.use({ storage: parseStorageAllowList(`${source.origin}/zencoder-live`) });
}

const message = (url: string, jobId = nextJobId()) =>
  messageOf(['Episode (1)~a.mp4'], { jobId, file: { url } });

describe('one object under several spellings of its URL', () => {
  it('is copied once when two notifications differ in their spelling', async () => {
    const first = message(`${source.origin}/zencoder-live/o/${ESCAPED}?Signature=0`);
    const second = message(`${source.origin}/zencoder-live/o/${PLAIN}?Signature=1`, first.job.id);

    await worker.deliver(first);
    const requests = source.requests.length;
    await worker.deliver(second);

    const { recoveries } = await worker.job(first.job.id);
    expect(recoveries).toMatchObject([
      { state: 'recovered', source: `${source.origin}/zencoder-live/o/Episode (1)~a.mp4` },
    ]);
    expect(source.requests.length).toBe(requests);
  });

  it('is requested with path and query as written, without white space around the URL', async () => {
    const target = `/zencoder-live/o/${ESCAPED}?Signature=q%2b%&Expires=1`;
    const given = message(` ${source.origin}${target}\n`);

    await worker.deliver(given);

    expect((await worker.job(given.job.id)).recoveries).toMatchObject([{ state: 'recovered' }]);
    expect(source.requests.map((request) => request.target)).toEqual([target]);
  });

  it('is identified by the spelling of the Zencoder API', async () => {
    await serve({
      file: { size: 1000, etag: '"made-up"' },
      fault: ({ target }) => (target.includes('Signature=0') ? { status: 403, body: 'no' } : undefined),
    });
    const { jobId, messages } = await worker.failedJob({});
    const api = worker.standIn.api('full');
    const known = await api.getOutput(messages[0]?.output.id ?? '');
    const given = message(`${source.origin}/zencoder-live/o/${ESCAPED}?Signature=0`, `${jobId}1`);
    const fresh = `${source.origin}/zencoder-live/o/${PLAIN}?Signature=1`;
    worker.use({ api: { ...api, getOutput: async () => ({ ...known, url: fresh }) } });

    await worker.deliver(given);

    const { recoveries } = await worker.job(given.job.id);
    expect(recoveries).toMatchObject([{ state: 'recovered', fileId: fileIdOf(fresh) }]);
  });

  it('is not requested in a form of a listed bucket that is not allowed, and the form is logged', async () => {
    worker.use({ storage: parseStorageAllowList('zencoder-live') });
    const given = message('https://zencoder-live.s3.us-gov-west-1.amazonaws.com/o/1.mp4?Signature=0');

    await worker.deliver(given);

    expect((await worker.job(given.job.id)).recoveries).toEqual([]);
    expect(JSON.stringify(worker.lines.at(-1))).toContain('listed bucket, form not allowed');
  });
});
