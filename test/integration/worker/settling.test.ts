import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEventPublisher, type EventPublisher } from '../../../lambda/shared/events/publisher.ts';
import { SourceRefused } from '../../../lambda/worker/copy/errors.ts';
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
    expect([...failures, ...recoveries].every(({ eventOwedAt }) => eventOwedAt === undefined)).toBe(true);

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

/** A topic that does not exist: it refuses every call, as one does whose key or policy is wrong. */
const refusing = () => createEventPublisher(worker.messaging.sns, `${worker.messaging.topicArn}-of-another`);

/** Replaces the topic for what `work` does. */
async function withTopic<T>(events: EventPublisher, work: () => Promise<T>): Promise<T> {
  const { events: living } = worker.tools();
  worker.use({ events });
  try {
    return await work();
  } finally {
    worker.use({ events: living });
  }
}

describe('a topic that refuses', () => {
  it('keeps no file from being recovered and settled, and no message on the queue', async () => {
    const { jobId, messages } = await worker.failedJob(WITH_THUMBNAILS);

    const { isDone } = await withTopic(refusing(), () => worker.deliver(messages[0] ?? ''));

    expect(isDone).toBe(true);
    const { failures, recoveries } = await worker.job(jobId);
    expect(recoveries.map(({ state }) => state)).toEqual(recoveries.map(() => 'recovered'));
    expect(failures.length).toBeGreaterThan(0);
    const measured = worker.metrics();
    expect(measured.filter(({ metric }) => metric === 'recoveredFiles')).toHaveLength(3);
    const refused = measured.filter(({ metric }) => metric === 'eventsNotPublished');
    expect(refused.reduce((sum, { value }) => sum + value, 0)).toBe(failures.length + recoveries.length);
    expect(new Set(refused.map(({ by }) => by))).toEqual(new Set(['NotFoundException']));
    expect(await worker.ledger.outbox.countOwedBefore(worker.now() + 1)).toBe(
      failures.length + recoveries.length,
    );
  });

  it('gets the events when the notification is repeated, once', async () => {
    const { messages } = await worker.failedJob();
    await withTopic(refusing(), () => worker.deliver(messages[0] ?? ''));
    worker.advance(60_000);

    await worker.deliver(messages[0] ?? '');
    await worker.deliver(messages[0] ?? '');

    expect((await worker.events()).map(({ type }) => type).toSorted()).toEqual([
      'primary-failure',
      'recovery-recovered',
    ]);
  });

  it('gets an event with the same id again when its answer was lost', async () => {
    const { messages } = await worker.failedJob();
    const { events: living } = worker.tools();
    const silent: EventPublisher = {
      publish: async (events) => {
        await living.publish(events);
        if (events.length > 0) throw new Error('the connection broke');
      },
    };
    await withTopic(silent, () => worker.deliver(messages[0] ?? ''));
    const once = await worker.events();
    worker.advance(60_000);

    await worker.deliver(messages[0] ?? '');

    expect(once).toHaveLength(2);
    expect(ids(await worker.events())).toEqual(ids(once));
  });

  it('keeps no file waiting while it does not answer', async () => {
    const { jobId, messages } = await worker.failedJob();
    const { promise: answer, resolve: answered } = Promise.withResolvers<void>();
    const { engine } = worker.tools();
    const copied = Promise.withResolvers<void>();
    worker.use({
      engine: {
        ...engine,
        start: async (job) => {
          copied.resolve();
          return await engine.start(job);
        },
      },
    });

    const delivery = withTopic({ publish: () => answer }, () => worker.deliver(messages[0] ?? ''));
    await copied.promise;
    answered();
    await delivery;

    worker.use({ engine });
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});

describe('an event', () => {
  it('is not published for an end that never came into the ledger', async () => {
    const { jobId, messages } = await worker.failedJob();
    const { engine, api } = worker.tools();
    const { client } = worker.ledger;
    worker.use({
      api: null,
      engine: {
        ...engine,
        start: async () => {
          client.middlewareStack.add(() => () => Promise.reject(new Error('the worker died')), {
            name: 'death',
            step: 'initialize',
          });
          throw new SourceRefused('the source answered 403');
        },
      },
    });
    const first = await worker.deliver(messages[0] ?? '').finally(() => {
      client.middlewareStack.remove('death');
      worker.use({ engine, api });
    });

    worker.advance(17 * 60_000);
    await worker.redeliver(first);

    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
    const types = new Set((await worker.events()).map(({ type }) => type));
    expect(types).toEqual(new Set(['primary-failure', 'recovery-recovered']));
  });
});
