import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { writeOne } from './conditional-writes.ts';
import type { Table } from './table.ts';

/** How far Zencoder's jobs have been compared with the ledger. Ids are decimal text. */
export interface Watermark {
  /** Every job up to this id was checked after its end; null before the first scan has ended. */
  readonly doneTo: string | null;
  /** A scan that has not ended yet. */
  readonly scan: UnfinishedScan | null;
}

/** Where a scan continues, from new jobs to old ones. */
export interface UnfinishedScan {
  /** The next page of the list; new jobs only push old ones to later pages. */
  readonly page: number;
  /** Jobs from this id on were checked. */
  readonly below: string;
  /** Becomes `doneTo` when the scan has ended. */
  readonly top: string;
}

/** A watermark as it was read: only who has seen the last one may write the next. */
export interface ReadWatermark extends Watermark {
  readonly version: number;
}

const KEY = { pk: 'RECONCILE#ZENCODER', sk: 'WATERMARK' };

const id = v.pipe(v.string(), v.regex(/^[0-9]{1,20}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const item = v.object({
  doneTo: v.nullish(id, null),
  scan: v.nullish(v.object({ page: count, below: id, top: id }), null),
  version: count,
});

/**
 * The watermark as it is now; one that cannot be read counts as none, since scanning again does no harm.
 *
 * Cost: one consistent GetItem, 1 read unit.
 */
export async function read(table: Table): Promise<ReadWatermark> {
  const { Item } = await table.client.send(
    new GetItemCommand({ TableName: table.tableName, Key: marshall(KEY), ConsistentRead: true }),
  );
  const found = Item === undefined ? undefined : unmarshall(Item);
  const parsed = v.safeParse(item, found);
  if (parsed.success) return parsed.output;
  const version = v.safeParse(v.object({ version: count }), found);
  return { doneTo: null, scan: null, version: version.success ? version.output.version : 0 };
}

/**
 * Keeps a watermark, unless another run has kept one since `seen` was read. Cost: one UpdateItem, 1 write unit.
 *
 * @returns whether it was kept.
 */
export async function save(table: Table, seen: ReadWatermark, { doneTo, scan }: Watermark): Promise<boolean> {
  const now = table.now();
  const { written } = await writeOne(table, {
    update: KEY,
    changes: {
      set: {
        kind: 'watermark',
        doneTo,
        scan,
        version: seen.version + 1,
        savedAt: new Date(now).toISOString(),
      },
    },
    condition: {
      expression: 'attribute_not_exists(#version) OR #version = :if_version',
      values: { ':if_version': seen.version },
    },
  });
  return written;
}
