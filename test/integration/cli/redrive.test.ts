import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moveDeadLetters } from '../../../infra/cli/lib/queues.ts';
import { queueMessages } from '../../../infra/cli/redrive.ts';
import { type RedrivenState, selectRecoveries } from '../../../infra/cli/redrive-selection.ts';
import { recoveryItemKey } from '../../../lambda/shared/ledger/table.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { aFailure, aFile, aLease, anError, anOutput, asRecovered, NOW } from '../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';
import { startMessaging, type TestMessaging } from '../../support/messaging.ts';

const DENIED = 'UploadAccessDeniedError';
const UNRESOLVED = 'UnableToResolveHostError';

let ledger: TestLedger;
let messaging: TestMessaging;
beforeAll(async () => {
  [ledger, messaging] = await Promise.all([startLedger(), startMessaging()]);
  await seed('1', { errorClass: DENIED, age: HOUR_MS, end: 'lost' });
  await seed('2', { errorClass: UNRESOLVED, age: 2 * HOUR_MS, end: 'failed' });
  await seed('3', { errorClass: DENIED, age: 30 * HOUR_MS, end: 'lost' });
  await seed('4', { errorClass: DENIED, age: HOUR_MS, end: 'recovered' });
  await seed('5', { errorClass: DENIED, age: HOUR_MS, end: 'copying' });
});
afterAll(async () => {
  await Promise.all([ledger.close(), messaging.close()]);
});

async function seed(
  jobId: string,
  {
    errorClass,
    age,
    end,
  }: { errorClass: string; age: number; end: 'lost' | 'failed' | 'recovered' | 'copying' },
): Promise<void> {
  const output = anOutput({ jobId, outputId: `${jobId}1`, failedAt: NOW - age });
  await ledger.at(NOW - age).failures.record({ ...output, failures: [aFailure({ errorClass })] });
  const claims = await ledger.at(NOW - age).recoveries.claim(output, [aFile()], aLease(jobId));
  const records = claims.flatMap((claim) => (claim.outcome === 'claimed' ? [claim.record] : []));
  if (end === 'copying') return;
  const settlements = records.map((record) =>
    end === 'recovered'
      ? asRecovered(record)
      : { record, settlement: { state: end, error: anError() } as const },
  );
  await ledger.at(NOW - age + 1000).recoveries.settle(settlements);
}

async function jobs(
  selection: { jobId?: string; outputId?: string; errorClass?: string; since?: number; limit?: number },
  states: readonly RedrivenState[] = ['lost', 'failed'],
): Promise<string[]> {
  const { recoveries } = await selectRecoveries(ledger, { limit: 100, ...selection, states });
  return recoveries.map(({ jobId }) => jobId).toSorted();
}

describe('the selection of a redrive', () => {
  it('omits unreadable records and names them', async () => {
    const [failed] = (await ledger.queries.readJob('2')).recoveries;
    if (failed === undefined) throw new Error('expected a recovery');
    const key = recoveryItemKey(failed);
    await ledger.edit(key, 'attempts', 'many');
    const selection = { limit: 100, states: ['lost', 'failed'] } as const;
    const { recoveries, leftOut } = await selectRecoveries(ledger, selection);
    await ledger.edit(key, 'attempts', failed.attempts);
    expect(recoveries.map(({ jobId }) => jobId).toSorted()).toEqual(['1', '3']);
    expect(leftOut).toBe(`1 record cannot be read: ${key.pk} / ${key.sk}`);
    expect(await selectRecoveries(ledger, selection)).toMatchObject({ leftOut: null });
  });

  it('filters by state', async () => {
    expect(await jobs({})).toEqual(['1', '2', '3']);
    expect(await jobs({}, ['failed'])).toEqual(['2']);
    expect(await jobs({}, ['copying'])).toEqual(['5']);
  });

  it('filters by error class', async () => {
    expect(await jobs({ errorClass: DENIED })).toEqual(['1', '3']);
    expect(await jobs({ errorClass: DENIED }, ['copying', 'lost'])).toEqual(['1', '3', '5']);
  });

  it('filters by job and output, and by error class when given', async () => {
    expect(await jobs({ jobId: '1' })).toEqual(['1']);
    expect(await jobs({ jobId: '1', outputId: '11' })).toEqual(['1']);
    expect(await jobs({ jobId: '1', outputId: '12' })).toEqual([]);
    expect(await jobs({ jobId: '1', errorClass: UNRESOLVED })).toEqual([]);
  });

  it('filters by time of failure', async () => {
    const since = NOW - 24 * HOUR_MS;
    expect(await jobs({ since })).toEqual(['1', '2']);
    expect(await jobs({ since, errorClass: DENIED })).toEqual(['1']);
    expect(await jobs({ since, jobId: '3' })).toEqual([]);
  });

  it('stops at the limit and reports that there are more', async () => {
    const selection = { states: ['lost', 'failed'] as const, limit: 2 };
    const found = await selectRecoveries(ledger, selection);
    expect(found.recoveries).toHaveLength(2);
    expect(found.isAll).toBe(false);
    expect((await selectRecoveries(ledger, { ...selection, limit: 3 })).isAll).toBe(true);
  });
});

describe('messages of a redrive', () => {
  const ignore = async () => undefined;

  it('reach the queue in several batches', async () => {
    const url = await messaging.queue('many');
    const bodies = Array.from({ length: 23 }, (_, index) => `message ${index}`);
    const sent: number[] = [];
    await queueMessages(
      { sqs: messaging.sqs, queueUrl: url },
      bodies,
      async (count) => void sent.push(count),
    );
    const arrived = await messaging.drain(url);
    expect(arrived.map(({ Body = '' }) => Body).toSorted()).toEqual(bodies.toSorted());
    expect(sent).toEqual([23]);
  });

  it('reach the queue when ten of them exceed the 1 MiB of a batch', async () => {
    const url = await messaging.queue('large');
    const bodies = Array.from({ length: 10 }, (_, index) => String(index).repeat(200_000));
    await queueMessages({ sqs: messaging.sqs, queueUrl: url }, bodies, ignore);
    const arrived = await messaging.drain(url);
    expect(arrived.map(({ Body = '' }) => Body.slice(0, 1)).toSorted()).toEqual(
      bodies.map((body) => body.slice(0, 1)),
    );
  });

  it('are moved from the dead-letter queue, each once, and no more than its initial count', async () => {
    const [from, to] = [await messaging.queue('dead'), await messaging.queue('alive')];
    for (const MessageBody of ['a', 'b', 'c']) {
      await messaging.sqs.send(new SendMessageCommand({ QueueUrl: from, MessageBody }));
    }
    expect(await moveDeadLetters(messaging.sqs, { from, to }, 2, ignore)).toBe(2);
    expect(await moveDeadLetters(messaging.sqs, { from, to }, 100, ignore)).toBe(1);
    expect(await messaging.drain(from)).toEqual([]);
    expect((await messaging.drain(to)).map(({ Body = '' }) => Body).toSorted()).toEqual(['a', 'b', 'c']);
  });
});
