/** The conditional headers of a request; absent ones are undefined. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
}

/**
 * What a GET or HEAD with these conditions comes to, in S3's order of precedence: a matching `If-Match` outweighs
 * `If-Unmodified-Since`, a failing `If-None-Match` outweighs `If-Modified-Since`. Dates count in whole seconds and are
 * ignored when they cannot be read.
 * @param etag without quotes
 * @param lastModified epoch milliseconds
 */
export function evaluateRead(
  conditions: Conditions,
  etag: string,
  lastModified: number,
): 'go-on' | 'not-modified' | 'precondition-failed' {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  const seconds = Math.floor(lastModified / 1000) * 1000;
  if (ifMatch !== undefined) {
    if (!etagMatches(ifMatch, etag)) return 'precondition-failed';
  } else if (seconds > dateOr(ifUnmodifiedSince, Number.POSITIVE_INFINITY)) {
    return 'precondition-failed';
  }
  if (ifNoneMatch !== undefined) return etagMatches(ifNoneMatch, etag) ? 'not-modified' : 'go-on';
  return seconds <= dateOr(ifModifiedSince, Number.NEGATIVE_INFINITY) ? 'not-modified' : 'go-on';
}

/** Whether a list of entity tags (quoted or bare, or `*`) names `etag` (bare). */
export function etagMatches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map(bareEtag)
    .some((tag) => tag === '*' || tag === etag);
}

/** An entity tag without its quotes and its weakness. */
export function bareEtag(tag: string): string {
  return tag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');
}

function dateOr(text: string | undefined, otherwise: number): number {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? otherwise : time;
}
