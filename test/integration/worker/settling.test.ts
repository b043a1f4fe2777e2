import { beforeEach, describe, expect, it } from 'vitest';
import { createEventPublisher, type EventPublisher } from '../../../lambda/shared/events/publisher.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { SourceRefused } from '../../../lambda/worker/copy/errors.ts';
import { deliverInOutage, failOutput, useWorker, worker } from '../../support/worker-fixture.ts';
import { WITH_THUMBNAILS } from '../../support/zencoder-stand-in.ts';

useWorker();
beforeEach(async () => {
  await worker.events();
});

const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id).toSorted();

describe('the settlement of an output', () => {
  it('publishes one event for each failure and each file, and counts them', async () => {
    const { jobId, message } = await failOutput(WITH_THUMBNAILS);
    await worker.deliver(message);
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

  it('counts failures by the known classes, and all others as one, since each class is a metric of its own', async () => {
    for (const errorClass of ['UploadFailureError', 'SomethingNewError', 'uploadfailureerror']) {
      const { message } = await failOutput();
      const failures = message.failures.map((failure) => ({ ...failure, errorClass }));
      await worker.deliver({ ...message, failures });
    }
    const counted = worker.metrics().filter(({ metric }) => metric === 'primaryFailures');
    expect(counted.map(({ by }) => by)).toEqual(['UploadFailureError', 'Other', 'UploadFailureError']);
  });

  it('publishes and counts nothing when the notification is repeated', async () => {
    const { message } = await failOutput();
    await worker.deliver(message);
    await worker.events();
    worker.metrics();
    await worker.deliver(message);
    expect(await worker.events()).toEqual([]);
    expect(worker.metrics()).toEqual([]);
  });

  it('logs job, output, file and message in each line', async () => {
    const { jobId, outputId, message, recoveries } = await failOutput();
    const delivered = await worker.deliver(message);
    const [recovery] = await recoveries();
    expect(worker.lines.length).toBeGreaterThan(0);
    for (const line of worker.lines) {
      expect(line).toMatchObject({ jobId, outputId, messageId: delivered.message.MessageId });
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
    const [deadLetter] = await worker.messaging.drain(worker.deadLetterQueueUrl);
    expect(deadLetter).toMatchObject({
      Body: 'no JSON',
      MessageAttributes: { reason: { StringValue: expect.stringContaining('not JSON') } },
    });
  });
});

/** A topic that does not exist: it refuses every call, like one with a wrong key or policy. */
const refusing = () => createEventPublisher(worker.messaging.sns, `${worker.messaging.topicArn}-of-another`);

/** Replaces the topic for what `work` does. */
async function withTopic<T>(events: EventPublisher, work: () => Promise<T>): Promise<T> {
  const { events: original } = worker.dependencies();
  worker.use({ events });
  try {
    return await work();
  } finally {
    worker.use({ events: original });
  }
}

describe('a topic that refuses events', () => {
  it('does not prevent recovery and settlement of files, or the deletion of the message', async () => {
    const { jobId, message } = await failOutput(WITH_THUMBNAILS);

    const { isDone } = await withTopic(refusing(), () => worker.deliver(message));

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

  it('receives the events once when the notification is repeated', async () => {
    const { message } = await failOutput();
    await withTopic(refusing(), () => worker.deliver(message));
    worker.advance(MINUTE_MS);

    await worker.deliver(message);
    await worker.deliver(message);

    expect((await worker.events()).map(({ type }) => type).toSorted()).toEqual([
      'primary-failure',
      'recovery-recovered',
    ]);
  });

  it('receives an event with the same id again when its response was lost', async () => {
    const { message } = await failOutput();
    const { events: original } = worker.dependencies();
    const silent: EventPublisher = {
      publish: async (events) => {
        await original.publish(events);
        if (events.length > 0) throw new Error('the connection broke');
      },
    };
    await withTopic(silent, () => worker.deliver(message));
    const once = await worker.events();
    worker.advance(MINUTE_MS);

    await worker.deliver(message);

    expect(once).toHaveLength(2);
    expect(ids(await worker.events())).toEqual(ids(once));
  });

  it('does not delay the copy of files while it does not respond', async () => {
    const { jobId, message } = await failOutput();
    const { promise: response, resolve: respond } = Promise.withResolvers<void>();
    const { engine } = worker.dependencies();
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

    const delivery = withTopic({ publish: () => response }, () => worker.deliver(message));
    await copied.promise;
    respond();
    await delivery;

    worker.use({ engine });
    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
  });
});

describe('an event', () => {
  it('is not published for an outcome that was not stored in the ledger', async () => {
    const { jobId, message } = await failOutput();
    const { engine, api } = worker.dependencies();
    let isDead = false;
    worker.use({
      api: null,
      engine: {
        ...engine,
        start: async () => {
          isDead = true;
          throw new SourceRefused('the source responded 403');
        },
      },
    });
    const first = await deliverInOutage(message, () => isDead).finally(() => worker.use({ engine, api }));

    worker.advance(17 * MINUTE_MS);
    await worker.redeliver(first);

    expect((await worker.job(jobId)).recoveries).toMatchObject([{ state: 'recovered' }]);
    const types = new Set((await worker.events()).map(({ type }) => type));
    expect(types).toEqual(new Set(['primary-failure', 'recovery-recovered']));
  });
});
