import { once } from 'node:events';
import { cut } from '../../../lambda/shared/runtime/redact.ts';

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof CODES;

/** Where a command writes, and what it may write there. */
export interface Terminal {
  /** Characters in a line; undefined when the output is a file or a pipe. */
  readonly width: number | undefined;
  /** Text in a colour, where colours are enabled. */
  paint(colour: Colour | undefined, text: string): string;
  /** Resolves when the reader is ready for more, so that output of any length is never held in memory. */
  write(text: string): Promise<void>;
}

/** Colours only on a terminal, unless `NO_COLOR` is set. */
export function terminalOf(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Terminal {
  const isTty = stream.isTTY && environment.TERM !== 'dumb';
  const colours = isTty && !environment.NO_COLOR;
  return {
    width: isTty ? stream.columns : undefined,
    paint: (colour, text) =>
      colours && colour !== undefined ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text,
    async write(text) {
      if (!stream.write(text)) await once(stream, 'drain');
    },
  };
}

/**
 * Text from outside (labels, messages, hosts) as it may reach a terminal: control characters, line breaks and
 * characters that change the direction of writing are shown as `\uFFFD`, so that no escape sequence gets through.
 */
export function sanitize(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}

/** A line with the progress of a command; on a terminal only. */
export interface Progress {
  /** Replaces the line. */
  show(text: string): Promise<void>;
  /** Takes the line away, so that the result can follow. */
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
      await terminal.write(`\r\u001b[2K${cut(sanitize(text), Math.max(1, width - 1))}`);
    },
    async clear() {
      if (isShown) await terminal.write('\r\u001b[2K');
      isShown = false;
    },
  };
}
