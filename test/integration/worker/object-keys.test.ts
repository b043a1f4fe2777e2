import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { parseKeyTemplate } from '../../../lambda/worker/key-template.ts';
import { deliverAndDie, worker } from '../../support/worker-fixture.ts';
import {
  expectOwnObjects,
  jobId,
  message,
  objects,
  recoveryAt,
  useObjectKeys,
} from './object-keys-fixture.ts';

useObjectKeys();

describe('the key of a file', () => {
  it('is kept when the file is redriven alone after an attempt beside a file of the same name', async () => {
    const given = message(['a/frame_0000.png', 'b/frame_0000.png']);
    await deliverAndDie(given);
    const before = await objects();
    worker.advance(HOUR_MS);

    for (const file of given.files) await worker.deliver({ ...given, files: [file], origin: 'redrive' });

    expect(before.size).toBe(2);
    expect(await objects()).toEqual(before);
    await expectOwnObjects(2);
  });

  it('is kept when a file that was delivered alone is delivered beside a file of the same name', async () => {
    const given = message(['a/frame_0000.png', 'b/frame_0000.png']);
    await deliverAndDie({ ...given, files: given.files.slice(0, 1) });
    worker.advance(16 * MINUTE_MS);

    await worker.deliver(given);

    await expectOwnObjects(2);
    const key = `zencoder-recovery/${jobId}/1/thumbnail/frame_0000.png`;
    expect(await recoveryAt('a/frame_0000.png')).toMatchObject({ key });
  });

  it('is kept when the template changes between two attempts', async () => {
    const first = await deliverAndDie(message(['web.mp4']));
    worker.use({ keyTemplate: parseKeyTemplate('new/{job_id}/{filename}') });
    worker.advance(16 * MINUTE_MS);

    await worker.redeliver(first);

    expect((await recoveryAt('web.mp4')).key).toBe(`zencoder-recovery/${jobId}/1/media/web.mp4`);
    await expectOwnObjects(1);
  });

  it('is not extended by the file id when a message lists the file twice', async () => {
    const given = message(['web.mp4', 'web.mp4']);

    await worker.deliver(given);

    expect([...(await objects()).keys()]).toEqual([`zencoder-recovery/${jobId}/1/media/web.mp4`]);
  });
});
