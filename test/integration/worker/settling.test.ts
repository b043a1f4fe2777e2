import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EventPublisher, EventsNotPublished } from '../../../lambda/shared/publish-events.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

let worker: TestWorker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker?.close());
beforeEach(async () => {
  worker.metrics();
  worker.lines.splice(0);
  await worker.events();
});

const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id).toSorted();

describe('what an output comes to', () => {
  it('is told as one event for its failure and one for each file, and counted', async () => {
    const { jobId, messages } = await worker.failedJob(WITH_THUMBNAILS);
    await worker.deliver(messages[0] ?? '');
    const events = await worker.events();
    const { failures, recoveries } = await worker.job(jobId);
    expect(events.map(({ type, role }) => `${type} ${role}`).toSorted()).toEqual([
      ...failures.map(({ role }) => `primary-failure ${role}`),
      'recovery-recovered media',
      'recovery-recovered thumbnail',
      'recovery-recovered thumbnail',
    ]);
    expect(new Set(ids(events)).size).toBe(events.length);
    expect(failures.every(({ eventPublishedAt }) => eventPublishedAt !== undefined)).toBe(true);

    const bytes = recoveries.reduce((sum, { size = 0 }) => sum + size, 0);
    const sum = (metric: string) =>
      measured.filter((each) => each.metric === metric).reduce((total, { value }) => total + value, 0);
    const measured = worker.metrics();
    expect(sum('primaryFailures')).toBe(failures.length);
    expect(sum('recoveredFiles')).toBe(3);
    expect(sum('recoveredBytes')).toBe(bytes);
    expect(sum('attempts')).toBe(3);
    expect(measured.filter(({ metric }) => metric === 'timeLeftAtRecovery')).toHaveLength(3);
    expect(measured.filter(({ metric }) => metric === 'timeToRecovered')).toHaveLength(3);
  });

  it('is not told or counted again when its notification is repeated', async () => {
    const { messages } = await worker.failedJob();
    await worker.deliver(messages[0] ?? '');
    await worker.events();
    worker.metrics();
    await worker.deliver(messages[0] ?? '');
    expect(await worker.events()).toEqual([]);
    expect(worker.metrics()).toEqual([]);
  });

  it('has job, output, file and message in each of its log lines', async () => {
    const { jobId, outputIds, messages } = await worker.failedJob();
    const { message } = await worker.deliver(messages[0] ?? '');
    const [recovery] = (await worker.job(jobId)).recoveries;
    expect(worker.lines.length).toBeGreaterThan(0);
    for (const line of worker.lines) {
      expect(line).toMatchObject({ jobId, outputId: outputIds[0], messageId: message.MessageId });
    }
    expect(worker.lines).toContainEqual(
      expect.objectContaining({ message: 'recovered', fileId: recovery?.fileId, role: 'media' }),
    );
    await worker.deliver('no JSON');
    expect(worker.lines.at(-1)).not.toHaveProperty('jobId');
    expect(worker.metrics()).toContainEqual({
      metric: 'messagesNotUnderstood',
      value: 1,
      by: 'MessageNotUnderstood',
    });
    const [buried] = await worker.messaging.drain(worker.deadLetterQueueUrl);
    expect(buried).toMatchObject({
      Body: 'no JSON',
      MessageAttributes: { reason: { StringValue: expect.stringContaining('not JSON') } },
    });
  });
});

describe('a topic that takes no events', () => {
  const dead: EventPublisher = {
    publish: async (events) => {
      if (events.length > 0) throw new EventsNotPublished('the topic did not answer');
    },
  };

  it('lets files be copied, and nothing be settled that was not told', async () => {
    const { jobId, messages } = await worker.failedJob();
    const { events: living } = worker.tools();
    worker.use({ events: dead });
    const first = await worker.deliver(messages[0] ?? '');
    expect(first.isDone).toBe(false);
    expect((await worker.job(jobId)).recoveries).toMatchObject([
      { state: 'pending', lastError: { errorClass: 'EventsNotPublished' } },
    ]);
    const keys = await worker.keys();
    expect(keys.filter((key) => key.includes(jobId))).toHaveLength(1);

    // Even if it takes until long after the URL has ended: the file is in the bucket.
    worker.advance(30 * 3_600_000);
    const still = await worker.redeliver(first);
    worker.use({ events: living });
    worker.advance(3_600_000);
    expect((await worker.redeliver(still)).isDone).toBe(true);
    const { failures, recoveries } = await worker.job(jobId);
    expect(recoveries).toMatchObject([{ state: 'recovered', attempts: 3 }]);
    expect(failures[0]?.eventPublishedAt).toBeDefined();
    expect((await worker.events()).map(({ type }) => type).toSorted()).toEqual([
      'primary-failure',
      'recovery-recovered',
    ]);
  });

  it('gets an event with the same id again when its answer was lost', async () => {
    const { messages } = await worker.failedJob();
    const { events: living } = worker.tools();
    worker.use({
      events: {
        publish: async (events) => {
          await living.publish(events);
          await dead.publish(events);
        },
      },
    });
    const first = await worker.deliver(messages[0] ?? '');
    const told = await worker.events();
    worker.use({ events: living });
    worker.advance(3_600_000);
    expect((await worker.redeliver(first)).isDone).toBe(true);
    expect(ids(await worker.events())).toEqual(ids(told));
  });
});
