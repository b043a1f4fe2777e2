import * as v from 'valibot';
import { cut, wellFormedText } from './text.ts';

/**
 * How single fields of Zencoder's notifications and API answers are read. All of it tolerates: a field that is missing,
 * null or of a wrong type reads as null, because one odd field must not cost the file beside it. Only ids are strict.
 *
 * Text comes out well-formed: a text that was cut in the middle of a character ends with half a surrogate pair, which
 * JSON can hold, but UTF-8 and so DynamoDB cannot. Each such half becomes U+FFFD.
 */

// Zencoder's own limits are 255 characters or less; more than this cannot be meant, and a queue message must hold it.
const LONGEST_TEXT = 1000;
const LONGEST_STATE = 40;

const written = v.union([wellFormedText, v.number(), v.boolean()]);
const digits = v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.regex(/^[0-9]{1,20}$/));

/** A 64-bit id, as decimal text without leading zeros, whether it came as number or text. */
export const id = v.pipe(
  digits,
  v.transform((text) => text.replace(/^0+(?=[0-9])/, '')),
);

export const idOrNull = v.fallback(v.nullable(id), null);

/** Text of any length. */
export const textOrNull = v.fallback(v.nullable(wellFormedText), null);

/** A label or `pass_through`: short text, or a number that somebody sent in its place. */
export const shortTextOrNull = v.fallback(
  v.nullable(
    v.pipe(
      written,
      v.transform((value) => cut(String(value), LONGEST_TEXT)),
    ),
  ),
  null,
);

/** A state or event in lower case; `no input` and `no_input` are one. */
export const wordOrNull = v.fallback(
  v.nullable(
    v.pipe(
      wellFormedText,
      v.transform((word) => cut(word.trim().toLowerCase().replaceAll(' ', '_'), LONGEST_STATE)),
    ),
  ),
  null,
);

/** A size in bytes; zero says as little as null. */
export const bytesOrNull = v.fallback(
  v.nullable(v.pipe(digits, v.transform(Number), v.safeInteger(), v.minValue(1))),
  null,
);

/** A time with `Z` or an offset, as epoch milliseconds. */
export const timeOrNull = v.fallback(
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

/** True for `true`, also when it came as text or number; everything else is false. */
export const truth = v.fallback(
  v.pipe(
    written,
    v.transform((value) => value === true || value === 1 || value === 'true'),
  ),
  false,
);

/** An array of anything; whatever is no array is empty. */
export const list = v.fallback(v.array(v.unknown()), []);

export const thumbnailSet = v.object({ label: shortTextOrNull, images: list });

export const thumbnailImage = v.object({
  url: textOrNull,
  file_size_bytes: bytesOrNull,
  file_size_in_bytes: bytesOrNull,
  group_label: shortTextOrNull,
});

export const output = v.object({
  id,
  label: shortTextOrNull,
  type: wordOrNull,
  state: wordOrNull,
  event: wordOrNull,
  url: textOrNull,
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
  thumbnails: list,
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
