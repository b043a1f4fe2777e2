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
  readonly onLook: (records: JobRecords, elapsed: number) => Promise<void>;
}

/** Looks into the ledger until a job has come to its end; gives what is there, and whether that is the end. */
export async function followJob(
  table: LedgerTable,
  { jobId, untilRecovered, timeout, onLook }: FollowOptions,
): Promise<{ records: JobRecords; isDone: boolean; milliseconds: number }> {
  const began = performance.now();
  for (;;) {
    const records = await readJob(table, jobId);
    const milliseconds = Math.round(performance.now() - began);
    // Before its event is published the worker still has to do with the record, and would put a removed one back.
    const isRecorded =
      records.failures.length > 0 && records.failures.every(({ eventOwedAt }) => eventOwedAt === undefined);
    const isSettled =
      records.recoveries.length > 0 && records.recoveries.every(({ settledAt }) => settledAt !== undefined);
    if (isRecorded && (isSettled || !untilRecovered)) return { records, isDone: true, milliseconds };
    if (milliseconds >= timeout) return { records, isDone: false, milliseconds };
    await onLook(records, milliseconds);
    await sleep(EVERY_MS);
  }
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
