/** Bytes `start` to `end`, both included, of an object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const RANGE = /^bytes=(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * What a `Range` header asks of an object of `size` bytes. As S3 does, more than one range, another unit and nonsense
 * are ignored (`whole`); a range that begins at or after the end, and a suffix of no bytes, are `unsatisfiable` (416).
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = header === undefined ? null : RANGE.exec(header.trim());
  if (match === null) return 'whole';
  const [, first, last, suffix] = match;
  if (first === undefined) return suffixRange(Number(suffix), size);
  const start = Number(first);
  if (last !== undefined && last !== '' && Number(last) < start) return 'whole';
  if (start >= size) return 'unsatisfiable';
  const end = last === undefined || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return { start, end };
}

function suffixRange(length: number, size: number): ByteRange | 'unsatisfiable' {
  if (length === 0 || size === 0) return 'unsatisfiable';
  return { start: Math.max(0, size - length), end: size - 1 };
}
