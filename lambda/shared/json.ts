import { RecoveryError } from './errors.ts';

/** Text that is no JSON, or JSON nested so deep that it cannot be read. */
export class NotJson extends RecoveryError {
  override readonly name = 'NotJson';
  override readonly meaning = 'not-understood';
}

// 2^53 has 16 digits; shorter numbers are exact, and the plain parser is several times faster than one with a reviver.
const MAYBE_INEXACT = /(?:^|[\s:[,])-?[0-9]{16}/;

/**
 * Parses JSON so that no digit of a whole number gets lost: integers beyond 2^53 come out as text, everything else as
 * `JSON.parse` gives it.
 *
 * @throws {NotJson} without a word of the text, which may hold signed URLs.
 */
export function parseJson(text: string): unknown {
  try {
    return MAYBE_INEXACT.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, so it is not kept as the cause.
    throw new NotJson('the text is not JSON');
  }
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?[0-9]+$/.test(source) ? source : value;
}
