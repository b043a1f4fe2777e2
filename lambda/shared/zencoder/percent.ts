import { isUtf8 } from 'node:buffer';

const PERCENT = 0x25;
const FIRST_NOT_ASCII = 0x80;
/** `%` and two digits. */
const ESCAPE_BYTES = 3;
/** The value of each byte as a hex digit; -1 for what is none. */
const DIGITS = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()),
);

/**
 * The bytes that S3 takes a path for. `%2F` is the slash that it stands for (old Zencoder keys are written so), and a `%`
 * without two hex digits is itself. `+` is itself too: to take it for the space that some servers read could make one of
 * two objects.
 */
export function decodeBytes(path: string): Buffer {
  return decoded(path, () => true);
}

/** The text that a path stands for; escapes next to each other that are no text together stay as they are. */
export function decodeText(path: string): string {
  return decoded(path, isText).toString();
}

/**
 * One pass over the bytes: a string or a call for each escape would make a body of nothing but escapes expensive.
 *
 * @param isWanted whether a run of escapes is decoded, by the bytes that it stands for: `start` to `end` of a buffer.
 */
function decoded(path: string, isWanted: (bytes: Buffer, start: number, end: number) => boolean): Buffer {
  const bytes = Buffer.from(path);
  if (!bytes.includes(PERCENT)) return bytes;
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const written = length;
    for (let byte = escapedAt(bytes, at); byte !== -1; byte = escapedAt(bytes, at)) {
      out[length++] = byte;
      at += ESCAPE_BYTES;
    }
    if (at === start) {
      out[length++] = bytes[at++] ?? 0;
    } else if (!isWanted(out, written, length)) {
      // Most runs are short: a call to copy one would cost more than the loop.
      length = written;
      for (let from = start; from < at; from++) out[length++] = bytes[from] ?? 0;
    }
  }
  return out.subarray(0, length);
}

/** Whether bytes are UTF-8. A byte of ASCII alone, the most common case by far, costs no call. */
function isText(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 1 ? (bytes[start] ?? 0) < FIRST_NOT_ASCII : isUtf8(bytes.subarray(start, end));
}

/** The byte that an escape at this place stands for; -1 where there is none. */
function escapedAt(bytes: Buffer, at: number): number {
  if (bytes[at] !== PERCENT) return -1;
  const high = DIGITS[bytes[at + 1] ?? 0] ?? -1;
  const low = DIGITS[bytes[at + 2] ?? 0] ?? -1;
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}
