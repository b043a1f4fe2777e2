import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  ClaimedRecovery,
  PlannedRecovery,
  RecoveryRecord,
} from '../../../../lambda/shared/ledger/records.ts';
import { type FaultProxy, startFaultProxy } from '../../../support/fault-proxy.ts';
import {
  aFailuresMessage,
  aFile,
  aLease,
  anError,
  anOutput,
  aPlan,
  asRecovered,
  NOW,
  thumbnails,
} from '../../../support/ledger-data.ts';
import {
  type DatedLedger,
  datedLedger,
  startLedger,
  type TestLedger,
} from '../../../support/ledger-table.ts';

/** Each write twice, in a table of its own: with all responses, and with the first response lost after the work was done. */

const WRITES = /^(?:Put|Update|Delete|TransactWrite)Item/;
const OUTPUT = anOutput({ jobId: '77', outputId: '7' });
const LATER = NOW + 1000;

let calm: TestLedger;
let lossy: TestLedger;
let proxy: FaultProxy;
let lossyLedger: DatedLedger;
/** Number of responses that the proxy has still to drop. */
let toLose = 0;
let lastOutput = 1000;
beforeAll(async () => {
  [calm, lossy] = await Promise.all([startLedger(), startLedger()]);
  proxy = await startFaultProxy(lossy.endpoint, (operation) => {
    if (toLose === 0 || !WRITES.test(operation)) return undefined;
    toLose -= 1;
    return 'lost-response';
  });
  const client = new DynamoDBClient({
    endpoint: proxy.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  lossyLedger = datedLedger({ ...lossy.table, client });
});
afterAll(async () => {
  lossyLedger?.table.client.destroy();
  await proxy?.close();
  await Promise.all([calm?.close(), lossy?.close()]);
});

async function claimed(ledger: DatedLedger, outputId: string): Promise<ClaimedRecovery> {
  const output = { ...OUTPUT, output: { ...OUTPUT.output, id: outputId } };
  const [claim] = await ledger.recoveries.claim(output, [aFile()], aLease('me'));
  if (claim?.outcome !== 'claimed') throw new Error('expected a claim');
  return claim.record;
}

async function settled(ledger: DatedLedger, outputId: string): Promise<RecoveryRecord> {
  const record = await claimed(ledger, outputId);
  const settlement = { state: 'lost', error: anError({ category: 'lost' }) } as const;
  const [written] = await ledger.recoveries.settle([{ record, settlement }]);
  if (written === undefined) throw new Error('expected a record');
  return written.record;
}

async function planned(ledger: DatedLedger, outputId: string): Promise<ClaimedRecovery & PlannedRecovery> {
  const record = await claimed(ledger, outputId);
  const { record: saved } = await ledger.uploads.savePlan(record, aPlan({ segments: 1, size: 1000 }));
  if (saved.upload === undefined) throw new Error('expected a plan');
  return { ...saved, upload: saved.upload, lease: record.lease };
}

const ref = (key: RecoveryRecord) => ({ key, uploadId: aPlan().uploadId, segment: 0 });

async function dispatched(ledger: DatedLedger, outputId: string): Promise<RecoveryRecord> {
  const record = await planned(ledger, outputId);
  await ledger.uploads.releaseLease(record);
  return record;
}

async function copying(ledger: DatedLedger, outputId: string): Promise<RecoveryRecord> {
  const record = await dispatched(ledger, outputId);
  await ledger.uploads.claimSegment(ref(record), aLease('segment'));
  return record;
}

async function finished(ledger: DatedLedger, outputId: string): Promise<RecoveryRecord> {
  const record = await copying(ledger, outputId);
  await ledger.uploads.finishSegment(ref(record), 'segment', 1000);
  return record;
}

async function open(ledger: DatedLedger, outputId: string): Promise<RecoveryRecord> {
  const record = await claimed(ledger, outputId);
  const [released] = await ledger.recoveries.release([{ record, nextAttemptAt: LATER }]);
  if (released === undefined) throw new Error('expected a record');
  return released.record;
}

const NEXT = { nextAttemptAt: LATER, nextAttemptMessage: { messageId: 'm', receiptHandle: 'r' } };

/** A write on what an earlier step left, by its name. */
function write<T>(
  name: string,
  arrange: (ledger: DatedLedger, outputId: string) => Promise<T>,
  act: (ledger: DatedLedger, given: T) => Promise<unknown>,
) {
  const prepare = async (arranged: DatedLedger, acted: DatedLedger, outputId: string) => {
    const given = await arrange(arranged, outputId);
    return async () => await act(acted, given);
  };
  return [name, prepare] as const;
}

const nothing = async () => undefined;

describe('a ledger write whose first response is lost', () => {
  it.each([
    write('claimFiles, new', nothing, (ledger) => ledger.recoveries.claim(OUTPUT, [aFile()], aLease('me'))),
    write('claimFiles, 30 new', nothing, (ledger) =>
      ledger.recoveries.claim(OUTPUT, thumbnails(30), aLease('me')),
    ),
    write('claimRecoveries', open, (ledger, record) =>
      ledger.at(LATER).recoveries.claimExisting([record], aLease('other')),
    ),
    write('settleRecoveries', claimed, (ledger, record) =>
      ledger.at(LATER).recoveries.settle([asRecovered(record)]),
    ),
    write('releaseRecoveries', claimed, (ledger, record) =>
      ledger.at(LATER).recoveries.release([{ record, error: anError(), ...NEXT }]),
    ),
    write('saveProgress', claimed, (ledger, record) =>
      ledger.at(LATER).recoveries.saveProgress(record, { bytesDone: 1, bytesTotal: 2 }),
    ),
    write('changeKey', claimed, (ledger, record) => ledger.at(LATER).recoveries.changeKey(record, 'second')),
    write('savePlan', claimed, (ledger, record) => ledger.at(LATER).uploads.savePlan(record, aPlan())),
    write('reopenSegments', planned, (ledger, record) =>
      ledger.at(LATER).uploads.reopenSegments(record, [0], 0),
    ),
    write('claimSegment', dispatched, (ledger, record) =>
      ledger.at(LATER).uploads.claimSegment(ref(record), aLease('segment')),
    ),
    write('saveSegmentProgress', copying, (ledger, record) =>
      ledger.at(LATER).uploads.saveSegmentProgress(ref(record), 'segment', 5),
    ),
    write('finishSegment', copying, (ledger, record) =>
      ledger.at(LATER).uploads.finishSegment(ref(record), 'segment', 1000),
    ),
    write('releaseSegment', copying, (ledger, record) =>
      ledger.at(LATER).uploads.releaseSegment(ref(record), 'segment', anError(), NEXT),
    ),
    write('claimCompletion', finished, (ledger, record) =>
      ledger.at(LATER).uploads.claimCompletion(record, aPlan().uploadId, aLease('last')),
    ),
    write(
      'reopenRecovery',
      settled,
      async (ledger, record) => (await ledger.at(LATER).recoveries.reopen(record))?.record,
    ),
    write('noteRetry', settled, (ledger, record) =>
      ledger.at(LATER).recoveries.noteRetry(record, { by: 'operator dashboard', at: LATER }),
    ),
    write('markPublished', settled, (ledger, record) => ledger.outbox.markPublished([record])),
  ])('%s has the same result and effect as with its response', async (_, prepare) => {
    const outputId = String(++lastOutput);
    const key = { jobId: '77', outputId };
    const withAnswer = await (await prepare(calm, calm, outputId))();
    const repeat = await prepare(lossy, lossyLedger, outputId);
    toLose = 1;

    const withoutAnswer = await repeat();

    expect(toLose).toBe(0);
    expect(withoutAnswer).toEqual(withAnswer);
    const [expected, found] = await Promise.all([calm.queries.readJob('77'), lossy.queries.readJob('77')]);
    expect(found).toEqual(expected);
    for (const { role, fileId } of found.recoveries) {
      const whole = { ...key, role, fileId };
      expect(await lossy.queries.readSegments(whole)).toEqual(await calm.queries.readSegments(whole));
    }
  });

  it.each([
    // These return that the change was not theirs, which callers must not take for another's; see `restartUpload`.
    write('dropPlan', planned, (ledger, record) =>
      ledger.at(LATER).uploads.dropPlan(record, record.upload.uploadId),
    ),
    write('releaseLease', planned, (ledger, record) => ledger.at(LATER).uploads.releaseLease(record)),
    write('scheduleNow', open, (ledger, record) => ledger.at(LATER).recoveries.scheduleNow(record)),
    write('noteError', open, (ledger, record) => ledger.recoveries.noteError(record, anError())),
  ])('%s has the same effect as with its response', async (_, prepare) => {
    const outputId = String(++lastOutput);
    await (await prepare(calm, calm, outputId))();
    const repeat = await prepare(lossy, lossyLedger, outputId);
    toLose = 1;

    await repeat();

    expect(toLose).toBe(0);
    expect(await lossy.queries.readJob('77')).toEqual(await calm.queries.readJob('77'));
  });

  it('recordPrimaryFailures keeps the first record and its owed event', async () => {
    const message = aFailuresMessage({ jobId: '78', outputId: '1' });
    toLose = 1;

    await lossyLedger.failures.record(message);

    expect(toLose).toBe(0);
    const { failures } = await lossy.queries.readJob('78');
    expect(failures).toMatchObject([{ role: 'media', recordedAt: NOW, eventOwedAt: NOW }]);
  });

  it('counts an attempt and a finished segment once', async () => {
    const record = await copying(lossy, '5001');
    toLose = 1;
    await lossyLedger.at(LATER).uploads.finishSegment(ref(record), 'segment', 1000);
    toLose = 1;
    await lossyLedger.at(LATER).uploads.claimCompletion(record, aPlan().uploadId, aLease('last'));

    expect(await lossy.queries.readRecovery(record)).toMatchObject({
      attempts: 2,
      bytesDone: 1000,
      upload: { segmentsDone: [0] },
    });
  });
});
