import * as v from 'valibot';
import { cut, wellFormedText } from '../runtime/redact.ts';
import { MAX_URL } from './file-url.ts';

/**
 * How single fields of Zencoder's notifications and API responses are read. All but ids are tolerant: a field that is missing,
 * null or of a wrong type reads as null, because one odd field must not cost the file beside it.
 *
 * Text comes out well-formed: a text that was cut in the middle of a character ends with half a surrogate pair, which
 * JSON can hold, but UTF-8 and so DynamoDB cannot. Each such half becomes U+FFFD.
 */

// Zencoder's own limits are 255 characters or less; more than this cannot be meant, and a queue message must hold it.
const MAX_TEXT = 1000;
// Written once in a notification, but sent with each of up to 10,000 images.
const MAX_SET_LABEL = 255;
// Of a message much less is kept; no search in a text goes further than this.
const MAX_PROSE = 16_384;
const MAX_STATE = 40;

/** A JSON object: neither null nor a list. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const written = v.union([wellFormedText, v.number(), v.boolean()]);
const digits = v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.regex(/^[0-9]{1,20}$/));

/** A 64-bit id, as decimal text without leading zeros, whether it came as number or text. */
export const id = v.pipe(
  digits,
  v.transform((text) => text.replace(/^0+(?=[0-9])/, '')),
);

const idOrNull = v.fallback(v.nullable(id), null);

/** A message, a link or a checksum, cut where it is longer than any can be. */
const textOrNull = v.fallback(
  v.nullable(
    v.pipe(
      wellFormedText,
      v.transform((text) => cut(text, MAX_PROSE)),
    ),
  ),
  null,
);

/** A URL or a path; longer than any URL that works, it is none. */
const urlOrNull = v.fallback(v.nullable(v.pipe(wellFormedText, v.maxLength(MAX_URL))), null);

/** A label or `pass_through`: short text, or a number sent in its place. */
const shortTextOrNull = shortText(MAX_TEXT);

/** As {@link shortTextOrNull}, for the label of a thumbnail set. */
export const setLabelOrNull = shortText(MAX_SET_LABEL);

function shortText(longest: number) {
  return v.fallback(
    v.nullable(
      v.pipe(
        written,
        v.transform((value) => cut(String(value), longest)),
      ),
    ),
    null,
  );
}

/** A state or event in lower case; `no input` and `no_input` are one. */
const wordOrNull = v.fallback(
  v.nullable(
    v.pipe(
      wellFormedText,
      v.transform((word) => cut(word.trim().toLowerCase().replaceAll(' ', '_'), MAX_STATE)),
    ),
  ),
  null,
);

/** A size in bytes; zero says as little as null. */
const bytesOrNull = v.fallback(
  v.nullable(v.pipe(digits, v.transform(Number), v.safeInteger(), v.minValue(1))),
  null,
);

/** A time with `Z` or an offset, as epoch milliseconds. */
const timeOrNull = v.fallback(
  v.nullable(
    v.pipe(
      v.string(),
      v.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,20}(?:Z|[+-][0-9]{2}:?[0-9]{2})$/i),
      v.transform((text) => Date.parse(text.replace(/([0-9]{2})([0-9]{2})$/, replaceOffset))),
      v.safeInteger(),
      v.minValue(0),
    ),
  ),
  null,
);

function replaceOffset(_all: string, hours: string, minutes: string): string {
  return `${hours}:${minutes}`;
}

const FLAGS: readonly unknown[] = [true, false, 1, 0, 'true', 'false'];

/** Whether a value says yes or no, or nothing at all. */
export function isFlag(value: unknown): boolean {
  return value === null || value === undefined || FLAGS.includes(value);
}

/** True for `true`, also when it came as text or number; everything else is false. */
const truth = v.fallback(
  v.pipe(
    written,
    v.transform((value) => value === true || value === 1 || value === 'true'),
  ),
  false,
);

export const thumbnailImage = v.object({
  url: urlOrNull,
  file_size_bytes: bytesOrNull,
  file_size_in_bytes: bytesOrNull,
  group_label: setLabelOrNull,
});

export const output = v.object({
  id,
  label: shortTextOrNull,
  type: wordOrNull,
  state: wordOrNull,
  event: wordOrNull,
  url: urlOrNull,
  file_size_in_bytes: bytesOrNull,
  file_size_bytes: bytesOrNull,
  md5_checksum: textOrNull,
  finished_at: timeOrNull,
  backup_server_used: truth,
  primary_upload_error_link: textOrNull,
  primary_upload_error_message: textOrNull,
  primary_thumbnail_upload_error_link: textOrNull,
  primary_thumbnail_upload_error_message: textOrNull,
  error_class: textOrNull,
  error_link: textOrNull,
  error_message: textOrNull,
  thumbnails: v.optional(v.unknown()),
});

export const job = v.object({
  id: idOrNull,
  state: wordOrNull,
  pass_through: shortTextOrNull,
  test: truth,
  updated_at: timeOrNull,
  finished_at: timeOrNull,
});

export const input = v.object({ state: wordOrNull });
