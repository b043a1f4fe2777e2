import { QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { DAY_MS, HOUR_MS } from '../runtime/durations.ts';
import { type LedgerTable, refusalsPartition, startOfDay, TABLE_KEYS, TTL_ATTRIBUTE } from './table.ts';

/**
 * Counters of notifications that ingest refused: one item a UTC day and status code, with a number for each hour, so
 * that readers of the ledger see what otherwise only logs and metrics know.
 */

/** Metrics and logs keep them for longer. */
const KEPT_MS = 30 * DAY_MS;

type Table = Pick<LedgerTable, 'client' | 'tableName'>;

/** How many notifications were answered with a status. */
export interface RefusalCount {
  /** Of HTTP, 400 to 499. */
  readonly status: number;
  readonly count: number;
}

const WHAT_TO_DO: Readonly<Record<number, string>> = {
  400: 'the body is no notification: look at what posts to this URL',
  401: 'user name or password are wrong: give Zencoder the URL that npm run notification-url prints',
  404: 'the path is wrong: give Zencoder the URL that npm run notification-url prints',
  413: 'the body is too large: notify by output, not by job',
  415: 'the body is not JSON: leave "format" out of the notification settings',
};

/** What a person can do about notifications that are answered with a status. */
export function whatToDoAbout(status: number): string {
  return WHAT_TO_DO[status] ?? 'see the logs of the ingest function';
}

const counter = v.objectWithRest(
  { sk: v.pipe(v.string(), v.regex(/^4[0-9]{2}$/), v.transform(Number)) },
  v.fallback(v.number(), 0),
);

/**
 * Counts a refused notification. Cost: one UpdateItem, 1 write unit.
 *
 * @param now epoch milliseconds.
 * @throws the SDK's error; nothing is tried again here.
 */
export async function countRefusal({ client, tableName }: Table, status: number, now: number): Promise<void> {
  await client.send(
    new UpdateItemCommand({
      TableName: tableName,
      Key: marshall({ pk: refusalsPartition(now), sk: String(status) }),
      UpdateExpression: 'ADD #hour :one SET #ttl = :ttl',
      ExpressionAttributeNames: { '#hour': hourOf(now), '#ttl': TTL_ATTRIBUTE },
      ExpressionAttributeValues: marshall({
        ':one': 1,
        ':ttl': Math.ceil((startOfDay(now) + KEPT_MS) / 1000),
      }),
    }),
  );
}

/**
 * The notifications that were refused from the hour of `since` on, by status code. An item that cannot be read counts
 * as none. Cost: one Query for each UTC day, 1 read unit.
 *
 * @param since epoch milliseconds, not long ago.
 * @param now epoch milliseconds.
 */
export async function readRefusals(table: Table, since: number, now: number): Promise<RefusalCount[]> {
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
