/** One page of a listing in S3's order: keys, and what stands for all keys up to the delimiter. */
export interface ListingPage {
  readonly keys: readonly string[];
  readonly commonPrefixes: readonly string[];
  /** The last key or prefix of the page when there is more after it. */
  readonly next: string | undefined;
}

export interface ListingQuery {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** Only what comes after this key or common prefix. */
  readonly after: string;
  readonly limit: number;
}

/** Cuts one page out of `sortedKeys`; keys and common prefixes count towards the limit alike. */
export function listPage(sortedKeys: readonly string[], query: ListingQuery): ListingPage {
  const keys: string[] = [];
  const commonPrefixes: string[] = [];
  let last: string | undefined;
  for (let at = firstIndex(sortedKeys, query); at < sortedKeys.length; at += 1) {
    const key = sortedKeys[at] ?? '';
    if (!key.startsWith(query.prefix)) break;
    const common = commonPrefix(key, query);
    if (common !== undefined && (common === last || common === query.after)) continue;
    if (keys.length + commonPrefixes.length >= query.limit) return { keys, commonPrefixes, next: last };
    if (common === undefined) keys.push(key);
    else commonPrefixes.push(common);
    last = common ?? key;
  }
  return { keys, commonPrefixes, next: undefined };
}

/** The first key that is neither before the prefix nor at or before `after`. */
function firstIndex(sortedKeys: readonly string[], { prefix, after }: ListingQuery): number {
  let low = 0;
  let high = sortedKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = sortedKeys[middle] ?? '';
    const isBefore = compareUtf8(key, prefix) < 0 || (after !== '' && compareUtf8(key, after) <= 0);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}

function commonPrefix(key: string, { prefix, delimiter }: ListingQuery): string | undefined {
  if (delimiter === '') return undefined;
  const end = key.indexOf(delimiter, prefix.length);
  return end === -1 ? undefined : key.slice(0, end + delimiter.length);
}

/** Orders texts as their UTF-8 bytes: JavaScript's order but for surrogates, which rank above all other units. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
