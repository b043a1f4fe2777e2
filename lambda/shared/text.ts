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
