import type { Item } from './items.ts';
import { LedgerItemNotUnderstood, type Table } from './table.ts';

/**
 * What to do about items that this version cannot read: those that are read among others are left out and reported, so
 * that one of them keeps no reader from the rest. What reads a single item throws.
 */

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
  { onUnreadable }: Pick<Table, 'onUnreadable'>,
  parse: (item: Item) => Read,
  item: Item,
): Read[] {
  const read = tryRead(parse, item);
  if (!(read instanceof LedgerItemNotUnderstood)) return [read];
  if (onUnreadable === undefined) throw read;
  onUnreadable(read);
  return [];
}
