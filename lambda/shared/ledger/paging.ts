import { RecoveryError } from '../runtime/errors.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from './records.ts';
import { failedAtKey, stateIndexKeys } from './table.ts';

/** A cursor that this code did not make. */
export class InvalidCursor extends RecoveryError {
  override readonly name = 'InvalidCursor';
  override readonly category = 'invalid-input';
}

/** One page of a list and where the next begins. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque text for URLs; absent on the last page. */
  readonly cursor?: string;
}

const SORT_KEY =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?:#\d{1,20}){2}#(?:media|thumbnail)(?:#[0-9a-f]{1,64})?$/;

/**
 * Takes one page off a query.
 *
 * @param after gives a record's sort key: `afterFailure` or `afterRecovery`.
 * @example
 * const span = { after: sortKeyOf(cursor), expected: 50 };
 * const page = await takePage(ledger.queries.failuresByTime(span), 50, afterFailure);
 */
export async function takePage<T>(
  records: AsyncIterable<T>,
  limit: number,
  after: (record: T) => string,
): Promise<Page<T>> {
  const items: T[] = [];
  for await (const record of records) {
    const last = items.at(-1);
    if (items.length >= limit && last !== undefined) return { items, cursor: cursorAt(after(last)) };
    items.push(record);
  }
  return { items };
}

/** A cursor behind the record with this sort key: base64url, so that it fits into a URL as it is. */
export function cursorAt(sortKey: string): string {
  return Buffer.from(sortKey).toString('base64url');
}

/**
 * The sort key that a cursor stands for; undefined without a cursor.
 *
 * @throws {InvalidCursor}
 */
export function sortKeyOf(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const sortKey = Buffer.from(cursor, 'base64url').toString();
  if (
    !SORT_KEY.test(sortKey) ||
    Number.isNaN(Date.parse(sortKey.slice(0, 24))) ||
    cursorAt(sortKey) !== cursor
  ) {
    throw new InvalidCursor('the cursor is not one that an earlier page gave');
  }
  return sortKey;
}

/** Where {@link failuresByTime} and its like continue after this record. */
export function afterFailure(failure: PrimaryFailureRecord): string {
  return failedAtKey(failure);
}

/** Where {@link recoveriesByState} and {@link openRecoveriesByDeadline} continue after this record. */
export function afterRecovery(recovery: RecoveryRecord): string {
  return stateIndexKeys(recovery).stateKey;
}
