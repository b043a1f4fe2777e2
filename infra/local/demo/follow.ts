import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import { type JobRecords, readJob } from '../../../lambda/shared/ledger/read-items.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import { SETTLED_STATES } from '../../../lambda/shared/model.ts';
import type { BoardLine } from './board.ts';
import type { Expectation, ExpectedFile } from './scenes.ts';
import { bytes } from './terminal.ts';
import { recordOf } from './verify.ts';

const POLL = 150;

/** A scene on stage: its expectation is known once Zencoder has done the job. */
export interface Stage {
  readonly title: string;
  expectation: Expectation | null;
}

/**
 * Looks into the ledger until every expected file is settled and every expected primary failure recorded, or the time
 * is over.
 *
 * @param until epoch milliseconds
 * @param isPlaying true while scenes may still be added
 * @returns the last look, by job id
 */
export async function follow(
  ledger: LedgerTable,
  stages: readonly Stage[],
  options: { until: number; isPlaying: () => boolean; show: (lines: readonly BoardLine[]) => void },
): Promise<Map<string, JobRecords>> {
  const seen = new Map<string, JobRecords>();
  for (;;) {
    const wasPlaying = options.isPlaying();
    const known = stages.flatMap(({ expectation }) => (expectation === null ? [] : [expectation]));
    const open = known.filter((expectation) => !isDone(expectation, seen.get(expectation.jobId)));
    await Promise.all(open.map(async ({ jobId }) => seen.set(jobId, await readJob(ledger, jobId))));
    options.show(lines(stages, seen));
    const isOver = known.every((expectation) => isDone(expectation, seen.get(expectation.jobId)));
    if ((!wasPlaying && isOver) || Date.now() > options.until) return seen;
    await sleep(POLL);
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

function lines(stages: readonly Stage[], seen: ReadonlyMap<string, JobRecords>): BoardLine[] {
  return stages.flatMap(({ title, expectation }, index) => {
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

function fileLine(id: string, file: ExpectedFile, record: RecoveryRecord | undefined): BoardLine {
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
