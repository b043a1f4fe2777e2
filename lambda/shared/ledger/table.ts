import { createHash } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DAY_MS } from '../runtime/durations.ts';
import { RecoveryError } from '../runtime/errors.ts';
import { cut } from '../runtime/redact.ts';
import type { OutputKey, RecoveryKey, RecoveryState, Role } from '../zencoder/model.ts';
import type { FailureKey } from './records.ts';

/**
 * Names that the ledger's code and its CloudFormation template must agree on: `infra/` makes the table from them. Every
 * key of the table and its indexes is made here, and nowhere else. All key attributes are strings.
 */

/** Key of the table. */
export const TABLE_KEYS = { partitionKey: 'pk', sortKey: 'sk' } as const;

/** Attribute with the epoch second after which DynamoDB may delete an item; absent when records are kept for ever. */
export const TTL_ATTRIBUTE = 'ttl';

/** One global secondary index. */
export interface IndexSchema {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  /** What an entry holds beside its keys: the whole item, or nothing. */
  readonly projection: 'ALL' | 'KEYS_ONLY';
}

/** The global secondary indexes, one for each way to look records up; sparse, since an item has only its own keys. */
export const INDEXES = {
  /** Primary failures of a UTC day, by time. */
  failuresByDay: {
    name: 'failures-by-day',
    partitionKey: 'dayShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Primary failures of an error class, by time. */
  failuresByClass: {
    name: 'failures-by-class',
    partitionKey: 'classShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Primary failures of a destination host, by time. */
  failuresByHost: {
    name: 'failures-by-host',
    partitionKey: 'hostShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Open recoveries by deadline; recovered, lost and failed ones by the time they were settled. */
  recoveriesByState: {
    name: 'recoveries-by-state',
    partitionKey: 'stateShard',
    sortKey: 'stateKey',
    projection: 'ALL',
  },
  /**
   * Records whose event is not published yet, by the time since when it is owed. An index is a moment behind, so the
   * publisher reads the item itself.
   */
  eventsOwed: {
    name: 'events-owed',
    partitionKey: 'owedShard',
    sortKey: 'owedKey',
    projection: 'KEYS_ONLY',
  },
} as const satisfies Record<string, IndexSchema>;

/** Over how many partitions of an index one day, class, host or state is spread. Changing it orphans old items. */
export const SHARDS = 8;

/** Where an item lies. */
export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** The part of `recoveries-by-state` that a state belongs to. */
export type StateGroup = 'OPEN' | 'RECOVERED' | 'LOST' | 'FAILED';

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const MAX_PARTITION = 500;

/** ISO 8601 in UTC with milliseconds, always 24 characters so that it sorts as text; times out of 1970–9999 are clamped. */
export function isoTime(epochMs: number): string {
  return new Date(Math.min(Math.max(0, epochMs), LAST_MS)).toISOString();
}

/** The UTC day of a time, `YYYY-MM-DD`. */
export function dayOf(epochMs: number): string {
  return isoTime(epochMs).slice(0, 10);
}

/** The first millisecond of a time's UTC day. */
export function startOfDay(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS) * DAY_MS;
}

export function jobPartition(jobId: string): string {
  return `JOB#${jobId}`;
}

export function failureItemKey({ jobId, outputId, role }: FailureKey): ItemKey {
  return { pk: jobPartition(jobId), sk: `OUTPUT#${outputId}#FAILURE#${role}` };
}

export function recoveryItemKey(key: RecoveryKey): ItemKey {
  return { pk: jobPartition(key.jobId), sk: `${recoveriesPrefix(key)}${key.fileId}` };
}

/** Begins the sort key of every recovery (and its segments) of an output, or of one role of it. */
export function recoveriesPrefix({ outputId, role }: OutputKey & { readonly role?: Role }): string {
  return role === undefined ? `OUTPUT#${outputId}#RECOVERY#` : `OUTPUT#${outputId}#RECOVERY#${role}#`;
}

export function segmentItemKey(key: RecoveryKey, segment: number): ItemKey {
  const recovery = recoveryItemKey(key);
  return { pk: recovery.pk, sk: `${segmentsPrefix(key)}${String(segment).padStart(5, '0')}` };
}

/** Begins the sort key of every segment of a recovery. */
export function segmentsPrefix(key: RecoveryKey): string {
  return `${recoveryItemKey(key).sk}#SEGMENT#`;
}

/** What the item of an output is, by its sort key: an item that cannot be read may not say. */
export function kindOfKey(sk: string): 'failure' | 'segment' | 'recovery' {
  if (sk.includes('#FAILURE#')) return 'failure';
  return sk.includes('#SEGMENT#') ? 'segment' : 'recovery';
}

/** Begins the partition of every counter of refused notifications, which the role of ingest may write. */
export const REFUSALS_PREFIX = 'REFUSALS#';

/** Partition of a UTC day's counters of refused notifications. */
export function refusalsPartition(epochMs: number): string {
  return `${REFUSALS_PREFIX}${dayOf(epochMs)}`;
}

/** Partition of the time of the last notification; beside the counters, the role of ingest may write no other. */
export const LAST_NOTIFICATION = 'LATEST#NOTIFICATION';

/** Partition of the last preflight that passed. */
export const LAST_PREFLIGHT = 'LATEST#PREFLIGHT';

/** Begins every partition of the counters of sign-ins; the role of the dashboard may write no other. */
export const SIGN_INS_PREFIX = 'SIGNINS#';

/** Partition of the counters of one window. */
export function signInsPartition(windowStart: number): string {
  return `${SIGN_INS_PREFIX}${isoTime(windowStart)}`;
}

/** Partition of the sources that have signed in lately. */
export const KNOWN_SOURCES = `${SIGN_INS_PREFIX}KNOWN`;

/** Which of the shards a job's index entries are in. */
export function shardOf(jobId: string): number {
  return createHash('sha256').update(jobId).digest().readUInt32BE(0) % SHARDS;
}

export function stateGroupOf(state: RecoveryState): StateGroup {
  switch (state) {
    case 'pending':
    case 'copying':
      return 'OPEN';
    case 'recovered':
      return 'RECOVERED';
    case 'lost':
      return 'LOST';
    case 'failed':
      return 'FAILED';
  }
}

/** Index partition of one shard of a day, class, host or state group. */
export function shardPartition(name: string, shard: number): string {
  return `${cut(name, MAX_PARTITION)}#${shard}`;
}

/** All index partitions of a day, class, host or state group. */
export function shardPartitions(name: string): string[] {
  return Array.from({ length: SHARDS }, (_, shard) => shardPartition(name, shard));
}

/** Sort key of a primary failure in its indexes: unique, in order of time. */
export function failedAtKey({ failedAt, jobId, outputId, role }: FailureKey & { failedAt: number }): string {
  return `${isoTime(failedAt)}#${jobId}#${outputId}#${role}`;
}

/** Sort key of a recovery in its index: unique, in order of the given time (deadline while open, else settled). */
export function stateKey(time: number, { jobId, outputId, role, fileId }: RecoveryKey): string {
  return `${isoTime(time)}#${jobId}#${outputId}#${role}#${fileId}`;
}

/** The index attributes of a record whose event is owed; both undefined without {@link Owing.eventOwedAt}. */
export function owedIndexKeys(record: Owing): { owedShard?: string; owedKey?: string } {
  const { jobId, eventOwedAt } = record;
  if (eventOwedAt === undefined) return {};
  return {
    owedShard: shardPartition(OWED, shardOf(jobId)),
    owedKey:
      'fileId' in record ? stateKey(eventOwedAt, record) : failedAtKey({ ...record, failedAt: eventOwedAt }),
  };
}

/** All index partitions of what is owed. */
export function owedPartitions(): string[] {
  return shardPartitions(OWED);
}

/** A record as far as its owed event is concerned. */
export type Owing = (FailureKey | RecoveryKey) & { readonly eventOwedAt?: number };

const OWED = 'OWED';

/** The index attributes of a recovery. */
export function stateIndexKeys(
  recovery: RecoveryKey & { state: RecoveryState; deadline: number; settledAt?: number },
): { stateShard: string; stateKey: string } {
  const group = stateGroupOf(recovery.state);
  const time = group === 'OPEN' ? recovery.deadline : (recovery.settledAt ?? recovery.deadline);
  return {
    stateShard: shardPartition(group, shardOf(recovery.jobId)),
    stateKey: stateKey(time, recovery),
  };
}

/** The table as the ledger's functions are given it: made once, at the handler. */
export interface Table {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Days after which DynamoDB may delete a record; 0 keeps records for ever. */
  readonly recordTtlDays: number;
  /** The present, epoch milliseconds. */
  readonly now: () => number;
  /** Takes every item that a list leaves out because it cannot be read; without it, the list throws. */
  readonly onUnreadable?: (item: LedgerItemNotUnderstood) => void;
}

/** An item in the table that this version cannot read: changed by hand, or written by a newer version. */
export class LedgerItemNotUnderstood extends RecoveryError {
  override readonly name = 'LedgerItemNotUnderstood';
  override readonly category = 'invalid-input';
  /** Holds ids only: safe to log and to show. */
  readonly key: ItemKey;

  /** @param attributes names of those that are missing or wrong. */
  constructor(key: ItemKey, attributes: readonly string[]) {
    super(`ledger item ${key.pk} / ${key.sk} has missing or wrong attributes: ${attributes.join(', ')}`);
    this.key = key;
  }
}

/** Too many writers at once on the same items; nothing was written for those. */
export class LedgerBusy extends RecoveryError {
  override readonly name = 'LedgerBusy';
  override readonly category = 'transient';
}

const DAY_SECONDS = 24 * 60 * 60;

/** Epoch second at which a record that was last of interest at `epochMs` may go; undefined keeps it for ever. */
export function recordTtl(
  { recordTtlDays }: Pick<Table, 'recordTtlDays'>,
  epochMs: number,
): number | undefined {
  return recordTtlDays > 0 ? Math.ceil(epochMs / 1000) + recordTtlDays * DAY_SECONDS : undefined;
}
