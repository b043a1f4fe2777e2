import { RecoveryError } from './errors.ts';
import { s3HostOf } from './s3-host.ts';

/** S3 itself takes no longer URLs. */
const LONGEST_URL = 8192;
/** DNS knows no longer names. */
const LONGEST_HOST = 255;

/** The URL of a file, taken apart; a credential, as the text that it was read from. */
export interface FileUrl {
  /** As it was written, without the white space around it. */
  readonly text: string;
  /** For the host and the query; the path in it is folded and not what is sent. */
  readonly url: URL;
  /** Path and query exactly as written; begins with `/`, `?` or is empty. */
  readonly target: string;
  /** Why no request can be made of the URL, in words that repeat nothing of it; null when one can. */
  readonly fault: string | null;
}

/** The object that a URL names. */
export interface FilePlace {
  /** `s3://bucket`, or the origin of a server that is not AWS; its path begins with the bucket, if it has any. */
  readonly store: string;
  /** The key, or for an origin the path, decoded to the bytes that the server takes it for. */
  readonly key: Buffer;
  /** `s3://bucket/key` or `origin/path`, for people; escapes that are no text stay as they are. No query. */
  readonly text: string;
}

/** The URL cannot be put into an HTTP request. */
export class SourceUrlUnusable extends RecoveryError {
  override readonly name = 'SourceUrlUnusable';
  override readonly meaning = 'not-understood';
}

/**
 * The one parser of a file's URL. White space around it goes, nothing else is changed.
 *
 * @returns null for what is no http or https URL, such as a path inside a package, and for what is too long to be one.
 */
export function readFileUrl(written: string): FileUrl | null {
  const text = written.trim();
  if (text.length > LONGEST_URL) return null;
  const url = URL.parse(text);
  const target = /^https?:\/\/[^/?#\\]+([^#]*)/i.exec(text)?.[1];
  if (url === null || target === undefined || url.hostname.length > LONGEST_HOST) return null;
  return { text, url, target, fault: faultOf(text, url, target) };
}

/**
 * As {@link readFileUrl}, for a URL that is to be requested.
 *
 * @throws {SourceUrlUnusable} for anything but http and https, for user info, dot segments and control characters.
 */
export function parseFileUrl(written: string): FileUrl {
  const file = readFileUrl(written);
  if (file === null) throw new SourceUrlUnusable('not an http or https URL');
  if (file.fault !== null) throw new SourceUrlUnusable(file.fault);
  return file;
}

/**
 * What S3 says that a URL names: bucket and decoded key, whatever the form of the host or the escaping. `%2F` is the
 * slash that it stands for (old Zencoder keys are written so), a `%` without two hex digits is itself, and bytes that
 * are no UTF-8 stay apart from the text of their escapes. `+` is itself too: to take it for the space that some servers
 * read could make one of two objects.
 */
export function placeOf({ url }: Pick<FileUrl, 'url'>): FilePlace {
  const host = s3HostOf(url.hostname);
  if (host === null) return place(url.origin, url.pathname.slice(1));
  if (host.bucket !== null) return place(`s3://${host.bucket}`, url.pathname.slice(1));
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/.exec(url.pathname) ?? [];
  return place(`s3://${bucket}`, key);
}

function place(store: string, path: string): FilePlace {
  // What cannot be seen stays escaped: this text goes to pages and terminals.
  const shown = decodeText(path).replace(/\p{C}/gu, encodeURIComponent);
  return { store, key: bytesOf(path), text: `${store}/${shown}` };
}

function bytesOf(path: string): Buffer {
  const pieces = path.split(/(%[0-9a-f]{2})/i);
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 === 1 ? Buffer.from(piece.slice(1), 'hex') : Buffer.from(piece))),
  );
}

/** Decodes escape by escape, so that one damaged sequence does not leave the rest encoded. */
export function decodeText(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

function faultOf(text: string, url: URL, target: string): string | null {
  if (url.username !== '' || url.password !== '') return 'the URL holds user info';
  if (hasControlCharacter(text)) return 'the URL holds control characters';
  if (climbs(target)) return 'the path of the URL has dot segments or backslashes';
  return null;
}

/** What a parser folds away and a server may not: the path that was checked would not be the path that is asked for. */
function climbs(target: string): boolean {
  const [path = ''] = target.split('?', 1);
  return path.includes('\\') || path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((character) => character < ' ' || character === '\u007f');
}
