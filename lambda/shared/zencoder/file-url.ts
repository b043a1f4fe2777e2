import { RecoveryError } from '../runtime/errors.ts';

/**
 * Region names of the commercial partition, by AWS's own rule: the `regionRegex` of the partition `aws` in the
 * `partitions.json` that every SDK carries. It needs no release for a new region of a known area. The other partitions
 * have namespaces of their own, in which any account may own a bucket of any name, and this rule keeps them out: theirs have
 * one word more (`us-gov-west-1`, `us-iso-east-1`), another area (`cn-north-1`, `eusc-de-east-1`) or another domain.
 */
const REGION = '(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]{1,2}';

/**
 * Endpoints that serve both styles of address: the global one, `s3-external-1` (us-east-1 under its old name), regional
 * ones with a dot or the old hyphen, dual-stack and FIPS. A website endpoint takes no signed URL, access points and
 * VPC endpoints name no bucket: they are no form of a bucket's address.
 */
const ENDPOINT = `s3(?:-external-1|[.-]${REGION}|\\.dualstack\\.${REGION}|-fips(?:\\.dualstack)?\\.${REGION})?`;
/** Transfer acceleration exists with the bucket in the host only. */
const ACCELERATED = 's3-accelerate(?:\\.dualstack)?';

// Anchored at both ends and as long as possible before the endpoint: `x.s3.s3.amazonaws.com` is the bucket `x.s3`.
const VIRTUAL_HOST = new RegExp(`^(.+)\\.(?:${ENDPOINT}|${ACCELERATED})\\.amazonaws\\.com\\.?$`);
const PATH_STYLE = new RegExp(`^${ENDPOINT}\\.amazonaws\\.com\\.?$`);

/** The bucket that a host of S3 names. */
interface S3Host {
  /** Null where the bucket is the first segment of the path. */
  readonly bucket: string | null;
}

/**
 * Reads the name of a host as an endpoint of S3 in AWS's commercial partition, where a bucket name has one owner.
 *
 * @param hostname in lower case, without port; a final dot may be there.
 * @returns null for any other host.
 */
function s3HostOf(hostname: string): S3Host | null {
  if (PATH_STYLE.test(hostname)) return { bucket: null };
  const bucket = VIRTUAL_HOST.exec(hostname)?.[1];
  return bucket === undefined ? null : { bucket };
}

/** S3 itself takes no longer URLs. */
export const MAX_URL = 8192;
/** DNS knows no longer names. */
const MAX_HOST = 255;

/** The URL of a file, taken apart once for all that is read from it; a credential, as the text that it was read from. */
export interface FileUrl {
  /** As it was written, without the white space around it. */
  readonly text: string;
  /** For the host and the query; the path in it is folded and not what is sent. */
  readonly url: URL;
  /** Path and query exactly as written; begins with `/`, `?` or is empty. */
  readonly target: string;
  /** Why no request can be made of the URL, in words that repeat nothing of it; null when one can. */
  readonly unusable: string | null;
  /** `s3://bucket`, or the origin of a server that is not AWS; its path begins with the bucket, if it has any. */
  readonly store: string;
  /** The key, or for an origin the path, still escaped; see {@link decodeBytes}. */
  readonly path: string;
}

/** The URL cannot be put into an HTTP request. */
export class SourceUrlUnusable extends RecoveryError {
  override readonly name = 'SourceUrlUnusable';
  override readonly category = 'invalid-input';
}

/**
 * The one parser of a file's URL. White space around it goes, nothing else is changed.
 *
 * @returns null for what is no http or https URL, such as a path inside a package, and for what is too long to be one.
 */
export function readFileUrl(written: string): FileUrl | null {
  const text = written.trim();
  if (text.length > MAX_URL) return null;
  const url = URL.parse(text);
  const target = /^https?:\/\/[^/?#\\]+([^#]*)/i.exec(text)?.[1];
  if (url === null || target === undefined || url.hostname.length > MAX_HOST) return null;
  return { text, url, target, unusable: unusableReason(text, url, target), ...placeOf(url) };
}

/**
 * As {@link readFileUrl}, for a URL that is to be requested.
 *
 * @throws {SourceUrlUnusable} for anything but http and https, for user info, dot segments and control characters.
 */
export function parseFileUrl(written: string): FileUrl {
  const file = readFileUrl(written);
  if (file === null) throw new SourceUrlUnusable('not an http or https URL');
  if (file.unusable !== null) throw new SourceUrlUnusable(file.unusable);
  return file;
}

/** Bucket and key that a URL names, whatever the form of the host. */
function placeOf({ hostname, origin, pathname }: URL): Pick<FileUrl, 'store' | 'path'> {
  const host = s3HostOf(hostname);
  if (host === null) return { store: origin, path: pathname.slice(1) };
  if (host.bucket !== null) return { store: `s3://${host.bucket}`, path: pathname.slice(1) };
  const slash = pathname.indexOf('/', 1);
  const end = slash === -1 ? pathname.length : slash;
  return { store: `s3://${pathname.slice(1, end)}`, path: pathname.slice(end + 1) };
}

function unusableReason(text: string, url: URL, target: string): string | null {
  if (url.username !== '' || url.password !== '') return 'the URL holds user info';
  if (hasControlCharacter(text)) return 'the URL holds control characters';
  if (hasDotSegments(target)) return 'the path of the URL has dot segments or backslashes';
  return null;
}

/** What a parser folds away and a server may not: the path that was checked would not be the path that is asked for. */
function hasDotSegments(target: string): boolean {
  const [path = ''] = target.split('?', 1);
  return /\\|\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

/** Those of ASCII; a parser drops some of them without a word. */
function hasControlCharacter(text: string): boolean {
  return /[^\P{Cc}\u0080-\u009f]/u.test(text);
}
