import { type PrimaryFailureRecord, placeOf } from '../../../lambda/shared/ledger/records.ts';
import { cut } from '../../../lambda/shared/text.ts';
import type { ExpectedFile } from './scenes.ts';
import { bytes, paint, seconds, type Terminal, table } from './terminal.ts';
import { type Check, type Outcome, recordOf } from './verify.ts';

/** A recovery as the demo's table and its JSON show it. */
export interface RecoveredRow {
  readonly jobId: string;
  readonly outputId: string;
  readonly role: string;
  readonly state: string;
  readonly key: string | null;
  readonly size: number;
  /** How many parts the object was put together from, by its entity tag. */
  readonly parts: number | null;
  readonly verifiedBy: readonly string[];
  /** Milliseconds from the ledger's first word of the file to its settlement. */
  readonly milliseconds: number | null;
  /** Why it is not recovered. */
  readonly reason: string | null;
}

export function recoveredRows(outcome: Outcome): RecoveredRow[] {
  return outcome.expectations.flatMap(({ files }) => files.map((file) => recoveredRow(outcome, file)));
}

function recoveredRow(outcome: Outcome, file: ExpectedFile): RecoveredRow {
  const record = recordOf(outcome.ledger, file);
  return {
    jobId: file.jobId,
    outputId: file.outputId,
    role: file.role,
    state: record?.state ?? 'unknown',
    key: record === undefined ? null : (placeOf(record)?.key ?? null),
    size: record?.size ?? file.size,
    parts: record?.etag === undefined ? null : Number(/-(\d+)"?$/.exec(record.etag)?.[1] ?? 1),
    verifiedBy: record?.verifiedBy ?? [],
    milliseconds: record?.settledAt === undefined ? null : record.settledAt - record.createdAt,
    reason: record?.lastError?.message ?? null,
  };
}

/** The tables and the verdict for people. */
export function printReport(terminal: Terminal, outcome: Outcome, checks: readonly Check[]): void {
  const rows = recoveredRows(outcome);
  const recovered = rows.filter((row) => row.state === 'recovered');
  heading(terminal, `Recovered: ${recovered.length} files`);
  terminal.write(
    table(
      ['key', 'size', 'parts', 'verified by', 'time'],
      recovered.map((row) => [
        row.key ?? '',
        bytes(row.size),
        String(row.parts ?? '-'),
        row.verifiedBy.join(', '),
        row.milliseconds === null ? '-' : seconds(row.milliseconds),
      ]),
    ),
  );
  const others = rows.filter((row) => row.state !== 'recovered');
  if (others.length > 0) {
    heading(terminal, `Not recovered: ${others.length}`);
    terminal.write(
      table(
        ['job', 'output', 'role', 'state', 'reason'],
        others.map((row) => [row.jobId, row.outputId, row.role, row.state, shortened(row.reason ?? '')]),
      ),
    );
  }
  heading(terminal, `Failed primary uploads, as the ledger has them: ${outcome.failures.length}`);
  terminal.write(failureTable(outcome.failures));
  heading(terminal, 'Verified');
  for (const { what, faults } of checks) {
    const verdict = faults.length === 0 ? paint(terminal, 'green', 'yes') : paint(terminal, 'red', 'NO ');
    terminal.write(`  ${verdict}  ${what}\n`);
    for (const fault of faults) terminal.write(`       ${fault}\n`);
  }
}

function failureTable(failures: readonly PrimaryFailureRecord[]): string {
  return table(
    ['failed at', 'job', 'output', 'role', 'error class', 'destination'],
    failures.map((failure) => [
      new Date(failure.failedAt).toISOString().replace('T', ' ').replace(/\..*/, ''),
      failure.jobId,
      failure.outputId,
      failure.role,
      failure.errorClass,
      failure.destinationHost ?? '',
    ]),
  );
}

function shortened(text: string): string {
  return text.length > 90 ? `${cut(text, 89)}…` : text;
}

function heading(terminal: Terminal, text: string): void {
  terminal.write(`\n${paint(terminal, 'bold', text)}\n`);
}
