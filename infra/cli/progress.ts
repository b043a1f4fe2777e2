import { cut } from '../../lambda/shared/text.ts';
import { harmless, type Terminal } from './terminal.ts';

/** A line that says how far a command is; only people see it. */
export interface Progress {
  /** Replaces the line. */
  show(text: string): Promise<void>;
  /** Takes the line away, so that an answer can follow. */
  clear(): Promise<void>;
}

/** On a terminal one line, written over; nothing where the output is a file or a pipe. */
export function progressOn(terminal: Terminal): Progress {
  const { width } = terminal;
  let isShown = false;
  return {
    async show(text) {
      if (width === undefined) return;
      isShown = true;
      await terminal.write(`\r\u001b[2K${cut(harmless(text), Math.max(1, width - 1))}`);
    },
    async clear() {
      if (isShown) await terminal.write('\r\u001b[2K');
      isShown = false;
    },
  };
}
