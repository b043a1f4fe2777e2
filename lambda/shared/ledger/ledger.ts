import * as claims from './claims.ts';
import * as counts from './counts.ts';
import * as failures from './failures.ts';
import * as latest from './latest.ts';
import * as outbox from './outbox.ts';
import * as queries from './queries.ts';
import * as reads from './reads.ts';
import * as refusals from './refusals.ts';
import * as reopenings from './reopenings.ts';
import * as segments from './segments.ts';
import * as settlements from './settlements.ts';
import * as signIns from './sign-ins.ts';
import type { LedgerItemNotUnderstood, Table } from './table.ts';
import * as uploadPlans from './upload-plans.ts';
import * as watermark from './watermark.ts';

/**
 * The ledger, as all code outside this folder sees it. What is read is in `queries`, what is written in the others. Each
 * is made of the functions of the files named here, without the first parameter that all of them take, the table:
 * what one does, costs and throws stands there.
 */
export interface Ledger {
  /** Primary failures: `failures.ts`. */
  readonly failures: Bound<typeof failures>;
  /** The life of a recovery: `claims.ts`, `settlements.ts`, `reopenings.ts`. */
  readonly recoveries: Bound<typeof claims & typeof settlements & typeof reopenings>;
  /** Large files: their plans in `upload-plans.ts`, their segments in `segments.ts`. */
  readonly uploads: Bound<typeof uploadPlans & typeof segments>;
  /** By key in `reads.ts`; by time, class, host and state in `queries.ts`; numbers in `counts.ts`. */
  readonly queries: Bound<typeof reads & typeof queries & typeof counts>;
  /** Events that are not published yet: `outbox.ts`. */
  readonly outbox: Bound<typeof outbox>;
  /** Counters of refused notifications: `refusals.ts`. */
  readonly refusals: Bound<typeof refusals>;
  /** When a notification last came and a preflight last passed: `latest.ts`. */
  readonly latest: Bound<typeof latest>;
  /** Counters of passwords that the dashboard was sent: `sign-ins.ts`. */
  readonly signIns: Bound<Omit<typeof signIns, 'SIGN_IN_LIMITS'>>;
  /** How far Zencoder's jobs have been compared with the ledger: `watermark.ts`. */
  readonly watermark: Bound<typeof watermark>;
  /** Takes every item that a list leaves out because it cannot be read; without it, the list throws. */
  readonly onUnreadable: ((item: LedgerItemNotUnderstood) => void) | undefined;
  /**
   * The same ledger, which keeps the items that its lists leave out, e.g. for one request.
   *
   * @param report takes each item once. By default this ledger's {@link onUnreadable}.
   * @example
   * const { ledger: own, unreadable } = ledger.withUnreadable();
   * const { recoveries } = await own.queries.readJob('1234');
   * const warning = unreadableLine(unreadable);
   */
  withUnreadable(report?: (item: LedgerItemNotUnderstood) => void): LedgerWithUnreadable;
}

/** A ledger, and the items that lists read from it have left out, by key. */
export interface LedgerWithUnreadable {
  readonly ledger: Ledger;
  readonly unreadable: ReadonlyMap<string, LedgerItemNotUnderstood>;
}

/**
 * The ledger in a table.
 *
 * @example
 * const ledger = createLedger({ client: new DynamoDBClient(), tableName, recordTtlDays: 0, now: Date.now });
 * const claims = await ledger.recoveries.claim(output, files, { owner: invocationId, until: endsAt });
 * for await (const failure of ledger.queries.failuresByTime()) console.log(failure.errorClass);
 */
export function createLedger(table: Table): Ledger {
  return {
    failures: { record: bind(table, failures.record) },
    recoveries: {
      claim: bind(table, claims.claim),
      claimExisting: bind(table, claims.claimExisting),
      settle: bind(table, settlements.settle),
      release: bind(table, settlements.release),
      saveProgress: bind(table, settlements.saveProgress),
      changeKey: bind(table, settlements.changeKey),
      reopen: bind(table, reopenings.reopen),
      scheduleNow: bind(table, reopenings.scheduleNow),
      noteError: bind(table, reopenings.noteError),
      noteRetry: bind(table, reopenings.noteRetry),
    },
    uploads: {
      savePlan: bind(table, uploadPlans.savePlan),
      dropPlan: bind(table, uploadPlans.dropPlan),
      releaseLease: bind(table, uploadPlans.releaseLease),
      reopenSegments: bind(table, uploadPlans.reopenSegments),
      claimCompletion: bind(table, uploadPlans.claimCompletion),
      claimSegment: bind(table, segments.claimSegment),
      saveSegmentProgress: bind(table, segments.saveSegmentProgress),
      finishSegment: bind(table, segments.finishSegment),
      releaseSegment: bind(table, segments.releaseSegment),
    },
    queries: queriesOf(table),
    outbox: {
      isLeftOwed: bind(table, outbox.isLeftOwed),
      owedBefore: bind(table, outbox.owedBefore),
      countOwedBefore: bind(table, outbox.countOwedBefore),
      readOwed: bind(table, outbox.readOwed),
      markPublished: bind(table, outbox.markPublished),
    },
    refusals: {
      count: bind(table, refusals.count),
      readSince: bind(table, refusals.readSince),
    },
    latest: {
      noteNotification: bind(table, latest.noteNotification),
      notePreflight: bind(table, latest.notePreflight),
      read: bind(table, latest.read),
    },
    signIns: {
      admit: bind(table, signIns.admit),
      noteWrong: bind(table, signIns.noteWrong),
      noteRight: bind(table, signIns.noteRight),
    },
    watermark: {
      read: bind(table, watermark.read),
      save: bind(table, watermark.save),
    },
    onUnreadable: table.onUnreadable,
    withUnreadable: (report) => withUnreadable(table, report),
  };
}

function queriesOf(table: Table): Ledger['queries'] {
  return {
    readRecovery: bind(table, reads.readRecovery),
    readJob: bind(table, reads.readJob),
    readRecoveriesOf: bind(table, reads.readRecoveriesOf),
    readSegments: bind(table, reads.readSegments),
    failuresByTime: bind(table, queries.failuresByTime),
    failuresByClass: bind(table, queries.failuresByClass),
    failuresByHost: bind(table, queries.failuresByHost),
    countFailuresByClass: bind(table, queries.countFailuresByClass),
    openRecoveriesByDeadline: bind(table, queries.openRecoveriesByDeadline),
    countOpenRecoveries: bind(table, queries.countOpenRecoveries),
    recoveriesByState: bind(table, queries.recoveriesByState),
    countFailures: bind(table, counts.countFailures),
    countRecoveries: bind(table, counts.countRecoveries),
  };
}

function withUnreadable(
  table: Table,
  report: (item: LedgerItemNotUnderstood) => void = (item) => table.onUnreadable?.(item),
): LedgerWithUnreadable {
  const unreadable = new Map<string, LedgerItemNotUnderstood>();
  const onUnreadable = (item: LedgerItemNotUnderstood) => {
    const key = `${item.key.pk} / ${item.key.sk}`;
    if (unreadable.has(key)) return;
    unreadable.set(key, item);
    report(item);
  };
  return { ledger: createLedger({ ...table, onUnreadable }), unreadable };
}

/** Functions that work on the table, without their first parameter. */
type Bound<Functions> = {
  readonly [Name in keyof Functions]: Functions[Name] extends (
    table: Table,
    ...args: infer Args
  ) => infer Result
    ? (...args: Args) => Result
    : never;
};

function bind<Args extends unknown[], Result>(
  table: Table,
  each: (table: Table, ...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => each(table, ...args);
}
