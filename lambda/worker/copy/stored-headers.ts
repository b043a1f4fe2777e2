import { headerValue } from './header-value.ts';

/** Headers that S3 keeps with an object and gives back with it, besides its type; a copy of the object keeps them. */
export interface StoredHeaders {
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly contentDisposition?: string;
  readonly cacheControl?: string;
}

/** Describes how a request was sent and is no property of an object, although some clients store it as one. */
const OF_THE_REQUEST = 'aws-chunked';

/**
 * The headers that an object was stored with, as far as they can be sent again; others are left out.
 *
 * @param headers of the answer to a GET, by lower-case name.
 */
export function storedHeadersOf(headers: ReadonlyMap<string, string>): StoredHeaders {
  const contentEncoding = encodingOf(headers.get('content-encoding'));
  const contentLanguage = headerValue(headers.get('content-language'));
  const contentDisposition = headerValue(headers.get('content-disposition'));
  const cacheControl = headerValue(headers.get('cache-control'));
  return {
    ...(contentEncoding !== null && { contentEncoding }),
    ...(contentLanguage !== null && { contentLanguage }),
    ...(contentDisposition !== null && { contentDisposition }),
    ...(cacheControl !== null && { cacheControl }),
  };
}

/** The codings in their order; null when nothing is left of them, or when they are no list of tokens. */
function encodingOf(text: string | undefined): string | null {
  const codings = (text ?? '')
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== OF_THE_REQUEST);
  return codings.every((coding) => /^[\w!#$%&'*+.^`|~-]+$/.test(coding))
    ? headerValue(codings.join(','))
    : null;
}
