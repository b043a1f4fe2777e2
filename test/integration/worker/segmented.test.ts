import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { signedAnew } from '../../support/messages.ts';
import { messageOf, recoveryOf, worker } from '../../support/worker-fixture.ts';
import { dispatch, faults, untilSettled, useSegments } from './segmented-fixture.ts';

useSegments();

describe('dispatched segments', () => {
  it('are not changed by a repeated notification, which stays in reserve', async () => {
    const { given } = await dispatch();
    const segments = [await worker.receive(), await worker.receive()];
    const before = await recoveryOf(given);

    const repeated = await worker.deliver(given);

    expect(repeated.isDone).toBe(false);
    expect(await recoveryOf(given)).toEqual(before);
    for (const segment of segments) await worker.handle(segment);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 2 });
    expect(await worker.redeliver(repeated)).toMatchObject({ isDone: true });
  });

  it('are queued again by a message in reserve when none has ended for half an hour', async () => {
    const { given } = await dispatch();
    const lost = await worker.receive();
    const { ReceiptHandle } = lost;
    await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
    await worker.next();
    const repeated = await worker.deliver(given);
    expect(repeated.isDone).toBe(false);
    worker.advance(31 * MINUTE_MS);

    expect(await untilSettled(given, [repeated])).toMatchObject({ state: 'recovered' });
  });

  it('are queued at once by the message of a worker that died after planning and before sending them', async () => {
    const given = messageOf(['big.mov']);
    const { queue } = worker.dependencies();
    await worker.send(given);
    const own = await worker.receive();
    const sendsNothing = { ...queue, send: () => Promise.reject(new Error('the queue is unavailable')) };
    expect(await worker.handle(own, { queue: sendsNothing })).toMatchObject({ isDone: false });
    worker.advance(MINUTE_MS);

    await worker.redeliver({ isDone: false, message: own });

    expect(await worker.depth()).toMatchObject({ visible: 2 });
    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });

  it('are copied from the URL of another notification when their own is refused', async () => {
    const { given } = await dispatch();
    const [first] = [await worker.receive(), await worker.receive()];
    worker.advance(31 * MINUTE_MS);
    expect(await worker.deliver(given)).toMatchObject({ isDone: true });
    const [third] = [await worker.receive(), await worker.receive()];
    faults.isRefused = true;
    await worker.handle(first);
    faults.isRefused = false;
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });

    expect(await worker.handle(third)).toMatchObject({ isDone: true });

    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });
});

describe('the segments of one notification', () => {
  /** Handles the visible messages, up to a number of deliveries. */
  async function handleVisible(maxDeliveries: number): Promise<number> {
    let deliveries = 0;
    while (deliveries < maxDeliveries && (await worker.depth()).visible > 0) {
      await worker.next();
      deliveries += 1;
    }
    return deliveries;
  }

  it('are one piece of evidence: a refused URL settles the file as lost once, and a new one recovers it', async () => {
    await worker.events();
    const { given } = await dispatch(4);
    faults.isRefused = true;
    const deliveries = await handleVisible(40);
    faults.isRefused = false;
    worker.advance(HOUR_MS);
    await handleVisible(40);

    expect(deliveries).toBeLessThan(10);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    expect((await worker.events()).map(({ type }) => type)).toEqual(['recovery-lost']);

    await worker.deliver(signedAnew(given, '1'));
    expect(await untilSettled(given, [])).toMatchObject({ state: 'recovered' });
  });

  it('restart the upload of a file that changes with growing delays, and store the reason', async () => {
    faults.isChanging = true;
    const { given } = await dispatch(4);
    const deliveries = await handleVisible(60);
    faults.isChanging = false;

    expect(deliveries).toBeLessThan(12);
    const record = await recoveryOf(given);
    expect(record).toMatchObject({
      lastError: { errorClass: 'SourceChanged' },
      history: [{ errorClass: 'SourceChanged' }],
    });
    expect(record?.nextAttemptAt).toBeGreaterThan(worker.now());
  });
});
