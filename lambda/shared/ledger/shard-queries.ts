import { QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Item } from './items.ts';
import { type IndexSchema, SHARDS, type Table } from './table.ts';

/** One partition of an index. */
export interface Partition {
  readonly index: IndexSchema;
  readonly value: string;
}

/** Which part of the partitions, by sort key, and in which order. */
export interface SortKeyRange {
  /** Included. */
  readonly low: string;
  /** Included. */
  readonly high: string;
  readonly newestFirst: boolean;
  /** Only what comes behind this sort key in the order of reading. */
  readonly after?: string | undefined;
  /** So many items are wanted at first. */
  readonly expected?: number | undefined;
}

const PAGE = 100;

/**
 * The items of several partitions in one order by sort key, as if they were one: each is read a page at a time and
 * the heads are merged. The first pages are read side by side, so all share one round trip.
 */
export async function* readPartitions(
  table: Table,
  partitions: readonly Partition[],
  range: SortKeyRange,
): AsyncGenerator<Item> {
  const readers = await Promise.all(
    partitions.map(async (partition): Promise<Reader> => {
      const items = readPartition(table, partition, range);
      return { items, sortKey: partition.index.sortKey, head: await items.next() };
    }),
  );
  for (;;) {
    const first = foremost(readers, range);
    if (first === undefined || first.head.done === true) return;
    yield first.head.value;
    first.head = await first.items.next();
  }
}

/** How many items there are in the partitions; one number crosses the network for each MB read. */
export async function countPartitions(
  table: Table,
  partitions: readonly Partition[],
  range: SortKeyRange,
): Promise<number> {
  const counts = await Promise.all(
    partitions.map(async (partition) => {
      let count = 0;
      for await (const page of pagesBehind(table, partition, range, { Select: 'COUNT' }))
        count += page.Count ?? 0;
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

interface Reader {
  readonly sortKey: string;
  readonly items: AsyncGenerator<Item, undefined>;
  head: IteratorResult<Item, undefined>;
}

function foremost(readers: readonly Reader[], { newestFirst }: SortKeyRange): Reader | undefined {
  let first: { readonly reader: Reader; readonly key: string } | undefined;
  for (const reader of readers) {
    if (reader.head.done === true) continue;
    const key = String(reader.head.value[reader.sortKey]);
    if (first === undefined || (newestFirst ? key > first.key : key < first.key)) first = { reader, key };
  }
  return first?.reader;
}

async function* readPartition(
  table: Table,
  partition: Partition,
  range: SortKeyRange,
): AsyncGenerator<Item, undefined> {
  for await (const { Items = [] } of pagesBehind(table, partition, range, {}, firstPage(range))) {
    for (const marshalled of Items) {
      const item = unmarshall(marshalled);
      if (item[partition.index.sortKey] !== range.after) yield item;
    }
  }
  return undefined;
}

/** The pages of a partition behind the range's cursor. */
async function* pagesBehind(
  table: Table,
  partition: Partition,
  range: SortKeyRange,
  options: PageOptions,
  firstItems?: number,
) {
  const { low, high } = beyond(range);
  if (low > high) return;
  yield* pagesOf(table, partition, { low, high, newestFirst: range.newestFirst }, options, firstItems);
}

interface PageRange extends Pick<SortKeyRange, 'low' | 'high'> {
  readonly newestFirst?: boolean;
}

/** What is read of each item; the whole item without options. */
type PageOptions = Pick<QueryCommandInput, 'Select' | 'ProjectionExpression'>;

/**
 * The pages of one partition between two sort keys, both included.
 *
 * @param firstItems of the first page at most; of those behind it {@link PAGE}. Without it a page has 1 MB.
 */
export async function* pagesOf(
  { client, tableName }: Table,
  { index, value }: Partition,
  { low, high, newestFirst = false }: PageRange,
  options: PageOptions,
  firstItems?: number,
) {
  let next: QueryCommandInput['ExclusiveStartKey'];
  let items = firstItems;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: index.name,
        KeyConditionExpression: '#partition = :partition AND #sort BETWEEN :low AND :high',
        ExpressionAttributeNames: { '#partition': index.partitionKey, '#sort': index.sortKey },
        ExpressionAttributeValues: marshall({ ':partition': value, ':low': low, ':high': high }),
        ScanIndexForward: !newestFirst,
        ExclusiveStartKey: next,
        Limit: items,
        ...options,
      }),
    );
    yield page;
    next = page.LastEvaluatedKey;
    if (items !== undefined) items = PAGE;
  } while (next !== undefined);
}

/** The range behind the cursor; the cursor's own item is still in it, since BETWEEN includes its ends. */
function beyond({ low, high, newestFirst, after }: SortKeyRange): { low: string; high: string } {
  if (after === undefined) return { low, high };
  return newestFirst ? { low, high: after < high ? after : high } : { low: after > low ? after : low, high };
}

/** Enough for twice a shard's share, so that a short list is usually one page a shard. */
function firstPage({ expected }: SortKeyRange): number {
  return expected === undefined ? PAGE : Math.min(PAGE, Math.ceil(expected / SHARDS) * 2 + 1);
}
