import { hash } from 'node:crypto';
import { DAY_MS } from '../runtime/durations.ts';
import { composed, cut } from '../runtime/redact.ts';
import { type FileUrl, parseFileUrl } from './file-url.ts';
import { decodeBytes, decodeText } from './percent.ts';

const MAX_FILENAME = 180;
const PACKAGE = /\.(?:zip|tar|tgz|tar\.gz)$/i;

/**
 * No file outlives this, whatever its URL says: Zencoder keeps a file for a day after its output finished, and the longest
 * URL ever seen (in Zencoder's own documentation) ends 38 h 53 min after the job's last change. S3's own seven days would
 * have a file that is gone tried again for a week.
 */
const MAX_LIFE_MS = 2 * DAY_MS;

/** The URL of a file, as text or parsed already: a caller that reads several things from one parses it once. */
type Url = string | FileUrl;

/**
 * Identity of a backup file: the first 16 hex digits of the SHA-256 of the bucket and the decoded key. The query is left
 * out, because two notifications of one file carry different signatures.
 *
 * @throws {SourceUrlUnusable} for what is no URL of a file.
 */
export function fileIdOf(url: Url): string {
  const { store, path } = apart(url);
  const place = Buffer.concat([Buffer.from(`${store}/`), decodeBytes(path)]);
  return hash('sha256', place, 'hex').slice(0, 16);
}

/**
 * Where a backup file is, for people: `s3://bucket/key`, or origin and path for storage that is not AWS. Without query;
 * escapes that are no text stay as they are.
 *
 * @throws {SourceUrlUnusable} for what is no URL of a file.
 */
export function sourceOf(url: Url): string {
  const { store, path } = apart(url);
  // What cannot be seen stays escaped: this text goes to pages and terminals.
  return `${store}/${decodeText(path).replace(/\p{C}/gu, encodeURIComponent)}`;
}

function apart(url: Url): FileUrl {
  return typeof url === 'string' ? parseFileUrl(url) : url;
}

/**
 * Until when a backup file can be fetched: the end of its signed URL, from `X-Amz-Date` + `X-Amz-Expires` (signature
 * version 4) or from `Expires` (version 2), else a day after the output finished. Never more than two days from now.
 *
 * @param finishedAt of the output, as near as is known; epoch milliseconds, as all times here.
 */
export function deadlineOf(url: Url, finishedAt: number, now: number): number {
  const { searchParams } = apart(url).url;
  const end =
    endOfVersion4(searchParams.get('X-Amz-Date'), searchParams.get('X-Amz-Expires')) ??
    endOfVersion2(searchParams.get('Expires')) ??
    finishedAt + DAY_MS;
  return Math.min(end, now + MAX_LIFE_MS);
}

function endOfVersion4(date: string | null, expires: string | null): number | null {
  const parts = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(date ?? '');
  if (parts === null || !/^[0-9]{1,9}$/.test(expires ?? '')) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1);
  const signed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(signed) || signed < 0 ? null : signed + Number(expires) * 1000;
}

function endOfVersion2(expires: string | null): number | null {
  return /^[0-9]{1,11}$/.test(expires ?? '') ? Number(expires) * 1000 : null;
}

/**
 * The base name of the URL's path, decoded, with whatever is unsafe in a key or a file system replaced by `_`, and at
 * most 180 characters that keep the extension. Never empty, never `.` or `..`.
 *
 * @throws {SourceUrlUnusable} for what is no URL of a file.
 */
export function filenameOf(url: Url): string {
  // Old Zencoder keys write their own slash as %2F, so the last segment is known only after decoding.
  // Cut before the costly steps, and again behind them: a composed character may be longer than it was.
  const base = shorten(lastSegment(decodeText(apart(url).url.pathname)).trim());
  const safe = composed(base)
    .replace(/[^\p{L}\p{M}\p{N}._ ()+,=@-]/gu, '_')
    .trim();
  if (/^\.*$/.test(safe)) return 'file';
  return shorten(safe);
}

/** The last segment that is not empty. Looked for from the end: a path may be thousands of slashes. */
function lastSegment(path: string): string {
  let end = path.length;
  while (end > 0 && isSlash(path, end - 1)) end -= 1;
  const filled = path.slice(0, end);
  return filled.slice(Math.max(filled.lastIndexOf('/'), filled.lastIndexOf('\\')) + 1);
}

function isSlash(path: string, at: number): boolean {
  return '/\\'.includes(path.charAt(at));
}

/** True for a package of several files: the size and MD5 of a notification are not its own. */
export function isPackage(filename: string): boolean {
  return PACKAGE.test(filename);
}

function shorten(name: string): string {
  if (name.length <= MAX_FILENAME) return name;
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  return `${cut(name, MAX_FILENAME - extension.length)}${extension}`;
}

/** Clocks differ and deadlines are sometimes estimated: a file counts as available this long after its deadline. */
const GRACE_MS = 15 * 60 * 1000;

/** Whether a file's signed URL has ended for certain, so that Zencoder is not asked for the file any more. Epoch milliseconds. */
export function isOver(deadline: number, now: number): boolean {
  return now > deadline + GRACE_MS;
}

/** Whether an open recovery may be lost unless it succeeds soon. After its deadline there is nothing to risk any more. */
export function isAtRisk(
  deadline: number,
  { now, atRiskMs }: { readonly now: number; readonly atRiskMs: number },
): boolean {
  return deadline > now && deadline < now + atRiskMs;
}
