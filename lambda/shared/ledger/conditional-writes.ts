import { setTimeout as delay } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  PutItemCommand,
  TransactionCanceledException,
  TransactionConflictException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { backOffMs } from '../runtime/back-off.ts';
import type { Item } from './items.ts';
import { type ItemKey, LedgerBusy, type Table } from './table.ts';

/**
 * A condition in DynamoDB's language. Every `#name` stands for the attribute of that name; every `:value` is given.
 */
export interface Condition {
  readonly expression: string;
  readonly values?: Item;
}

/** One conditional write: a whole new item, or changes to one. */
export type ConditionalWrite =
  | { readonly put: Item & ItemKey; readonly condition: Condition }
  | { readonly update: ItemKey; readonly changes: Changes; readonly condition: Condition };

/** Attributes to set; `undefined` and `null` remove one. `add` and `delete` are for numbers and sets. */
export interface Changes {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly add?: Readonly<Record<string, unknown>>;
  readonly delete?: Readonly<Record<string, unknown>>;
}

/** What became of a conditional write: `attributes` is the item as it is now, when a single update was made. */
export type WriteResult =
  | { readonly written: true; readonly attributes?: Item }
  | { readonly written: false; readonly existing: Item | undefined };

/** Limits of TransactWriteItems: 100 items and 4 MB, with room for expressions. */
const MAX_ITEMS = 100;
const MAX_BYTES = 3_000_000;
const MAX_CONFLICTS = 12;
/** Conflicting transactions last milliseconds. */
const CONFLICT_BACK_OFF = { firstMs: 20, maxMs: 1000 };

interface Part {
  readonly item: TransactWriteItem;
  readonly bytes: number;
}

/**
 * Makes conditional writes to different items in as few calls as it takes: one item by PutItem or UpdateItem (one
 * write unit a KB), more by TransactWriteItems of up to 100 (two units a KB, but one round trip). Items whose
 * condition does not hold are dropped with what is there instead, the rest is tried again; so each write stands for
 * itself, as if made alone.
 *
 * @returns one result a write, in order.
 * @throws {LedgerBusy} when other writers stayed in the way.
 */
export async function writeAll(table: Table, writes: readonly ConditionalWrite[]): Promise<WriteResult[]> {
  const parts = writes.map((write) => toPart(table.tableName, write));
  const results: WriteResult[] = [];
  for (const chunk of chunksOf(parts)) results.push(...(await writeChunk(table, chunk)));
  return results;
}

/** {@link writeAll} for one write. */
export async function writeOne(table: Table, write: ConditionalWrite): Promise<WriteResult> {
  return await writeSingle(table, toPart(table.tableName, write));
}

/**
 * What was there instead of what was to be written.
 *
 * @throws {LedgerBusy} when the item has gone in the meantime.
 */
export function existingItem(result: WriteResult | undefined): Item {
  const existing = result?.written === false ? result.existing : undefined;
  if (existing === undefined) throw new LedgerBusy('an item of the ledger went away while it was written to');
  return existing;
}

async function writeChunk(table: Table, parts: readonly Part[]): Promise<WriteResult[]> {
  const results = new Map<Part, WriteResult>();
  for (let conflicts = 0; conflicts <= MAX_CONFLICTS; ) {
    const left = parts.filter((part) => !results.has(part));
    const [only] = left;
    if (left.length <= 1) {
      if (only) results.set(only, await writeSingle(table, only));
      break;
    }
    const refused = await transact(table, left);
    if (refused === null) {
      for (const part of left) results.set(part, { written: true });
      break;
    }
    for (const [part, existing] of refused) results.set(part, { written: false, existing });
    if (refused.size === 0)
      await delay(backOffMs(CONFLICT_BACK_OFF, { attempts: ++conflicts, jitter: Math.random() }));
  }
  return parts.map((part) => {
    const result = results.get(part);
    if (result === undefined) throw busy(table);
    return result;
  });
}

/** Null when all was written, else those whose condition did not hold; empty when another transaction was in the way. */
async function transact(table: Table, parts: readonly Part[]): Promise<Map<Part, Item | undefined> | null> {
  try {
    const TransactItems = parts.map(({ item }) => item);
    await table.client.send(new TransactWriteItemsCommand({ TransactItems }));
    return null;
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const reasons = error.CancellationReasons ?? [];
    if (reasons.length !== parts.length || reasons.some(({ Code }) => !EXPECTED.has(Code))) throw error;
    return new Map(
      parts.flatMap((part, index) => {
        const { Code, Item } = reasons[index] ?? {};
        return Code === REFUSED ? [[part, Item && unmarshall(Item)]] : [];
      }),
    );
  }
}

const REFUSED = 'ConditionalCheckFailed';

/** Why DynamoDB cancels a transaction that may succeed when tried again; anything else is a bug here. */
const EXPECTED = new Set<string | undefined>([
  ...['None', REFUSED, undefined],
  ...['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'],
]);

async function writeSingle(table: Table, { item: { Put, Update } }: Part): Promise<WriteResult> {
  for (let conflicts = 0; conflicts <= MAX_CONFLICTS; ) {
    try {
      if (Put) await table.client.send(new PutItemCommand(Put));
      if (!Update) return { written: true };
      const { Attributes } = await table.client.send(
        new UpdateItemCommand({ ...Update, ReturnValues: 'ALL_NEW' }),
      );
      return { written: true, attributes: unmarshall(Attributes ?? {}) };
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        return { written: false, existing: error.Item && unmarshall(error.Item) };
      }
      if (!(error instanceof TransactionConflictException)) throw error;
      await delay(backOffMs(CONFLICT_BACK_OFF, { attempts: ++conflicts, jitter: Math.random() }));
    }
  }
  throw busy(table);
}

function busy({ tableName }: Table): LedgerBusy {
  return new LedgerBusy(`table ${tableName}: other writers kept hold of the same items`);
}

function toPart(TableName: string, write: ConditionalWrite): Part {
  const { expression, values = {} } = write.condition;
  const common = {
    TableName,
    ConditionExpression: expression,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  if ('put' in write) {
    const Item = marshall(write.put, { removeUndefinedValues: true });
    return weighed({ Put: { ...common, Item, ...placeholders(expression, values) } });
  }
  const update = updateExpression(write.changes);
  const Key = marshall({ pk: write.update.pk, sk: write.update.sk });
  return weighed({
    Update: {
      ...common,
      Key,
      UpdateExpression: update.expression,
      ...placeholders(`${update.expression} ${expression}`, { ...update.values, ...values }),
    },
  });
}

function weighed(item: TransactWriteItem): Part {
  return { item, bytes: Buffer.byteLength(JSON.stringify(item)) };
}

function updateExpression(changes: Changes): { expression: string; values: Item } {
  const values: Item = {};
  const clause = (keyword: string, entries: [string, unknown][], between: string) => {
    if (entries.length === 0) return [];
    for (const [name, value] of entries) values[`:${name}`] = value;
    return [`${keyword} ${entries.map(([name]) => `#${name}${between}:${name}`).join(', ')}`];
  };
  const set = Object.entries(changes.set ?? {});
  const removed = set
    .filter(([, value]) => value === undefined || value === null)
    .map(([name]) => `#${name}`);
  const expression = [
    ...clause(
      'SET',
      set.filter(([, value]) => value !== undefined && value !== null),
      ' = ',
    ),
    ...(removed.length > 0 ? [`REMOVE ${removed.join(', ')}`] : []),
    ...clause('ADD', Object.entries(changes.add ?? {}), ' '),
    ...clause('DELETE', Object.entries(changes.delete ?? {}), ' '),
  ].join(' ');
  return { expression, values };
}

function placeholders(expression: string, values: Item) {
  const names = [...new Set(expression.match(/#\w+/g) ?? [])].map((name) => [name, name.slice(1)]);
  return {
    ...(names.length > 0 && { ExpressionAttributeNames: Object.fromEntries(names) }),
    ...(Object.keys(values).length > 0 && {
      ExpressionAttributeValues: marshall(values, { removeUndefinedValues: true }),
    }),
  };
}

function* chunksOf(parts: readonly Part[]): Generator<Part[]> {
  let chunk: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    if (chunk.length === MAX_ITEMS || (chunk.length > 0 && bytes + part.bytes > MAX_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(part);
    bytes += part.bytes;
  }
  if (chunk.length > 0) yield chunk;
}
