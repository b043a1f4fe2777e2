import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../../lambda/shared/ledger/ledger.ts';
import type { JobRecords } from '../../../lambda/shared/ledger/reads.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { SETTLED_STATES } from '../../../lambda/shared/zencoder/model.ts';
import type { Colour, Terminal } from '../../cli/lib/terminal.ts';
import { bytes } from './report.ts';
import type { Expectation, ExpectedFile } from './scenarios.ts';
import { recordOf } from './verify.ts';

/** One line of the live view. */
export interface LiveLine {
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

/** Characters of a line in a file or a pipe. */
const PLAIN_WIDTH = 160;

/** The live view: redrawn in place on a terminal, otherwise a line for each change. */
export class LiveView {
  readonly #terminal: Terminal;
  readonly #height: number;
  #drawn = 0;
  readonly #seen = new Map<string, string>();

  /** @param height lines on the screen, where lines are redrawn */
  constructor(terminal: Terminal, height = 50) {
    this.#terminal = terminal;
    this.#height = height;
  }

  async show(lines: readonly LiveLine[]): Promise<void> {
    const { width } = this.#terminal;
    await this.#terminal.write(width === undefined ? this.#changes(lines) : this.#redrawn(lines, width));
  }

  #redrawn(lines: readonly LiveLine[], width: number): string {
    const visible = lines.slice(-Math.max(1, this.#height - 2));
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    const text = visible.map((line) => `\u001b[2K${this.#line(line, width)}\n`).join('');
    this.#drawn = visible.length;
    return `${up}\r${text}`;
  }

  #changes(lines: readonly LiveLine[]): string {
    const changed = lines.filter(({ id, state }) => this.#seen.get(id) !== state);
    for (const { id, state } of changed) this.#seen.set(id, state);
    return changed.map((line) => `${this.#line(line, PLAIN_WIDTH)}\n`).join('');
  }

  #line({ text, state, detail }: LiveLine, width: number): string {
    const room = Math.max(10, width - 1);
    const left = `${text.padEnd(56)} `.slice(0, room);
    const shown = state.slice(0, room - left.length);
    const right = detail === undefined ? '' : `  ${detail}`.slice(0, room - left.length - shown.length);
    return left + this.#terminal.paint(COLOURS[state] ?? 'dim', shown) + right;
  }
}

const POLL_MS = 150;

/** A scenario that has been started: its expectation is known once Zencoder has done the job. */
export interface ScenarioRun {
  readonly title: string;
  expectation: Expectation | null;
}

/**
 * Looks into the ledger until every expected file is settled and every expected primary failure recorded, or the time
 * is over.
 *
 * @param until epoch milliseconds
 * @param isRunning true while scenarios may still be added
 * @returns the last look, by job id
 */
export async function follow(
  ledger: Ledger,
  runs: readonly ScenarioRun[],
  options: { until: number; isRunning: () => boolean; show: (lines: readonly LiveLine[]) => Promise<void> },
): Promise<Map<string, JobRecords>> {
  const seen = new Map<string, JobRecords>();
  for (;;) {
    const wasRunning = options.isRunning();
    const known = runs.flatMap(({ expectation }) => (expectation === null ? [] : [expectation]));
    const open = known.filter((expectation) => !isDone(expectation, seen.get(expectation.jobId)));
    await Promise.all(open.map(async ({ jobId }) => seen.set(jobId, await ledger.queries.readJob(jobId))));
    await options.show(lines(runs, seen));
    const isOver = known.every((expectation) => isDone(expectation, seen.get(expectation.jobId)));
    if ((!wasRunning && isOver) || Date.now() > options.until) return seen;
    await sleep(POLL_MS);
  }
}

function isDone(expectation: Expectation, records: JobRecords | undefined): boolean {
  if (records === undefined) return false;
  return (
    records.failures.length >= expectation.failures.length &&
    expectation.files.every((file) => isSettled(find(records, file)))
  );
}

function isSettled(record: RecoveryRecord | undefined): boolean {
  return SETTLED_STATES.some((state) => state === record?.state);
}

function find(records: JobRecords, file: ExpectedFile): RecoveryRecord | undefined {
  return recordOf(new Map([[file.jobId, records]]), file);
}

function lines(runs: readonly ScenarioRun[], seen: ReadonlyMap<string, JobRecords>): LiveLine[] {
  return runs.flatMap(({ title, expectation }, index) => {
    if (expectation === null) return [{ id: title, text: title, state: 'Zencoder is at work' }];
    const { files, failures, onPrimary } = expectation;
    const state = `${onPrimary} on the primary, ${files.length} to recover`;
    const detail = [...new Set(failures.map(({ errorClass }) => errorClass))].join(', ');
    return [
      { id: title, text: title, state, detail },
      ...files.map((file, number) => fileLine(`${index}.${number}`, file, recordOf(seen, file))),
    ];
  });
}

function fileLine(id: string, file: ExpectedFile, record: RecoveryRecord | undefined): LiveLine {
  const text = `  ${file.role.padEnd(9)} ${file.name}`;
  const state = record?.state ?? 'notified';
  const { bytesDone, bytesTotal } = record ?? {};
  if (state === 'copying' && bytesDone !== undefined && bytesTotal !== undefined && bytesTotal > 0) {
    return {
      id,
      text,
      state,
      detail: `${Math.floor((100 * bytesDone) / bytesTotal)} % of ${bytes(bytesTotal)}`,
    };
  }
  return {
    id,
    text,
    state,
    detail: state === 'lost' ? (record?.lastError?.message ?? '') : bytes(file.size),
  };
}
