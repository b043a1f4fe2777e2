import type { LedgerTable } from '../../shared/ledger/ledger-table.ts';
import { readJob } from '../../shared/ledger/read-items.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../shared/ledger/records.ts';
import type { RecoveryState } from '../../shared/model.ts';

/** What the ledger knows of one output. */
export interface OutputView {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly outputType: string | null;
  /** At most one a role, media first. */
  readonly failures: readonly PrimaryFailureRecord[];
  /** What needs a look first, then by name. */
  readonly recoveries: readonly RecoveryRecord[];
}

/** What the ledger knows of a job: only its outputs of which an upload failed. */
export interface JobView {
  readonly jobId: string;
  readonly passThrough: string | null;
  readonly test: boolean;
  /** By id. */
  readonly outputs: readonly OutputView[];
}

const ORDER: readonly RecoveryState[] = ['failed', 'lost', 'copying', 'pending', 'recovered'];

/** All that is known of a job, or null when the ledger has nothing of it. One Query for each MB. */
export async function viewJob(table: LedgerTable, jobId: string): Promise<JobView | null> {
  const { failures, recoveries } = await readJob(table, jobId);
  const all = [...failures, ...recoveries];
  const [first] = all;
  if (first === undefined) return null;
  const ids = [...new Set(all.map(({ outputId }) => outputId))].toSorted(byNumber);
  return {
    jobId,
    passThrough: all.find(({ passThrough }) => passThrough !== null)?.passThrough ?? null,
    test: all.some(({ test }) => test),
    outputs: ids.map((outputId) => {
      const own = all.filter((record) => record.outputId === outputId);
      return {
        jobId,
        outputId,
        label: own.find(({ label }) => label !== null)?.label ?? null,
        outputType: own.find(({ outputType }) => outputType !== null)?.outputType ?? null,
        failures: failures
          .filter((failure) => failure.outputId === outputId)
          .toSorted((a, b) => compare(a.role, b.role)),
        recoveries: recoveries.filter((recovery) => recovery.outputId === outputId).toSorted(byNeed),
      };
    }),
  };
}

function byNeed(a: RecoveryRecord, b: RecoveryRecord): number {
  return (
    ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
    compare(a.role, b.role) ||
    compare(a.thumbnailLabel ?? '', b.thumbnailLabel ?? '') ||
    compare(a.filename, b.filename) ||
    compare(a.fileId, b.fileId)
  );
}

/** Ids have up to 20 digits, more than a number can hold. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || compare(a, b);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
