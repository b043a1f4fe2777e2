import { createHash } from 'node:crypto';
import type { OutputKey, RecoveryKey, RecoveryState, Role } from '../model.ts';
import { cut } from '../text.ts';
import type { FailureKey } from './records.ts';
import { SHARDS } from './table-schema.ts';

/** Every key that the table and its indexes know; nothing else spells one out. */

/** Where an item lies. */
export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** The part of `recoveries-by-state` that a state belongs to. */
export type StateGroup = 'OPEN' | 'RECOVERED' | 'LOST' | 'FAILED';

const DAY_MS = 24 * 60 * 60 * 1000;
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const LONGEST_PARTITION = 500;

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

export function failureKey({ jobId, outputId, role }: FailureKey): ItemKey {
  return { pk: jobPartition(jobId), sk: `OUTPUT#${outputId}#FAILURE#${role}` };
}

export function recoveryKey(key: RecoveryKey): ItemKey {
  return { pk: jobPartition(key.jobId), sk: `${recoveriesPrefix(key)}${key.fileId}` };
}

/** Begins the sort key of every recovery (and its segments) of an output, or of one role of it. */
export function recoveriesPrefix({ outputId, role }: OutputKey & { readonly role?: Role }): string {
  return role === undefined ? `OUTPUT#${outputId}#RECOVERY#` : `OUTPUT#${outputId}#RECOVERY#${role}#`;
}

export function segmentKey(key: RecoveryKey, segment: number): ItemKey {
  const recovery = recoveryKey(key);
  return { pk: recovery.pk, sk: `${segmentsPrefix(key)}${String(segment).padStart(5, '0')}` };
}

/** Begins the sort key of every segment of a recovery. */
export function segmentsPrefix(key: RecoveryKey): string {
  return `${recoveryKey(key).sk}#SEGMENT#`;
}

/** What the item of an output is, by its sort key: an item that cannot be read may not say. */
export function kindOfKey(sk: string): 'failure' | 'segment' | 'recovery' {
  if (sk.includes('#FAILURE#')) return 'failure';
  return sk.includes('#SEGMENT#') ? 'segment' : 'recovery';
}

/** Begins the partition of every counter of refused notifications; the role of ingest may write no other. */
export const REFUSALS_PREFIX = 'REFUSALS#';

/** Partition of a UTC day's counters of refused notifications. */
export function refusalsPartition(epochMs: number): string {
  return `${REFUSALS_PREFIX}${dayOf(epochMs)}`;
}

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
  return `${cut(name, LONGEST_PARTITION)}#${shard}`;
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
