import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { jobPartition } from '../../../lambda/shared/ledger/keys.ts';
import type { LedgerTable } from '../../../lambda/shared/ledger/ledger-table.ts';
import { type JobRecords, readJob } from '../../../lambda/shared/ledger/read-items.ts';
import { TABLE_KEYS } from '../../../lambda/shared/ledger/table-schema.ts';

const EVERY_MS = 250;

/** How far to follow a job, and for how long. */
export interface FollowOptions {
  readonly jobId: string;
  /** Whether a recovery is to be settled, beyond the primary failure being recorded. */
  readonly untilRecovered: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  /** How long to wait for the events once the job has come to its end, milliseconds. */
  readonly eventPatience: number;
  readonly onLook: (records: JobRecords, elapsed: number) => Promise<void>;
}

/** Where a job has come to. */
export interface Followed {
  readonly records: JobRecords;
  /** Whether that is the end. */
  readonly isDone: boolean;
  /** Records whose event is not published yet. A topic that refuses keeps no file from being settled. */
  readonly owedEvents: number;
  readonly milliseconds: number;
}

/** Looks into the ledger until a job has come to its end, and a little longer for its events. */
export async function followJob(
  table: LedgerTable,
  { jobId, untilRecovered, timeout, eventPatience, onLook }: FollowOptions,
): Promise<Followed> {
  const began = performance.now();
  let doneAfter: number | undefined;
  for (;;) {
    const records = await readJob(table, jobId);
    const milliseconds = Math.round(performance.now() - began);
    const isDone = hasEnded(records, untilRecovered);
    if (isDone) doneAfter ??= milliseconds;
    const owedEvents = owedOf(records);
    const isEnough = owedEvents === 0 || milliseconds >= (doneAfter ?? milliseconds) + eventPatience;
    if ((isDone && isEnough) || milliseconds >= timeout) return { records, isDone, owedEvents, milliseconds };
    await onLook(records, milliseconds);
    await sleep(EVERY_MS);
  }
}

function hasEnded({ failures, recoveries }: JobRecords, untilRecovered: boolean): boolean {
  if (failures.length === 0) return false;
  const isSettled = recoveries.length > 0 && recoveries.every(({ settledAt }) => settledAt !== undefined);
  return isSettled || !untilRecovered;
}

function owedOf({ failures, recoveries }: JobRecords): number {
  return [...failures, ...recoveries].filter(({ eventOwedAt }) => eventOwedAt !== undefined).length;
}

/** Removes every record of a job; only for a job that was made up for a test. @returns how many there were. */
export async function removeRecords({ client, tableName }: LedgerTable, jobId: string): Promise<number> {
  let count = 0;
  const { partitionKey, sortKey } = TABLE_KEYS;
  const pages = paginateQuery(
    { client },
    {
      TableName: tableName,
      KeyConditionExpression: '#pk = :pk',
      ProjectionExpression: '#pk, #sk',
      ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey },
      ExpressionAttributeValues: { ':pk': { S: jobPartition(jobId) } },
      ConsistentRead: true,
    },
  );
  for await (const { Items = [] } of pages) {
    for (const Key of Items) {
      await client.send(new DeleteItemCommand({ TableName: tableName, Key }));
      count++;
    }
  }
  return count;
}
