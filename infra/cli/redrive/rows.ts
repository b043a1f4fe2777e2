import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { type Cell, type Column, writeTable } from '../table.ts';
import { harmless, type Terminal } from '../terminal.ts';
import { utc } from '../time.ts';

const COLUMNS: readonly Column[] = [
  { title: 'failed at (UTC)', most: 19 },
  { title: 'job', most: 20 },
  { title: 'output', most: 30 },
  { title: 'role', most: 9 },
  { title: 'file', most: 40 },
  { title: 'state', most: 9 },
  { title: 'last error', most: 80 },
];

/** The recoveries for people; nothing at all for none. */
export async function writeRecoveries(out: Terminal, recoveries: readonly RecoveryRecord[]): Promise<void> {
  await writeTable(out, COLUMNS, rowsOf(recoveries));
}

async function* rowsOf(recoveries: readonly RecoveryRecord[]): AsyncGenerator<Cell[]> {
  for (const { failedAt, jobId, outputId, label, role, filename, state, lastError } of recoveries) {
    yield [
      { text: utc(failedAt) },
      { text: jobId },
      { text: label === null || label === '' ? outputId : `${outputId} ${label}` },
      { text: role },
      { text: filename },
      { text: state },
      { text: lastError === undefined ? '-' : `${lastError.errorClass}: ${lastError.message}` },
    ];
  }
}

/** Why messages are dead, for people. */
export async function writeReasons(out: Terminal, reasons: ReadonlyMap<string, number>): Promise<void> {
  for (const [reason, count] of reasons) await out.write(`${count} x ${harmless(reason)}\n`);
}

/** A recovery as a JSON object of stable shape. */
export function recoveryJson(recovery: RecoveryRecord): object {
  const { jobId, outputId, role, fileId, filename, state, failedAt, lastError } = recovery;
  return {
    ...{ jobId, outputId, role, fileId, filename, state },
    failedAt: new Date(failedAt).toISOString(),
    lastError: lastError?.errorClass ?? null,
  };
}
