import * as v from 'valibot';

/**
 * Text from outside. A text that somebody cut in the middle of a character ends with half a surrogate pair: JSON can
 * hold it, but UTF-8 cannot, so no item with it can be written to DynamoDB. Each such half becomes U+FFFD.
 */
export const wellFormedText = v.pipe(
  v.string(),
  v.transform((text) => text.toWellFormed()),
);

/** The first `longest` UTF-16 units of a text, never with half a character at the end. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
}

/**
 * Text in Unicode's form C, well-formed. Of marks on one letter no more than 30 are kept, as in Unicode's Stream-Safe Text
 * Format (UAX #15): to put more into their order takes the square of their number.
 */
export function composed(text: string): string {
  return text
    .toWellFormed()
    .replace(/(\p{M}{30})\p{M}+/gu, '$1')
    .normalize('NFC');
}
