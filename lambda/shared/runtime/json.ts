import { RecoveryError } from './errors.ts';

/** Text that is no JSON, or more intricate JSON than anything that Zencoder writes. */
export class NotJson extends RecoveryError {
  override readonly name = 'NotJson';
  override readonly category = 'invalid-input';
}

/** How much a text may hold; checked before it is parsed, since a parser's time depends on it. */
export interface JsonLimits {
  /** Lists and objects within each other. */
  readonly depth: number;
  /** Elements of lists and fields of objects, all together. */
  readonly values: number;
}

/** Zencoder nests five deep. */
const DEFAULT_LIMITS: JsonLimits = { depth: 100, values: Number.POSITIVE_INFINITY };

/** 2^53 has 16 digits: shorter integers are exact. */
const INEXACT_DIGITS = 16;

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const EXPONENT = 0x65;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** The bit by which small letters differ from capitals. */
const CASE = 0x20;

/**
 * Parses JSON so that no digit of a whole number gets lost: integers beyond 2^53 come out as text, everything else as
 * `JSON.parse` gives it. Takes linear time: one pass over the text, then the plain parser. (A reviver that sees the
 * source of each number takes a hundred times as long for a text of many small values.)
 *
 * @throws {NotJson} without a word of the text, which may hold signed URLs.
 */
export function parseJson(text: string, limits: Partial<JsonLimits> = {}): unknown {
  const exact = withExactIntegers(text, { ...DEFAULT_LIMITS, ...limits });
  try {
    return JSON.parse(exact);
  } catch {
    // The parser's own message quotes the text, so it is not kept as the cause.
    throw new NotJson('the text is not JSON');
  }
}

/** The text with quotes around each integer that a number would not hold exactly. Faults are left to the parser. */
function withExactIntegers(text: string, limits: JsonLimits): string {
  const size = new Size(limits);
  const pieces: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === MINUS || isDigit(unit)) {
      const end = endOfNumber(text, at);
      if (isInexactInteger(text, at, end)) {
        pieces.push(text.slice(copied, at), '"', text.slice(at, end), '"');
        copied = end;
      }
      at = end - 1;
    } else {
      size.add(unit);
    }
  }
  return copied === 0 ? text : pieces.join('') + text.slice(copied);
}

/** How deep and how many values, by the characters between strings and numbers. */
class Size {
  readonly #most: JsonLimits;
  #depth = 0;
  #values = 0;

  constructor(most: JsonLimits) {
    this.#most = most;
  }

  /** @throws {NotJson} beyond a limit. */
  add(unit: number): void {
    if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      this.#depth += 1;
      this.#values += 1;
      if (this.#depth > this.#most.depth)
        throw new NotJson(`the text is nested deeper than ${this.#most.depth} levels`);
    } else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) {
      this.#depth -= 1;
    } else if (unit === COMMA) {
      this.#values += 1;
    }
    if (this.#values > this.#most.values)
      throw new NotJson(`the text holds more than ${this.#most.values} values`);
  }
}

/** Where the closing quote is; the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === BACKSLASH) at += 1;
    else if (unit === QUOTE) break;
  }
  return at;
}

/** Behind the last character that a number can have: digits, `+`, `-`, `.`, `e` and `E`. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  while (isOfNumber(text.charCodeAt(at))) at += 1;
  return at;
}

function isInexactInteger(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
  if (end - first < INEXACT_DIGITS || text.charCodeAt(first) === ZERO) return false;
  for (let at = first; at < end; at++) {
    if (!isDigit(text.charCodeAt(at))) return false;
  }
  // JSON has no number for a name: quotes would make one of it.
  if (isName(text, end)) return false;
  return end - first > INEXACT_DIGITS || !Number.isSafeInteger(Number(text.slice(start, end)));
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return text.charCodeAt(at) === COLON;
}

function isOfNumber(unit: number): boolean {
  return isDigit(unit) || unit === PLUS || unit === MINUS || unit === POINT || (unit | CASE) === EXPONENT;
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}
