import type { Item } from './items.ts';
import type { Lease, PrimaryFailureRecord, RecoveryRecord } from './records.ts';
import {
  dayOf,
  failedAtKey,
  failureItemKey,
  type ItemKey,
  isoTime,
  owedIndexKeys,
  recoveryItemKey,
  shardOf,
  shardPartition,
  stateIndexKeys,
} from './table.ts';

/** Makes items of records; `items.ts` makes records of items. */

/** Attributes that mark an event as owed. */
export const OWED_ATTRIBUTES = ['eventOwedAt', 'owedShard', 'owedKey'] as const;

/** Attributes that an attempt leaves behind. */
export const ATTEMPT = [
  'state',
  'updatedAt',
  'nextAttemptAt',
  'nextAttemptMessage',
  'lastError',
  'history',
  'leaseOwner',
  'leaseUntil',
  'leaseMessageId',
  'leaseEvidence',
] as const;

/** Attributes that a settlement decides. */
export const OUTCOME = [
  ...ATTEMPT,
  ...[
    'settledAt',
    'settledBy',
    'spentEvidence',
    'bucket',
    'key',
    'size',
    'etag',
    'contentType',
    'verifiedBy',
    'warnings',
  ],
  ...['upload', 'segmentsDone', 'dispatchedBy', 'stateShard', 'stateKey', ...OWED_ATTRIBUTES],
] as const;

/** Attributes that say how far a copy has come. */
export const PROGRESS = ['bytesDone', 'bytesTotal', 'progressAt'] as const;

/** The whole item of a primary failure, with its index keys. */
export function failureToItem(failure: PrimaryFailureRecord, ttl?: number): Item & ItemKey {
  const shard = shardOf(failure.jobId);
  return {
    ...failureItemKey(failure),
    kind: 'failure',
    ...toAttributes(failure),
    dayShard: shardPartition(dayOf(failure.failedAt), shard),
    classShard: shardPartition(failure.errorClass, shard),
    ...(failure.destinationHost && { hostShard: shardPartition(failure.destinationHost, shard) }),
    failedAtKey: failedAtKey(failure),
    ...owedIndexKeys(failure),
    ...(ttl !== undefined && { ttl }),
  };
}

/** The whole item of a recovery, with its index keys. */
export function recoveryToItem(recovery: RecoveryRecord, ttl?: number): Item & ItemKey {
  const { lease, upload, ...rest } = recovery;
  const { segmentsDone = [], ...plan } = upload ?? {};
  return {
    ...recoveryItemKey(recovery),
    kind: 'recovery',
    ...toAttributes(rest),
    ...toAttributes(leaseAttributes(lease)),
    ...(upload && { upload: toAttributes(plan) }),
    // DynamoDB has no empty set.
    ...(segmentsDone.length > 0 && { segmentsDone: new Set(segmentsDone) }),
    ...stateIndexKeys(recovery),
    ...owedIndexKeys(recovery),
    ...(ttl !== undefined && { ttl }),
  };
}

/**
 * Values as the table stores them: times (by the name of the field) as ISO text, nothing for null and undefined.
 */
export function toAttributes(fields: object): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(fields)) {
    const attribute = toAttribute(name, value);
    if (attribute !== undefined) item[name] = attribute;
  }
  return item;
}

/** Like {@link toAttributes} for an update: null and undefined stay, as attributes to remove. */
export function toUpdate(fields: object): Item {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toAttribute(name, value)]));
}

/** A lease as attributes; without one, all are undefined. */
export function leaseAttributes(lease: Lease | undefined): {
  leaseOwner: string | undefined;
  leaseUntil: number | undefined;
  leaseMessageId: string | undefined;
  leaseEvidence: string | undefined;
} {
  return {
    leaseOwner: lease?.owner,
    leaseUntil: lease?.until,
    leaseMessageId: lease?.messageId,
    leaseEvidence: lease?.evidence,
  };
}

function toAttribute(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'number' && /(?:At|^at|^since|^deadline)$/.test(name)) return isoTime(value);
  if (Array.isArray(value)) return value.map((element) => toAttribute('', element));
  if (typeof value === 'object' && !(value instanceof Set)) return toAttributes(value);
  return value;
}

/** The named attributes of a recovery's item; undefined for those that it has not. */
export function attributesOf(record: RecoveryRecord, names: readonly string[]): Item {
  const item: Item = recoveryToItem(record);
  return Object.fromEntries(names.map((name) => [name, item[name]]));
}
