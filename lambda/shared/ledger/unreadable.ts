import type { Logger } from '@aws-lambda-powertools/logger';
import type { Meter } from '../runtime/metrics.ts';
import type { Item } from './items.ts';
import { LedgerItemNotUnderstood, type LedgerTable } from './table.ts';

/**
 * What to do about items that this version cannot read: those that are read among others are left out and reported, so
 * that one of them keeps no reader from the rest. What reads a single item throws.
 */

/** A table, and the items that lists read from it have left out, by key. */
export interface NotedTable {
  readonly table: LedgerTable;
  readonly unreadable: ReadonlyMap<string, LedgerItemNotUnderstood>;
}

/** What an item says, or why it cannot be read. */
export function tryRead<Read>(parse: (item: Item) => Read, item: Item): Read | LedgerItemNotUnderstood {
  try {
    return parse(item);
  } catch (error) {
    if (error instanceof LedgerItemNotUnderstood) return error;
    throw error;
  }
}

/**
 * An item as an element of a list: nothing when it cannot be read, which the table's `onUnreadable` is given.
 *
 * @throws {LedgerItemNotUnderstood} when the table has no `onUnreadable`: nothing is left out in silence.
 */
export function readable<Read>(
  { onUnreadable }: Pick<LedgerTable, 'onUnreadable'>,
  parse: (item: Item) => Read,
  item: Item,
): Read[] {
  const read = tryRead(parse, item);
  if (!(read instanceof LedgerItemNotUnderstood)) return [read];
  if (onUnreadable === undefined) throw read;
  onUnreadable(read);
  return [];
}

/**
 * The same table with a list of its own of what is left out.
 *
 * @param report is given each item once. By default the given table's `onUnreadable`.
 */
export function noting(
  table: LedgerTable,
  report: (item: LedgerItemNotUnderstood) => void = (item) => table.onUnreadable?.(item),
): NotedTable {
  const unreadable = new Map<string, LedgerItemNotUnderstood>();
  const onUnreadable = (item: LedgerItemNotUnderstood) => {
    const key = `${item.key.pk} / ${item.key.sk}`;
    if (unreadable.has(key)) return;
    unreadable.set(key, item);
    report(item);
  };
  return { table: { ...table, onUnreadable }, unreadable };
}

/** The same table, for one invocation of a function: what is left out is logged and counted, each item once. */
export function reporting(
  table: LedgerTable,
  { logger, meter }: { readonly logger: Pick<Logger, 'error'>; readonly meter: Meter },
): LedgerTable {
  return noting(table, ({ name, key, message }) => {
    logger.error('record cannot be read', { ...key, fault: { errorClass: name, message } });
    meter.add('unreadableRecords', 1);
  }).table;
}

/** E.g. `1 record cannot be read: JOB#1 / OUTPUT#2#FAILURE#media`, for a person; null when all could be read. */
export function unreadableLine(unreadable: NotedTable['unreadable']): string | null {
  const keys = [...unreadable.keys()];
  if (keys.length === 0) return null;
  const shown = keys.slice(0, MAX_SHOWN).join(', ');
  const more = keys.length > MAX_SHOWN ? `, and ${keys.length - MAX_SHOWN} more` : '';
  return `${keys.length === 1 ? '1 record' : `${keys.length} records`} cannot be read: ${shown}${more}`;
}

const MAX_SHOWN = 5;
