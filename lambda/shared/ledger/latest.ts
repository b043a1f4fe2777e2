import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { isoTime, LAST_NOTIFICATION, LAST_PREFLIGHT, type Table } from './table.ts';

/** What last showed that a stack works: one item each, written again and again. */

/** The last preflight that passed. */
export interface PassedPreflight {
  /** Epoch milliseconds. */
  readonly at: number;
  /** That it tried. */
  readonly bucket: string;
}

/** When a stack last showed that it works; null before the first time. */
export interface Latest {
  /** When a notification last came, to the minute; epoch milliseconds. */
  readonly notification: number | null;
  readonly preflight: PassedPreflight | null;
}

const SORT_KEY = 'LATEST';

const time = v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse));
const arrival = v.object({ at: time });
const pass = v.object({ at: time, bucket: v.string() });

/**
 * Notes that a notification has come. Cost: one UpdateItem, 1 write unit.
 *
 * @throws the SDK's error; nothing is tried again here.
 */
export async function noteNotification(table: Table): Promise<void> {
  await note(table, LAST_NOTIFICATION, {});
}

/**
 * Notes that a preflight has passed. Cost: one UpdateItem, 1 write unit.
 *
 * @throws the SDK's error; nothing is tried again here.
 */
export async function notePreflight(table: Table, bucket: string): Promise<void> {
  await note(table, LAST_PREFLIGHT, { bucket });
}

/** What was noted; an item that cannot be read counts as none. Cost: two GetItem, half a read unit each. */
export async function read(table: Table): Promise<Latest> {
  const [notification, preflight] = await Promise.all([
    get(table, LAST_NOTIFICATION),
    get(table, LAST_PREFLIGHT),
  ]);
  const [arrived, passed] = [v.safeParse(arrival, notification), v.safeParse(pass, preflight)];
  return {
    notification: arrived.success ? arrived.output.at : null,
    preflight: passed.success ? passed.output : null,
  };
}

async function note(
  { client, tableName, now }: Table,
  pk: string,
  facts: Readonly<Record<string, string>>,
): Promise<void> {
  const set = Object.entries({ at: isoTime(now()), ...facts });
  await client.send(
    new UpdateItemCommand({
      TableName: tableName,
      Key: marshall({ pk, sk: SORT_KEY }),
      UpdateExpression: `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(set.map(([name]) => [`#${name}`, name])),
      ExpressionAttributeValues: marshall(
        Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
      ),
    }),
  );
}

async function get({ client, tableName }: Table, pk: string): Promise<unknown> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: tableName, Key: marshall({ pk, sk: SORT_KEY }) }),
  );
  return Item && unmarshall(Item);
}
