import type { Readable } from 'node:stream';

/** One line that a function wrote, or that the runtime wrote about it. */
export interface LogLine {
  readonly functionName: string;
  readonly source: 'function' | 'runtime';
  readonly text: string;
}

/** What is kept of each function's lines. */
const KEPT_LINES = 50_000;

/** The log group of one function. */
export interface FunctionLog {
  readonly lines: readonly LogLine[];
  /** A line of the runtime's own, e.g. that a task timed out. */
  note(text: string): void;
  /** Takes over the lines of a thread's output stream. */
  capture(stream: Readable): void;
}

/** @param listener is told each line as it comes */
export function createLog(functionName: string, listener?: (line: LogLine) => void): FunctionLog {
  const lines: LogLine[] = [];
  const add = (source: LogLine['source'], text: string) => {
    const line: LogLine = { functionName, source, text };
    if (lines.push(line) > KEPT_LINES) lines.splice(0, KEPT_LINES / 10);
    listener?.(line);
  };
  return {
    lines,
    note: (text) => add('runtime', text),
    capture(stream) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) add('function', part);
      });
      stream.on('end', () => {
        if (rest !== '') add('function', rest);
        rest = '';
      });
    },
  };
}
