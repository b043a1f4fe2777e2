import { QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { DAY_MS, HOUR_MS } from '../runtime/durations.ts';
import { refusalsPartition, startOfDay, TABLE_KEYS, type Table, TTL_ATTRIBUTE } from './table.ts';

/**
 * Counters of notifications that ingest refused: one item a UTC day and status code, with a number for each hour, so
 * that readers of the ledger see what otherwise only logs and metrics know.
 */

/** Metrics and logs keep them for longer. */
const KEPT_MS = 30 * DAY_MS;

/** How many notifications got a status. */
export interface RefusalCount {
  /** Of HTTP, 400 to 499. */
  readonly status: number;
  readonly count: number;
}

const counter = v.objectWithRest(
  { sk: v.pipe(v.string(), v.regex(/^4[0-9]{2}$/), v.transform(Number)) },
  v.fallback(v.number(), 0),
);

/**
 * Counts a refused notification. Cost: one UpdateItem, 1 write unit.
 *
 * @throws the SDK's error; nothing is tried again here.
 */
export async function count({ client, tableName, now }: Table, status: number): Promise<void> {
  const hour = now();
  await client.send(
    new UpdateItemCommand({
      TableName: tableName,
      Key: marshall({ pk: refusalsPartition(hour), sk: String(status) }),
      UpdateExpression: 'ADD #hour :one SET #ttl = :ttl',
      ExpressionAttributeNames: { '#hour': hourOf(hour), '#ttl': TTL_ATTRIBUTE },
      ExpressionAttributeValues: marshall({
        ':one': 1,
        ':ttl': Math.ceil((startOfDay(hour) + KEPT_MS) / 1000),
      }),
    }),
  );
}

/**
 * The notifications that were refused from the hour of `since` on, by status code. An item that cannot be read counts
 * as none. Cost: one Query for each UTC day, 1 read unit.
 *
 * @param since epoch milliseconds, not long ago.
 */
export async function readSince(table: Table, since: number): Promise<RefusalCount[]> {
  const now = table.now();
  const days: number[] = [];
  for (let day = startOfDay(since); day <= now; day += DAY_MS) days.push(day);
  const found = await Promise.all(days.map((day) => refusalsOfDay(table, day, since)));
  const counts = new Map<number, number>();
  for (const { status, count } of found.flat()) counts.set(status, (counts.get(status) ?? 0) + count);
  return [...counts]
    .map(([status, count]) => ({ status, count }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => a.status - b.status);
}

async function refusalsOfDay(
  { client, tableName }: Table,
  day: number,
  since: number,
): Promise<RefusalCount[]> {
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: '#pk = :pk',
      ExpressionAttributeNames: { '#pk': TABLE_KEYS.partitionKey },
      ExpressionAttributeValues: marshall({ ':pk': refusalsPartition(day) }),
    }),
  );
  const hours = Array.from({ length: 24 }, (_, hour) => day + hour * HOUR_MS)
    .filter((start) => start + HOUR_MS > since)
    .map(hourOf);
  return Items.flatMap((marshalled) => {
    const item = v.safeParse(counter, unmarshall(marshalled));
    if (!item.success) return [];
    const { sk: status, ...counts } = item.output;
    return { status, count: hours.reduce((sum, hour) => sum + (counts[hour] ?? 0), 0) };
  });
}

/** The attribute that counts the hour of a time: `h00` to `h23`. */
function hourOf(epochMs: number): string {
  return `h${new Date(epochMs).toISOString().slice(11, 13)}`;
}
