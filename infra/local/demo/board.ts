import { type Colour, paint, type Terminal } from './terminal.ts';

/** One line of the live view. */
export interface BoardLine {
  /** What the line is about; a line keeps its place as long as it keeps its id. */
  readonly id: string;
  readonly text: string;
  /** What is going on, e.g. `copying`; a change of it is worth a new line where lines cannot be redrawn. */
  readonly state: string;
  readonly detail?: string;
}

const COLOURS: Readonly<Record<string, Colour>> = {
  recovered: 'green',
  lost: 'yellow',
  failed: 'red',
  copying: 'bold',
};

/** The live view: redrawn in place on a terminal, otherwise a line for each change. */
export class Board {
  readonly #terminal: Terminal;
  #drawn = 0;
  readonly #seen = new Map<string, string>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(lines: readonly BoardLine[]): void {
    if (this.#terminal.redraws) this.#redraw(lines);
    else this.#append(lines);
  }

  #redraw(lines: readonly BoardLine[]): void {
    const { width, height } = this.#terminal;
    const visible = lines.slice(-Math.max(1, height - 2));
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    const text = visible.map((line) => `\u001b[2K${this.#line(line, width)}\n`).join('');
    this.#terminal.write(`${up}\r${text}`);
    this.#drawn = visible.length;
  }

  #append(lines: readonly BoardLine[]): void {
    for (const line of lines) {
      if (this.#seen.get(line.id) === line.state) continue;
      this.#seen.set(line.id, line.state);
      this.#terminal.write(`${this.#line(line, this.#terminal.width)}\n`);
    }
  }

  #line({ text, state, detail }: BoardLine, width: number): string {
    const room = Math.max(10, width - 1);
    const left = `${text.padEnd(56)} `.slice(0, room);
    const shown = state.slice(0, room - left.length);
    const right = detail === undefined ? '' : `  ${detail}`.slice(0, room - left.length - shown.length);
    return left + paint(this.#terminal, COLOURS[state] ?? 'dim', shown) + right;
  }
}
