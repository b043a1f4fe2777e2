import { type PrimaryFailureRecord, placeOf } from '../../../lambda/shared/ledger/records.ts';
import { cut } from '../../../lambda/shared/runtime/redact.ts';
import type { ExpectedFile } from './scenarios.ts';
import { type Check, type DemoOutcome, recordOf } from './verify.ts';

/** How the demo may write: redrawn lines and colours on a terminal, plain lines elsewhere. */
export interface Terminal {
  readonly redraws: boolean;
  readonly colours: boolean;
  /** Characters in a line. */
  readonly width: number;
  /** Lines on the screen. */
  readonly height: number;
  write(text: string): void;
}

/** Colours honour `NO_COLOR`; nothing is redrawn when the output is a file or a pipe. */
export function terminalOf(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Terminal {
  const isTty = stream.isTTY && environment.TERM !== 'dumb';
  const noColour = environment.NO_COLOR;
  return {
    redraws: isTty,
    colours: isTty && (noColour === undefined || noColour === ''),
    width: isTty ? stream.columns : 160,
    height: isTty ? stream.rows : 50,
    write: (text) => void stream.write(text),
  };
}

const CODES = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof CODES;

export function paint(terminal: Pick<Terminal, 'colours'>, colour: Colour, text: string): string {
  return terminal.colours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

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
  /** Milliseconds from the ledger's first word of the file to its settlement. */
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
export function printReport(terminal: Terminal, outcome: DemoOutcome, checks: readonly Check[]): void {
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
  for (const { what, errors } of checks) {
    const verdict = errors.length === 0 ? paint(terminal, 'green', 'yes') : paint(terminal, 'red', 'NO ');
    terminal.write(`  ${verdict}  ${what}\n`);
    for (const fault of errors) terminal.write(`       ${fault}\n`);
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
