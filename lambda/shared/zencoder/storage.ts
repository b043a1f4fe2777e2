import * as v from 'valibot';
import { RecoveryError } from '../runtime/errors.ts';
import { type FileUrl, readFileUrl } from './file-url.ts';
import type { BackupFile } from './model.ts';

/** Zencoder's own storage: the current bucket and the one that old accounts still see. */
export const DEFAULT_ZENCODER_STORAGE = 'zencoder-temp-storage-us-east-1,zencoder-live';

/** Whether a file may be fetched. */
export type Admission =
  /** To be fetched from the text of `file`: as written, but for white space around it and `https` in place of `http`. */
  | { readonly kind: 'admitted'; readonly file: FileUrl }
  /** On storage that is listed, but written in a form that nothing is fetched from; `why` says so in whole words. */
  | { readonly kind: 'form-not-allowed'; readonly host: string; readonly why: string }
  | { readonly kind: 'not-listed'; readonly why: string };

/** Decides whether a URL names an object on storage that files may be fetched from. */
export interface StorageAllowList {
  /** Admits only an object on a listed bucket, on a port, scheme and host that serve no other. */
  admit(url: string): Admission;
  /**
   * The file as it may be fetched. Ingest has checked the same; a message that something else put on the queue must not
   * make the worker send a request to any other host.
   *
   * @throws {SourceNotAllowed} when its URL is not admitted; says why, and names the host only.
   */
  assertAllowed(file: BackupFile): BackupFile;
}

/** An allow-list entry that is neither a bucket name nor an origin; the message names the entry. */
export class InvalidStorageEntry extends Error {
  override readonly name = 'InvalidStorageEntry';
}

/** What one entry says of a URL; null when the URL is not of its storage. */
type Rule = (file: FileUrl) => Admission | null;

const BUCKET = /^[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9])|-(?=-)){1,61}[a-z0-9]$/;
/** Hosts of S3, in any partition and for any purpose. */
const LIKE_S3 = /^s3[.-](?:[a-z0-9.-]*\.)?amazonaws\.com(?:\.cn)?\.?$/;
const NOT_LISTED: Admission = { kind: 'not-listed', why: 'not on the allow-list' };

/**
 * Reads a comma separated allow-list. An entry is either an exact bucket name, which stands for that bucket on AWS
 * in every form of address (virtual-hosted, path style, regional, dual-stack, FIPS, accelerated), or a full origin with
 * an optional bucket path, such as `http://127.0.0.1:4567/zencoder-live`, for other S3-compatible storage.
 *
 * A bucket's files are fetched over https alone: of a URL written with http only the scheme is changed, which no
 * signature covers. There are no wildcards or prefixes: anyone can register a bucket name that is still free.
 *
 * @throws {InvalidStorageEntry} for an empty list or an entry that is neither.
 */
export function parseStorageAllowList(text: string): StorageAllowList {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) throw new InvalidStorageEntry('the list of Zencoder storage is empty');
  const rules = entries.map(parseEntry);
  return allowListOf((written) => {
    const file = readFileUrl(written);
    if (file === null) return NOT_LISTED;
    const admissions = rules.flatMap((rule) => rule(file) ?? []);
    return admissions.find(({ kind }) => kind === 'admitted') ?? admissions[0] ?? NOT_LISTED;
  });
}

function allowListOf(admit: StorageAllowList['admit']): StorageAllowList {
  return {
    admit,
    assertAllowed: (file) => {
      const admission = admit(file.url);
      if (admission.kind === 'admitted') return { ...file, url: admission.file.text };
      const host = URL.parse(file.url)?.host ?? 'no host';
      throw new SourceNotAllowed(`a ${file.role} file is on ${host}: ${admission.why}`);
    },
  };
}

function parseEntry(entry: string): Rule {
  return entry.includes('://') ? originRule(entry) : bucketRule(entry);
}

function bucketRule(bucket: string): Rule {
  const looksLikeHost = bucket.endsWith('.amazonaws.com') || /^[0-9.]+$/.test(bucket);
  if (!BUCKET.test(bucket) || looksLikeHost) {
    throw new InvalidStorageEntry(
      `${JSON.stringify(bucket)} is neither a bucket name nor an origin such as https://host/bucket`,
    );
  }
  return (file) => {
    if (!file.store.startsWith('s3://')) {
      return isNamesake(bucket, file.url)
        ? formNotAllowed(file, 'the host is no endpoint of S3 in the commercial partition of AWS')
        : null;
    }
    // The name of a bucket needs no escape: one with an escape in it is another bucket.
    if (file.store !== `s3://${bucket}`) return null;
    if (file.path === '') return formNotAllowed(file, 'the URL names no object');
    if (file.unusable !== null) return formNotAllowed(file, file.unusable);
    if (file.url.port !== '') return formNotAllowed(file, 'S3 has no such port');
    const secure = overHttps(file);
    return secure === null
      ? formNotAllowed(file, 'the URL is too long with https')
      : { kind: 'admitted', file: secure };
  };
}

function overHttps(file: FileUrl): FileUrl | null {
  const { protocol, hostname } = file.url;
  return protocol === 'https:' ? file : readFileUrl(`https://${hostname}${file.target}`);
}

/** A listed name at a host of S3 where it may belong to another account, or that serves no signed URL. */
function isNamesake(bucket: string, { hostname, pathname }: URL): boolean {
  return hostname.startsWith(`${bucket}.`)
    ? LIKE_S3.test(hostname.slice(bucket.length + 1))
    : LIKE_S3.test(hostname) && pathname.startsWith(`/${bucket}/`);
}

function originRule(entry: string): Rule {
  const origin = URL.parse(entry);
  if (
    origin === null ||
    (origin.protocol !== 'https:' && origin.protocol !== 'http:') ||
    origin.username !== '' ||
    origin.password !== '' ||
    origin.search !== '' ||
    origin.hash !== ''
  ) {
    // Not repeated in the message: it may hold credentials.
    throw new InvalidStorageEntry(
      'an origin must be http(s)://host[:port][/bucket] without user, query or fragment',
    );
  }
  const path = origin.pathname.endsWith('/') ? origin.pathname : `${origin.pathname}/`;
  return (file) => {
    const { pathname } = file.url;
    if (file.url.origin !== origin.origin || !pathname.startsWith(path)) return null;
    if (pathname.length === path.length) return formNotAllowed(file, 'the URL names no object');
    return file.unusable === null ? { kind: 'admitted', file } : formNotAllowed(file, file.unusable);
  };
}

/** The same list for one notification, which is asked about a URL several times and checks it once. */
export function cachingAllowList(storage: Pick<StorageAllowList, 'admit'>): StorageAllowList {
  const known = new Map<string, Admission>();
  return allowListOf((written) => {
    const admission = known.get(written) ?? storage.admit(written);
    known.set(written, admission);
    return admission;
  });
}

function formNotAllowed({ url }: FileUrl, why: string): Admission {
  return { kind: 'form-not-allowed', host: url.host, why: `listed bucket, form not allowed: ${why}` };
}

/** A URL that is not on Zencoder's storage, or not in a form that is fetched: no request ever leaves for it. */
export class SourceNotAllowed extends RecoveryError {
  override readonly name = 'SourceNotAllowed';
  override readonly category = 'invalid-input';
}

/** The allow-list of Zencoder's storage, ready to use; see `parseStorageAllowList`. */
export const storageAllowList = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseStorageAllowList(dataset.value);
    } catch (error) {
      addIssue({ message: `is wrong: ${error instanceof Error ? error.message : 'unreadable'}` });
      return NEVER;
    }
  }),
);
