import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publishOwedEvents } from '../../../lambda/reconcile/owed-events.ts';
import type { RecoveryEvent } from '../../../lambda/shared/events/events.ts';
import {
  createEventPublisher,
  type EventPublisher,
  EventsNotPublished,
} from '../../../lambda/shared/events/publisher.ts';
import { failureItemKey } from '../../../lambda/shared/ledger/table.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { MetricKey } from '../../../lambda/shared/runtime/metrics.ts';
import { aFailuresMessage, aFile, aLease, anOutput, asRecovered, NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { startMessaging, type TestMessaging } from '../../support/messaging.ts';

let ledger: TestLedger;
let messaging: TestMessaging;
let queue: string;
let publisher: EventPublisher;
let measured: Partial<Record<MetricKey, number>>;
let lines: unknown[];

beforeAll(async () => {
  [ledger, messaging] = await Promise.all([startLedger(), startMessaging()]);
  queue = await messaging.subscribe('subscriber');
  publisher = createEventPublisher(messaging.sns, messaging.topicArn);
});
afterAll(() => Promise.all([ledger?.close(), messaging?.close()]));
beforeEach(async () => {
  await run();
  await published();
});

/** One run, an hour after the records of the test. */
async function run(given: { events?: EventPublisher; now?: () => number; stopAt?: number } = {}) {
  const { events = publisher, now = () => NOW + 60 * MINUTE_MS, stopAt = NOW + 61 * MINUTE_MS } = given;
  [measured, lines] = [{}, []];
  const log = (...line: unknown[]) => void lines.push(line);
  const meter = {
    add: (metric: MetricKey, value: number) => {
      measured[metric] = value;
    },
  };
  const logger = { info: log, warn: log, error: log };
  return await publishOwedEvents(stopAt, { ledger, events, meter, logger, now });
}

async function published(): Promise<RecoveryEvent[]> {
  const messages = await messaging.drain(queue);
  return messages.map(({ Body = '' }): RecoveryEvent => JSON.parse(Body));
}

async function oweFailure(at = NOW) {
  const [failure] = await ledger.at(at).failures.record(aFailuresMessage());
  if (failure === undefined) throw new Error('not recorded');
  return failure.record;
}

async function oweRecovered(at = NOW) {
  const [claim] = await ledger.at(at).recoveries.claim(anOutput(), [aFile()], aLease('worker', at + 1));
  if (claim?.outcome !== 'claimed') throw new Error('not claimed');
  await ledger.at(at).recoveries.settle([asRecovered(claim.record)]);
  return claim.record;
}

/** A publisher that keeps the order of events, which a queue does not. */
function recording(events: RecoveryEvent[]): EventPublisher {
  return { publish: async (more) => void events.push(...more) };
}

describe('publishOwedEvents', () => {
  it('publishes owed events once, the oldest first', async () => {
    const events: RecoveryEvent[] = [];
    const records = [await oweFailure(NOW + 3), await oweRecovered(NOW + 1), await oweFailure(NOW + 2)];

    expect(await run({ events: recording(events) })).toEqual({ published: 3, owed: 0 });

    expect(events.map(({ job }) => job.id)).toEqual([1, 2, 0].map((index) => records[index]?.jobId));
    expect(measured).toEqual({ eventsOwed: 0, oldestEventOwed: 0 });
    expect(await run()).toEqual({ published: 0, owed: 0 });
    expect(await published()).toEqual([]);
  });

  it('publishes the complete event of a record', async () => {
    const record = await oweRecovered();
    await run();
    expect(await published()).toMatchObject([
      {
        type: 'recovery-recovered',
        job: { id: record.jobId, passThrough: record.passThrough },
        output: { id: record.outputId, label: 'hd' },
        object: { key: `${record.jobId}/video.mp4`, size: 1000, verifiedBy: ['size', 'crc32'] },
      },
    ]);
  });

  it('stops after a refused call, and reports the number and the age of owed events', async () => {
    for (let index = 0; index < 120; index += 1) await oweFailure(NOW + index);
    const calls: number[] = [];
    const refusing = createEventPublisher(messaging.sns, `${messaging.topicArn}-of-another`);
    const events: EventPublisher = {
      publish: async (more) => {
        calls.push(more.length);
        await refusing.publish(more);
      },
    };

    expect(await run({ events })).toEqual({ published: 0, owed: 120 });

    expect(calls).toHaveLength(1);
    expect(measured).toEqual({
      eventsOwed: 120,
      oldestEventOwed: 60 * MINUTE_MS,
      eventsNotPublished: calls[0],
    });
    expect(JSON.stringify(lines)).toContain('NotFoundException');
    expect(await run()).toEqual({ published: 120, owed: 0 });
    expect(new Set((await published()).map(({ id }) => id)).size).toBe(120);
  });

  it('continues after a single event that the topic refuses', async () => {
    const odd = await oweFailure(NOW + 1);
    await oweFailure(NOW + 2);
    const events: EventPublisher = {
      publish: async (more) => {
        await publisher.publish(more.filter(({ job }) => job.id !== odd.jobId));
        const refused = more.filter(({ job }) => job.id === odd.jobId);
        throw new EventsNotPublished(
          refused.map(({ id }) => ({ id, code: 'InvalidParameter' })),
          more.length,
        );
      },
    };

    expect(await run({ events })).toEqual({ published: 1, owed: 1 });

    expect(measured).toMatchObject({ eventsOwed: 1, oldestEventOwed: 60 * MINUTE_MS - 1 });
  });

  it('publishes other events beside an unreadable record, which it counts as owed', async () => {
    const damaged = await oweFailure(NOW + 1);
    const whole = await oweFailure(NOW + 2);
    const change = (test: unknown) =>
      ledger.client.send(
        new UpdateItemCommand({
          TableName: ledger.tableName,
          Key: marshall(failureItemKey(damaged)),
          UpdateExpression: 'SET #test = :test',
          ExpressionAttributeNames: { '#test': 'test' },
          ExpressionAttributeValues: marshall({ ':test': test }),
        }),
      );
    await change('perhaps');

    expect(await run()).toEqual({ published: 1, owed: 1 });

    expect((await published()).map(({ job }) => job.id)).toEqual([whole.jobId]);
    await change(false);
  });

  it('leaves an event that was stored a moment ago to the worker that publishes it', async () => {
    const now = () => NOW + 1000;
    await oweFailure(NOW);
    expect(await run({ now })).toEqual({ published: 0, owed: 0 });
    expect(await ledger.outbox.countOwedBefore(now())).toBe(1);
  });

  it('continues in the next run when its time is over', async () => {
    await oweFailure(NOW);
    expect(await run({ stopAt: NOW })).toEqual({ published: 0, owed: 1 });
    expect(measured).toEqual({ eventsOwed: 1, oldestEventOwed: 60 * MINUTE_MS });
    expect(await run()).toEqual({ published: 1, owed: 0 });
  });
});
