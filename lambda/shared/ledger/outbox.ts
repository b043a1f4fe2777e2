import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { OWED_ATTRIBUTES, toUpdate } from './attributes.ts';
import { type ConditionalWrite, writeAll } from './conditional-writes.ts';
import { parseFailure, parseRecovery } from './items.ts';
import { type LedgerRecord, OWED_GRACE_MS } from './records.ts';
import { countPartitions, readPartitions, type SortKeyRange } from './shard-queries.ts';
import {
  failureItemKey,
  INDEXES,
  type ItemKey,
  isoTime,
  owedPartitions,
  recoveryItemKey,
  type Table,
} from './table.ts';

/**
 * Events that are owed. The write that makes a primary failure or settles a recovery marks its event as owed
 * (`eventOwedAt`), and the mark goes once the topic has taken the event. So an event is published after its state is in
 * the ledger and at least once, whatever crashes in between; and a topic that refuses keeps no recovery open.
 */

/** Whether an event is owed for so long that the invocation which owed it must have crashed or been refused. */
export function isLeftOwed(table: Table, { eventOwedAt }: Pick<LedgerRecord, 'eventOwedAt'>): boolean {
  return eventOwedAt !== undefined && eventOwedAt < table.now() - OWED_GRACE_MS;
}

/** Where an owed event's record lies. */
export interface OwedEvent extends ItemKey {
  /** Epoch milliseconds. */
  readonly owedAt: number;
}

const owedEntry = v.object({ pk: v.string(), sk: v.string(), owedKey: v.string() });

/**
 * Events owed since before a time, the oldest first, across all jobs. Eventually consistent: {@link readOwed} says
 * whether one is still owed. An entry is 200 bytes, so a read unit brings forty.
 *
 * @param before epoch milliseconds.
 */
export async function* owedBefore(table: Table, before: number): AsyncGenerator<OwedEvent> {
  for await (const item of readPartitions(table, owedIndex(), oldestFirst(before))) {
    const { pk, sk, owedKey } = v.parse(owedEntry, item);
    yield { pk, sk, owedAt: Date.parse(owedKey.slice(0, 24)) };
  }
}

/**
 * How many events are owed since before a time. Cost: eight Queries, half a read unit for twenty events.
 *
 * @param before epoch milliseconds.
 */
export async function countOwedBefore(table: Table, before: number): Promise<number> {
  return await countPartitions(table, owedIndex(), oldestFirst(before));
}

/**
 * The record of an owed event as it is now; null when its event is no longer owed. Consistent read: 1 read unit for each
 * 4 KB.
 *
 * @throws {LedgerItemNotUnderstood}
 */
export async function readOwed(table: Table, { pk, sk }: ItemKey): Promise<LedgerRecord | null> {
  const { Item } = await table.client.send(
    new GetItemCommand({ TableName: table.tableName, Key: marshall({ pk, sk }), ConsistentRead: true }),
  );
  if (Item === undefined) return null;
  const item = unmarshall(Item);
  const record = item.kind === 'failure' ? parseFailure(item) : parseRecovery(item);
  return record.eventOwedAt === undefined ? null : record;
}

/**
 * Takes the mark off records whose event the topic has taken, as they were when it was published. A recovery that was
 * opened and settled again in the meantime owes another event and keeps its mark.
 *
 * Cost: one UpdateItem (1 write unit a KB, 1 for the index) for one, else a TransactWriteItems for each hundred.
 */
export async function markPublished(table: Table, records: readonly LedgerRecord[]): Promise<void> {
  await writeAll(table, records.map(unmarking));
}

function unmarking(record: LedgerRecord): ConditionalWrite {
  const { eventOwedAt = 0 } = record;
  const changes = { set: toUpdate(NOT_OWED) };
  const owed = '#eventOwedAt = :if_owedAt';
  const values = { ':if_owedAt': isoTime(eventOwedAt) };
  if (!('fileId' in record)) {
    return { update: failureItemKey(record), changes, condition: { expression: owed, values } };
  }
  // Every settlement has its own claim, and every claim counts an attempt.
  const condition = {
    expression: `${owed} AND #attempts = :if_attempts`,
    values: { ...values, ':if_attempts': record.attempts },
  };
  return { update: recoveryItemKey(record), changes, condition };
}

const NOT_OWED = Object.fromEntries(OWED_ATTRIBUTES.map((name) => [name, undefined]));

function owedIndex() {
  return owedPartitions().map((value) => ({ index: INDEXES.eventsOwed, value }));
}

function oldestFirst(before: number): SortKeyRange {
  // A sort key is longer than the time it begins with, so that of `before` itself is left out.
  return { low: isoTime(0), high: isoTime(before), newestFirst: false };
}
