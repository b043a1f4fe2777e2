import { type PrimaryFailureRecord, placeOf } from '../../../lambda/shared/ledger/records.ts';
import { cut } from '../../../lambda/shared/runtime/redact.ts';
import type { Terminal } from '../../cli/lib/terminal.ts';
import type { ExpectedFile } from './scenarios.ts';
import { type Check, type DemoOutcome, recordOf } from './verify.ts';

/** A table with as much room as its cells need; numbers (bytes, times) are aligned to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const right = header.map((_, column) => rows.every((row) => /^(-|[\d.,]+ ?\w*)$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]) =>
    `  ${cells
      .map((cell, column) =>
        right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()}\n`;
  const rule = widths.map((width) => '-'.repeat(width));
  return [header, rule, ...rows].map(line).join('');
}

/** E.g. `80.0 MiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 2 ** 20) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 2 ** 20).toFixed(1)} MiB`;
}

/** E.g. `1.4 s`, from milliseconds. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

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
  /** Milliseconds from the file's first record in the ledger to its settlement. */
  readonly milliseconds: number | null;
  /** Why it is not recovered. */
  readonly reason: string | null;
}

export function recoveredRows(outcome: DemoOutcome): RecoveredRow[] {
  return outcome.expectations.flatMap(({ files }) => files.map((file) => recoveredRow(outcome, file)));
}

function recoveredRow(outcome: DemoOutcome, file: ExpectedFile): RecoveredRow {
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
export async function printReport(
  terminal: Terminal,
  outcome: DemoOutcome,
  checks: readonly Check[],
): Promise<void> {
  const rows = recoveredRows(outcome);
  const recovered = rows.filter((row) => row.state === 'recovered');
  await heading(terminal, `Recovered: ${recovered.length} files`);
  await terminal.write(
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
    await heading(terminal, `Not recovered: ${others.length}`);
    await terminal.write(
      table(
        ['job', 'output', 'role', 'state', 'reason'],
        others.map((row) => [row.jobId, row.outputId, row.role, row.state, shortened(row.reason ?? '')]),
      ),
    );
  }
  await heading(terminal, `Failed primary uploads, as the ledger has them: ${outcome.failures.length}`);
  await terminal.write(failureTable(outcome.failures));
  await heading(terminal, 'Verified');
  for (const { what, errors } of checks) {
    const verdict = errors.length === 0 ? terminal.paint('green', 'yes') : terminal.paint('red', 'NO ');
    await terminal.write(`  ${verdict}  ${what}\n`);
    for (const error of errors) await terminal.write(`       ${error}\n`);
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

async function heading(terminal: Terminal, text: string): Promise<void> {
  await terminal.write(`\n${terminal.paint('bold', text)}\n`);
}
