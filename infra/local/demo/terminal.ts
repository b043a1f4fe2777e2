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
