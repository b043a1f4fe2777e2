import { cut } from '../runtime/redact.ts';
import { readFileUrl } from './file-url.ts';
import type { BackupFile, OutputInfo, PrimaryFailure, Role } from './model.ts';
import type { Notification, NotifiedError, NotifiedOutput } from './notification.ts';
import { deadlineOf, fileIdOf, filenameOf, isPackage } from './signed-url.ts';
import type { Admission, StorageAllowList } from './storage.ts';
import { destinationHostOf, errorClassOf, uploadErrorCertainty, withoutSecrets } from './upload-errors.ts';

const MAX_LINK = 8192;
const MAX_MESSAGE = 2000;
/** How many places are listed at most; the log holds them. */
const MAX_PLACES = 20;

/** Types whose reported size and MD5 are those of the file at the URL; for others they cover all media together. */
const SINGLE_FILE_TYPES: ReadonlySet<string | null> = new Set([
  'standard',
  'captions',
  'transfer-only',
  null,
]);

/** States in which the output's URL is signed for a file that does not exist yet; another notification follows. */
const UNFINISHED: ReadonlySet<string | null> = new Set([
  'pending',
  'waiting',
  'queued',
  'assigning',
  'ready',
  'processing',
  'uploading',
]);

export interface DetectionSettings {
  /** Which URLs are on Zencoder's storage. */
  readonly storage: StorageAllowList;
  /** Whether outputs that had no destination, and so went to Zencoder's storage by default, are recovered too. */
  readonly collectUnsentOutputs: boolean;
}

/** An output with primary failures to record or backup files to recover; see {@link findFailedOutputs}. */
export interface FailedOutput {
  readonly output: OutputInfo;
  /** Safe to store and to show: redacted. */
  readonly failures: readonly PrimaryFailure[];
  readonly files: readonly BackupFile[];
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/**
 * Decides for every output of a notification what has to be recorded and recovered; outputs with neither are left out.
 * The state of the job does not matter: a failed job may hold an output that was saved.
 *
 * @param now epoch milliseconds, where the notification has no time, and for the latest plausible deadline.
 */
export function findFailedOutputs(
  notification: Notification,
  settings: DetectionSettings,
  now: number,
): FailedOutput[] {
  return notification.outputs
    .map((output) => failedOutputOf(output, notification, settings, now))
    .filter(({ failures, files }) => failures.length > 0 || files.length > 0);
}

/** As {@link findFailedOutputs}, for one output; without failures and files when there is nothing to do. */
function failedOutputOf(
  output: NotifiedOutput,
  notification: Pick<Notification, 'inputFailed' | 'jobUpdatedAt'>,
  settings: DetectionSettings,
  now: number,
): FailedOutput {
  const failedAt = output.finishedAt ?? notification.jobUpdatedAt ?? now;
  const decision = {
    output: { id: output.id, label: output.label, type: output.type },
    failures: [],
    files: [],
    failedAt,
  };
  if (output.event !== null || UNFINISHED.has(output.state)) return decision;
  const backedUp = isBackedUp(output);
  const files =
    backedUp || settings.collectUnsentOutputs ? filesOf(output, settings.storage, { failedAt, now }) : [];
  return { ...decision, failures: failuresOf(output, notification.inputFailed, files), files };
}

function isBackedUp(output: NotifiedOutput): boolean {
  return output.backupServerUsed || output.uploadError !== null || output.thumbnailUploadError !== null;
}

/** Storage whose files are not fetched and are gone after a day: an operator has to look. */
export interface UnlistedPlace {
  /** Host, with the bucket where the path names it. */
  readonly place: string;
  readonly kind: Exclude<Admission['kind'], 'admitted'>;
  readonly why: string;
}

/**
 * Where files are left although they were backed up: in a form of a listed bucket's address that is not allowed, or on
 * storage that looks like Zencoder's and is not listed, such as another region's.
 *
 * @returns each place once for each reason; at most 20.
 */
export function findUnlistedPlaces(notification: Notification, storage: StorageAllowList): UnlistedPlace[] {
  const urls = notification.outputs
    .filter(isBackedUp)
    .flatMap(({ url, thumbnails }) => [url ?? '', ...thumbnails.map((thumbnail) => thumbnail.url)]);
  const left = new Map<string, UnlistedPlace>();
  for (const url of urls) {
    const admission = storage.admit(url);
    if (admission.kind === 'admitted') continue;
    const place =
      admission.kind === 'form-not-allowed' ? admission.host : zencoderBucketOf(readFileUrl(url)?.url);
    const { kind, why } = admission;
    if (place !== null) left.set(`${place} ${why}`, { place, kind, why });
  }
  return [...left.values()].slice(0, MAX_PLACES);
}

/** The place of a URL whose bucket is named like Zencoder's: `zencoder-….s3….amazonaws.com` or `s3….amazonaws.com/zencoder-…`. */
function zencoderBucketOf(url: URL | undefined): string | null {
  const { host = '', pathname = '' } = url ?? {};
  // Part by part, each found in one pass: one expression for a whole host goes back and forth in a long one.
  if (!/amazonaws\.com(?::\d+)?$/.test(host)) return null;
  if (host.startsWith('zencoder') && /\.s3[.-]/.test(host)) return host;
  const bucket = /^\/(zencoder[a-z0-9.-]*)\//.exec(pathname)?.[1];
  return bucket !== undefined && /^s3[.-]/.test(host) ? `${host}/${bucket}` : null;
}

function filesOf(
  output: NotifiedOutput,
  storage: StorageAllowList,
  times: { readonly failedAt: number; readonly now: number },
): BackupFile[] {
  const found = new Map<string, BackupFile>();
  const add = (role: Role, written: string, about: Pick<BackupFile, 'thumbnailLabel' | 'size' | 'md5'>) => {
    const admission = storage.admit(written);
    // A relative path is a place inside a package: it is no URL, and resolving it against one would invent a file.
    if (admission.kind !== 'admitted') return;
    const { file } = admission;
    const filename = filenameOf(file);
    const unknown = isPackage(filename) ? { size: null, md5: null } : {};
    const deadline = deadlineOf(file, times.failedAt, times.now);
    found.set(`${role} ${fileIdOf(file)}`, {
      role,
      url: file.text,
      deadline,
      filename,
      ...about,
      ...unknown,
    });
  };
  if (output.url !== null) {
    const single = SINGLE_FILE_TYPES.has(output.type) && !/\.m3u8(?:[?#]|$)/i.test(output.url);
    const size = single ? output.size : null;
    add('media', output.url, { thumbnailLabel: null, size, md5: single ? md5Of(output.md5) : null });
  }
  for (const { url, label, size } of output.thumbnails) {
    add('thumbnail', url, { thumbnailLabel: label, size, md5: null });
  }
  return [...found.values()];
}

function md5Of(text: string | null): string | null {
  const md5 = text?.toLowerCase() ?? '';
  return /^[0-9a-f]{32}$/.test(md5) ? md5 : null;
}

function failuresOf(
  output: NotifiedOutput,
  inputFailed: boolean,
  files: readonly BackupFile[],
): PrimaryFailure[] {
  const reported: PrimaryFailure[] = [];
  if (output.uploadError !== null) reported.push(failureOf('media', output.uploadError));
  if (output.thumbnailUploadError !== null)
    reported.push(failureOf('thumbnail', output.thumbnailUploadError));
  if (reported.length > 0) return reported;
  const failure =
    output.state === 'failed' && output.error !== null ? failureOf('media', output.error) : null;
  if (failure !== null && isOfUpload(failure.errorClass, inputFailed)) return [failure];
  if (!output.backupServerUsed) return [];
  const roles = new Set(files.map((file) => file.role));
  const unreported: NotifiedError = { errorClass: null, link: null, message: null };
  return [...(roles.size > 0 ? roles : new Set<Role>(['media']))].map((role) => failureOf(role, unreported));
}

function isOfUpload(errorClass: string, inputFailed: boolean): boolean {
  const certainty = uploadErrorCertainty(errorClass);
  return certainty === 'certain' || (certainty === 'likely' && !inputFailed);
}

function failureOf(role: Role, error: NotifiedError): PrimaryFailure {
  const message = error.message === null ? null : withoutSecrets(error.message);
  return {
    role,
    errorClass: errorClassOf(
      error.link,
      error.errorClass === null ? message : withoutSecrets(error.errorClass),
    ),
    message: message === null ? null : cut(message.text, MAX_MESSAGE),
    link: error.link === null ? null : safeLink(error.link),
    destinationHost: destinationHostOf(message),
  };
}

/** Pages show the link, so only a plain web address is kept of it. */
function safeLink(link: string): string | null {
  const url = link.length <= MAX_LINK ? URL.parse(link) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '')
    return null;
  url.password = '';
  url.search = '';
  if (url.hash.includes('=')) url.hash = '';
  return url.href;
}
