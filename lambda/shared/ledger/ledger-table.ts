import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RecoveryError } from '../errors.ts';
import type { ItemKey } from './keys.ts';

/** The table as the ledger's functions are given it: made once, at the handler. */
export interface LedgerTable {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** After so many days DynamoDB may delete a record; 0 keeps records for ever. */
  readonly recordTtlDays: number;
  /** Is given every item that a list leaves out since it cannot be read; without it, the list throws. */
  readonly onUnreadable?: (item: LedgerItemNotUnderstood) => void;
}

/** An item in the table that this version cannot read: changed by hand, or written by a newer version. */
export class LedgerItemNotUnderstood extends RecoveryError {
  override readonly name = 'LedgerItemNotUnderstood';
  override readonly meaning = 'not-understood';
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
  override readonly meaning = 'try-again';
}

const DAY_SECONDS = 24 * 60 * 60;

/** Epoch second at which a record that was last of interest at `epochMs` may go; undefined keeps it for ever. */
export function recordTtl(
  { recordTtlDays }: Pick<LedgerTable, 'recordTtlDays'>,
  epochMs: number,
): number | undefined {
  return recordTtlDays > 0 ? Math.ceil(epochMs / 1000) + recordTtlDays * DAY_SECONDS : undefined;
}
