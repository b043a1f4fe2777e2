import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, freshId, type RunningStack, startRunningStack } from '../support/running-stack.ts';

const MiB = 2 ** 20;

let running: RunningStack;
beforeAll(async () => {
  // Of an older account, so that none of eleven notifications at once is throttled.
  running = await startRunningStack({ accountConcurrency: 1000 });
});
afterAll(() => running?.close());

function output(id: number, url: string, changes: object = {}) {
  return {
    id,
    label: 'web',
    state: 'finished',
    type: 'standard',
    url,
    backup_server_used: true,
    primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    primary_upload_error_message: 'Access was denied while uploading to s3://acme-video-out/web.mp4.',
    ...changes,
  };
}

const jobOf = (id: number) => ({ id, state: 'finished', pass_through: 'asset:1', test: false });

describe('a failed upload', () => {
  it('creates a file in the bucket and a primary failure in the ledger', async () => {
    const [jobId, outputId] = [freshId(), freshId()];
    const body = randomBytes(300_000);
    const url = await running.keep(`o/20261122/${jobId}/media.mp4`, body);

    const response = await running.post(
      JSON.stringify({ output: output(outputId, url), job: jobOf(jobId), input: {} }),
    );
    const { failures, recoveries } = await running.settled(String(jobId), 1);

    expect(response.status).toBe(202);
    expect(failures).toMatchObject([
      {
        errorClass: 'UploadAccessDeniedError',
        role: 'media',
        outputId: String(outputId),
        passThrough: 'asset:1',
      },
    ]);
    expect(recoveries).toMatchObject([
      { state: 'recovered', size: body.length, attempts: 1, contentType: 'video/mp4' },
    ]);
    const key = recoveries[0]?.key ?? '';
    expect(key).toBe(`zencoder-recovery/${jobId}/${outputId}/media/media.mp4`);
    expect(await running.digest(key)).toBe(digestOf(body));
  });

  it('creates one object, one recovery and one primary failure from eleven concurrent notifications of output and job', async () => {
    const [jobId, outputId] = [freshId(), freshId()];
    const path = `o/20261122/${jobId}/media.mp4`;
    const body = randomBytes(20 * MiB);
    await running.keep(path, body);
    const single = () =>
      JSON.stringify({ output: output(outputId, running.sign(path)), job: jobOf(jobId), input: {} });
    const whole = () =>
      JSON.stringify({
        outputs: [output(outputId, running.sign(path, 80_000))],
        job: jobOf(jobId),
        input: {},
      });

    const responses = await Promise.all(
      [...Array.from({ length: 10 }, single), whole()].map((each) => running.post(each)),
    );
    const { failures, recoveries } = await running.settled(String(jobId), 1);
    await running.idle();

    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => 202));
    expect(failures).toHaveLength(1);
    expect(recoveries).toMatchObject([{ state: 'recovered', attempts: 1 }]);
    const keys = await running.keys(`zencoder-recovery/${jobId}/`);
    expect(keys).toHaveLength(1);
    expect(await running.digest(keys[0] ?? '')).toBe(digestOf(body));
    expect(await running.uploads()).toBe(0);
  });
});
