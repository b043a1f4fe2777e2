import { type Colour, sanitize, type Terminal } from './terminal.ts';

/**
 * Maps records in order while the work for up to `ahead` of them is under way, so that one round trip per record does
 * not add up.
 */
export async function* mapAhead<T, R>(
  records: AsyncIterable<T>,
  ahead: number,
  work: (record: T) => Promise<R>,
): AsyncGenerator<R> {
  const under: Promise<R>[] = [];
  for await (const record of records) {
    const result = work(record);
    // Whoever takes it from the list sees the failure; this keeps it from being called unhandled until then.
    result.catch(() => undefined);
    under.push(result);
    const first = under.length >= ahead ? under.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const result of under) yield await result;
}

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  /** Most characters; longer cells are cut. */
  readonly most: number;
}

/** A cell: text from anywhere, made harmless before it is written. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

const GAP = 2;
const LEAST = 8;
const BLOCK = 50;

/**
 * Writes rows as they come. Widths follow the first rows and the terminal's width and stay then, so that a table of any
 * length takes no memory.
 *
 * @returns the number of rows.
 */
export async function writeTable(
  terminal: Terminal,
  columns: readonly Column[],
  rows: AsyncIterable<readonly Cell[]>,
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
  for await (const row of rows) {
    count++;
    waiting.push(row);
    if (widths !== undefined || waiting.length === BLOCK) await flush();
  }
  await flush();
  return count;
}

/** As wide as titles and first rows need; the widest columns give way until the line fits the terminal. */
export function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminalWidth: number | undefined,
): number[] {
  const widths = columns.map(({ title, most }, index) =>
    Math.min(most, Math.max(title.length, ...rows.map((row) => length(row[index]?.text ?? '')))),
  );
  if (terminalWidth === undefined) return widths;
  const total = () => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  for (let widest = indexOfMost(widths); total() > terminalWidth; widest = indexOfMost(widths)) {
    const width = widths[widest] ?? 0;
    if (width <= LEAST) break;
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

function indexOfMost(widths: readonly number[]): number {
  return widths.indexOf(Math.max(...widths));
}
