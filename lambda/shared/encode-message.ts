import type { RecoveryMessage } from './message.ts';

/** A message as the text that goes on the queue. */
export function encodeMessage(message: RecoveryMessage): string {
  return encodeJson(message);
}

/** Half of a pair; the lowest unit that is escaped. */
const FIRST_ESCAPED = 0xd800;
const LAST_OF_PAIRS = 0xdfff;
const FIRST_NON_CHARACTER = 0xfffe;
/** Escapes of all units from U+D800 on, made once: a body of emoji has millions of them. */
const ESCAPES: readonly string[] = Array.from(
  { length: 0x1_0000 - FIRST_ESCAPED },
  (_, index) => `\\u${(FIRST_ESCAPED + index).toString(16)}`,
);

/**
 * JSON for SQS and SNS, in which every character that they do not take as it is (U+FFFE, U+FFFF), or that servers like
 * them do not (beyond the basic plane), is escaped. Labels and `pass_through` are the customer's own words and hold
 * whatever they like.
 */
export function encodeJson(value: object): string {
  return JSON.stringify(value).replace(/[\ud800-\udfff\ufffe\uffff]+/g, escapeUnits);
}

/** Bytes of {@link encodeJson}'s text as UTF-8, for less than it costs to make that text. */
export function encodedBytes(value: object): number {
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  if (bytes === json.length) return bytes;
  let added = 0;
  for (let at = 0; at < json.length; at++) added += addedByEscape(json.charCodeAt(at));
  return bytes + added;
}

/** An escape has six bytes; half of a pair has two, and U+FFFE three. */
function addedByEscape(unit: number): number {
  if (unit < FIRST_ESCAPED) return 0;
  if (unit <= LAST_OF_PAIRS) return 4;
  return unit >= FIRST_NON_CHARACTER ? 3 : 0;
}

function escapeUnits(units: string): string {
  let escaped = '';
  for (let at = 0; at < units.length; at++) escaped += ESCAPES[units.charCodeAt(at) - FIRST_ESCAPED] ?? '';
  return escaped;
}
