import { createHash } from 'node:crypto';
import { cut } from './text.ts';

const LONGEST_FILENAME = 180;
const PACKAGE = /\.(?:zip|tar|tgz|tar\.gz)$/i;

/**
 * Identity of a backup file: the first 16 hex digits of the SHA-256 of host and path. The query is left out, because
 * two notifications of one file carry different signatures.
 */
export function fileIdOf(url: URL): string {
  return createHash('sha256').update(`${url.host}${url.pathname}`).digest('hex').slice(0, 16);
}

/**
 * When a signed S3 URL ends: epoch milliseconds, from `X-Amz-Date` + `X-Amz-Expires` (signature version 4) or from
 * `Expires` (version 2); null when the URL has neither in readable form.
 */
export function deadlineOf(url: URL): number | null {
  const query = url.searchParams;
  return (
    endOfVersion4(query.get('X-Amz-Date'), query.get('X-Amz-Expires')) ?? endOfVersion2(query.get('Expires'))
  );
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
 */
export function filenameOf(url: URL): string {
  // Old Zencoder keys write their own slash as %2F, so the last segment is known only after decoding.
  const decoded = decodePath(url.pathname).toWellFormed().normalize('NFC');
  const base = decoded.split(/[/\\]/).findLast((segment) => segment !== '') ?? '';
  const safe = base.replace(/[^\p{L}\p{M}\p{N}._ ()+,=@-]/gu, '_').trim();
  if (/^\.*$/.test(safe)) return 'file';
  return shorten(safe);
}

/** True for a package of several files: neither the size nor the MD5 of a notification speaks of it. */
export function isPackage(filename: string): boolean {
  return PACKAGE.test(filename);
}

function decodePath(path: string): string {
  // Escape by escape, so that one damaged sequence does not leave the rest encoded.
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

function shorten(name: string): string {
  if (name.length <= LONGEST_FILENAME) return name;
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  return `${cut(name, LONGEST_FILENAME - extension.length)}${extension}`;
}
