import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimFiles, claimRecoveries } from '../../../../lambda/shared/ledger/claims.ts';
import { recordPrimaryFailures } from '../../../../lambda/shared/ledger/failures.ts';
import { changeKey } from '../../../../lambda/shared/ledger/object-key.ts';
import { markPublished } from '../../../../lambda/shared/ledger/outbox.ts';
import { readJob, readRecovery, readSegments } from '../../../../lambda/shared/ledger/reads.ts';
import type { ClaimedRecovery, RecoveryRecord } from '../../../../lambda/shared/ledger/records.ts';
import { noteError, reopenRecovery, scheduleNow } from '../../../../lambda/shared/ledger/reopenings.ts';
import {
  claimSegment,
  finishSegment,
  releaseSegment,
  saveSegmentProgress,
} from '../../../../lambda/shared/ledger/segments.ts';
import {
  releaseRecoveries,
  saveProgress,
  settleRecoveries,
} from '../../../../lambda/shared/ledger/settlements.ts';
import type { LedgerTable } from '../../../../lambda/shared/ledger/table.ts';
import {
  claimCompletion,
  dropPlan,
  type PlannedRecovery,
  releaseLease,
  reopenSegments,
  savePlan,
} from '../../../../lambda/shared/ledger/upload-plans.ts';
import { type FaultProxy, startFaultProxy } from '../../../soak/fault-proxy.ts';
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
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

/** Each write twice, in a table of its own: with all answers, and with the first answer lost after the work was done. */

const WRITES = /^(?:Put|Update|Delete|TransactWrite)Item/;
const OUTPUT = anOutput({ jobId: '77', outputId: '7' });
const LATER = NOW + 1000;

let calm: TestLedger;
let lossy: TestLedger;
let proxy: FaultProxy;
let lossyTable: LedgerTable;
/** Answers that the proxy is still to lose. */
let toLose = 0;
let lastOutput = 1000;
beforeAll(async () => {
  [calm, lossy] = await Promise.all([startLedger(), startLedger()]);
  proxy = await startFaultProxy(lossy.endpoint, (operation) => {
    if (toLose === 0 || !WRITES.test(operation)) return undefined;
    toLose -= 1;
    return 'lost-answer';
  });
  const client = new DynamoDBClient({
    endpoint: proxy.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  lossyTable = { ...lossy.table, client };
});
afterAll(async () => {
  lossyTable?.client.destroy();
  await proxy?.close();
  await Promise.all([calm?.close(), lossy?.close()]);
});

async function claimed(table: LedgerTable, outputId: string): Promise<ClaimedRecovery> {
  const output = { ...OUTPUT, output: { ...OUTPUT.output, id: outputId } };
  const [claim] = await claimFiles(table, output, [aFile()], aLease('me'), NOW);
  if (claim?.outcome !== 'claimed') throw new Error('expected a claim');
  return claim.record;
}

async function settled(table: LedgerTable, outputId: string): Promise<RecoveryRecord> {
  const record = await claimed(table, outputId);
  const settlement = { state: 'lost', error: anError({ category: 'lost' }) } as const;
  const [written] = await settleRecoveries(table, [{ record, settlement }], NOW);
  if (written === undefined) throw new Error('expected a record');
  return written.record;
}

async function planned(table: LedgerTable, outputId: string): Promise<ClaimedRecovery & PlannedRecovery> {
  const record = await claimed(table, outputId);
  const { record: saved } = await savePlan(table, record, aPlan({ segments: 1, size: 1000 }), NOW);
  if (saved.upload === undefined) throw new Error('expected a plan');
  return { ...saved, upload: saved.upload, lease: record.lease };
}

const ref = (key: RecoveryRecord) => ({ key, uploadId: aPlan().uploadId, segment: 0 });

async function dispatched(table: LedgerTable, outputId: string): Promise<RecoveryRecord> {
  const record = await planned(table, outputId);
  await releaseLease(table, record, NOW);
  return record;
}

async function copying(table: LedgerTable, outputId: string): Promise<RecoveryRecord> {
  const record = await dispatched(table, outputId);
  await claimSegment(table, ref(record), aLease('segment'), NOW);
  return record;
}

async function finished(table: LedgerTable, outputId: string): Promise<RecoveryRecord> {
  const record = await copying(table, outputId);
  await finishSegment(table, ref(record), 'segment', 1000, NOW);
  return record;
}

async function open(table: LedgerTable, outputId: string): Promise<RecoveryRecord> {
  const record = await claimed(table, outputId);
  const [released] = await releaseRecoveries(table, [{ record, nextAttemptAt: LATER }], NOW);
  if (released === undefined) throw new Error('expected a record');
  return released.record;
}

const NEXT = { nextAttemptAt: LATER, nextAttemptMessage: { messageId: 'm', receiptHandle: 'r' } };

/** A write on what an earlier step left, by its name. */
function write<T>(
  name: string,
  arrange: (table: LedgerTable, outputId: string) => Promise<T>,
  act: (table: LedgerTable, given: T) => Promise<unknown>,
) {
  const prepare = async (arranged: LedgerTable, acted: LedgerTable, outputId: string) => {
    const given = await arrange(arranged, outputId);
    return async () => await act(acted, given);
  };
  return [name, prepare] as const;
}

const nothing = async () => undefined;

describe('a write whose answer is lost', () => {
  it.each([
    write('claimFiles, new', nothing, (table) => claimFiles(table, OUTPUT, [aFile()], aLease('me'), NOW)),
    write('claimFiles, 30 new', nothing, (table) =>
      claimFiles(table, OUTPUT, thumbnails(30), aLease('me'), NOW),
    ),
    write('claimRecoveries', open, (table, record) =>
      claimRecoveries(table, [record], aLease('other'), LATER),
    ),
    write('settleRecoveries', claimed, (table, record) =>
      settleRecoveries(table, [asRecovered(record)], LATER),
    ),
    write('releaseRecoveries', claimed, (table, record) =>
      releaseRecoveries(table, [{ record, error: anError(), ...NEXT }], LATER),
    ),
    write('saveProgress', claimed, (table, record) =>
      saveProgress(table, record, { bytesDone: 1, bytesTotal: 2, at: LATER }),
    ),
    write('changeKey', claimed, (table, record) => changeKey(table, record, 'second', LATER)),
    write('savePlan', claimed, (table, record) => savePlan(table, record, aPlan(), LATER)),
    write('reopenSegments', planned, (table, record) => reopenSegments(table, record, [0], 0, LATER)),
    write('claimSegment', dispatched, (table, record) =>
      claimSegment(table, ref(record), aLease('segment'), LATER),
    ),
    write('saveSegmentProgress', copying, (table, record) =>
      saveSegmentProgress(table, ref(record), 'segment', { bytesDone: 5, at: LATER }),
    ),
    write('finishSegment', copying, (table, record) =>
      finishSegment(table, ref(record), 'segment', 1000, LATER),
    ),
    write('releaseSegment', copying, (table, record) =>
      releaseSegment(table, ref(record), 'segment', LATER, anError(), NEXT),
    ),
    write('claimCompletion', finished, (table, record) =>
      claimCompletion(table, record, aPlan().uploadId, aLease('last'), LATER),
    ),
    write(
      'reopenRecovery',
      settled,
      async (table, record) => (await reopenRecovery(table, record, LATER))?.record,
    ),
    write('markPublished', settled, (table, record) => markPublished(table, [record])),
  ])('%s answers and leaves what it does with its answer', async (_, prepare) => {
    const outputId = String(++lastOutput);
    const key = { jobId: '77', outputId };
    const withAnswer = await (await prepare(calm.table, calm.table, outputId))();
    const repeat = await prepare(lossy.table, lossyTable, outputId);
    toLose = 1;

    const withoutAnswer = await repeat();

    expect(toLose).toBe(0);
    expect(withoutAnswer).toEqual(withAnswer);
    const [expected, found] = await Promise.all([readJob(calm.table, '77'), readJob(lossy.table, '77')]);
    expect(found).toEqual(expected);
    for (const { role, fileId } of found.recoveries) {
      const whole = { ...key, role, fileId };
      expect(await readSegments(lossy.table, whole)).toEqual(await readSegments(calm.table, whole));
    }
  });

  it.each([
    // These answer that the change was not theirs, which their callers must not take for another's; see `restartUpload`.
    write('dropPlan', planned, (table, record) => dropPlan(table, record, record.upload.uploadId, LATER)),
    write('releaseLease', planned, (table, record) => releaseLease(table, record, LATER)),
    write('scheduleNow', open, (table, record) => scheduleNow(table, record, LATER)),
    write('noteError', open, (table, record) => noteError(table, record, anError())),
  ])('%s leaves what it does with its answer', async (_, prepare) => {
    const outputId = String(++lastOutput);
    await (await prepare(calm.table, calm.table, outputId))();
    const repeat = await prepare(lossy.table, lossyTable, outputId);
    toLose = 1;

    await repeat();

    expect(toLose).toBe(0);
    expect(await readJob(lossy.table, '77')).toEqual(await readJob(calm.table, '77'));
  });

  it('recordPrimaryFailures keeps the first record, with its event owed', async () => {
    const message = aFailuresMessage({ jobId: '78', outputId: '1' });
    toLose = 1;

    await recordPrimaryFailures(lossyTable, message, NOW);

    expect(toLose).toBe(0);
    const { failures } = await readJob(lossy.table, '78');
    expect(failures).toMatchObject([{ role: 'media', recordedAt: NOW, eventOwedAt: NOW }]);
  });

  it('counts an attempt and a finished segment once', async () => {
    const record = await copying(lossy.table, '5001');
    toLose = 1;
    await finishSegment(lossyTable, ref(record), 'segment', 1000, LATER);
    toLose = 1;
    await claimCompletion(lossyTable, record, aPlan().uploadId, aLease('last'), LATER);

    expect(await readRecovery(lossy.table, record)).toMatchObject({
      attempts: 2,
      bytesDone: 1000,
      upload: { segmentsDone: [0] },
    });
  });
});
