import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { utcSeconds } from '../../../lambda/shared/reporting/format.ts';
import { type Colour, sanitize, type Terminal } from './terminal.ts';

/** A cell: text from anywhere, sanitized before it is written. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** A column of a table, and the cell that it shows of a record. */
export interface Column<Shown> {
  readonly title: string;
  /** In characters; longer cells are cut. */
  readonly maxWidth: number;
  readonly cellOf: (record: Shown) => Cell;
}

/** The columns that several commands show. */
export const COLUMNS = {
  failedAt: {
    title: 'failed at (UTC)',
    maxWidth: 19,
    cellOf: ({ failedAt }) => ({ text: utcSeconds(failedAt) }),
  } satisfies Column<Pick<RecoveryRecord, 'failedAt'>>,
  job: {
    title: 'job',
    maxWidth: 20,
    cellOf: ({ jobId, test }) => ({ text: test ? `${jobId} (test)` : jobId }),
  } satisfies Column<Pick<RecoveryRecord, 'jobId' | 'test'>>,
  output: {
    title: 'output',
    maxWidth: 36,
    cellOf: ({ outputId, label }) => ({ text: label ? `${outputId} ${label}` : outputId }),
  } satisfies Column<Pick<RecoveryRecord, 'outputId' | 'label'>>,
  role: {
    title: 'role',
    maxWidth: 9,
    cellOf: ({ role }) => ({ text: role }),
  } satisfies Column<Pick<RecoveryRecord, 'role'>>,
  file: {
    title: 'file',
    maxWidth: 40,
    cellOf: ({ filename }) => ({ text: filename }),
  } satisfies Column<Pick<RecoveryRecord, 'filename'>>,
  state: {
    title: 'state',
    maxWidth: 9,
    cellOf: ({ state }) => ({ text: state }),
  } satisfies Column<Pick<RecoveryRecord, 'state'>>,
  lastError: {
    title: 'last error',
    maxWidth: 80,
    cellOf: ({ lastError }) => ({
      text: lastError === undefined ? '-' : `${lastError.errorClass}: ${lastError.message}`,
    }),
  } satisfies Column<Pick<RecoveryRecord, 'lastError'>>,
};

const GAP = 2;
const MIN_WIDTH = 8;
const BLOCK = 50;

/**
 * Writes a row for each record as it comes. Widths follow the first rows and the terminal's width and stay then, so that
 * a table of any length takes no memory. No record, no table.
 *
 * @returns the number of rows.
 *
 * @example
 * const rows = await writeTable(out, [COLUMNS.job, COLUMNS.state], recoveries);
 */
export async function writeTable<Shown>(
  terminal: Terminal,
  columns: readonly Column<Shown>[],
  records: AsyncIterable<Shown> | Iterable<Shown>,
): Promise<number> {
  let widths: number[] | undefined;
  let waiting: (readonly Cell[])[] = [];
  let count = 0;
  const flush = async () => {
    if (waiting.length === 0) return;
    if (widths === undefined) {
      widths = widthsOf(columns, waiting, terminal.width);
      const titles = columns.map(({ title }): Cell => ({ text: title, colour: 'bold' }));
      await terminal.write(line(terminal, titles, widths));
    }
    for (const row of waiting) await terminal.write(line(terminal, row, widths));
    waiting = [];
  };
  for await (const record of records) {
    count++;
    waiting.push(columns.map(({ cellOf }) => cellOf(record)));
    if (widths !== undefined || waiting.length === BLOCK) await flush();
  }
  await flush();
  return count;
}

/** As wide as titles and first rows need; the widest columns give way until the line fits the terminal. */
export function widthsOf(
  columns: readonly Pick<Column<never>, 'title' | 'maxWidth'>[],
  rows: readonly (readonly Cell[])[],
  terminalWidth: number | undefined,
): number[] {
  const widths = columns.map(({ title, maxWidth }, index) =>
    Math.min(maxWidth, Math.max(title.length, ...rows.map((row) => length(row[index]?.text ?? '')))),
  );
  if (terminalWidth === undefined) return widths;
  const total = () => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  for (let widest = indexOfWidest(widths); total() > terminalWidth; widest = indexOfWidest(widths)) {
    const width = widths[widest] ?? 0;
    if (width <= MIN_WIDTH) break;
    widths[widest] = width - 1;
  }
  return widths;
}

function line(terminal: Terminal, cells: readonly Cell[], widths: readonly number[]): string {
  const texts = cells.map(({ text, colour }, index) => {
    const width = widths[index] ?? 0;
    const shown = cut(sanitize(text), width);
    const padding = index === cells.length - 1 ? '' : ' '.repeat(width - length(shown) + GAP);
    return `${terminal.paint(colour, shown)}${padding}`;
  });
  return `${texts.join('').trimEnd()}\n`;
}

function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

function length(text: string): number {
  return Array.from(text).length;
}

function indexOfWidest(widths: readonly number[]): number {
  return widths.indexOf(Math.max(...widths));
}
