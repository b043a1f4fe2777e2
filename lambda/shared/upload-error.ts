import { redact } from './redact.ts';
import { cut } from './text.ts';
import { UNKNOWN_UPLOAD_ERROR, UPLOAD_ERRORS, type UploadErrorKind } from './upload-error-catalogue.ts';

export { UNKNOWN_UPLOAD_ERROR, UPLOAD_ERRORS, type UploadErrorKind } from './upload-error-catalogue.ts';

/** Long enough for every known class and short enough for a key. */
const CLASS = /^[A-Za-z][A-Za-z0-9_]{0,79}(?:::[A-Za-z][A-Za-z0-9_]{0,79}){0,2}$/;
const CLASS_IN_TEXT = /\b(?:[A-Z][A-Za-z0-9]{0,40}::)?[A-Z][A-Za-z0-9]{2,60}Error\b/;
/** Messages are read only so far: what matters stands at their beginning. */
const READ_CHARACTERS = 4096;

const BY_PLAIN_NAME = new Map(UPLOAD_ERRORS.map((kind) => [plain(kind.errorClass), kind]));

/** The beginning of a message of Zencoder's without its secrets; see {@link withoutSecrets}. */
export interface SafeMessage {
  readonly text: string;
}

/**
 * Takes the secrets out of a message. Redaction costs more than all else that is done with a message, so it is done once,
 * and whatever reads a message reads the result: a password may be written like a class or a host.
 */
export function withoutSecrets(message: string): SafeMessage {
  return { text: redact(cut(message, READ_CHARACTERS)) };
}

/**
 * Zencoder's class of an upload error, e.g. `UploadAccessDeniedError`: from the link (its fragment, its last path
 * segment, or a page named `error-<class>.html` in any case), else from a class that the message names, else
 * `UnknownUploadError`. A class that is not in the catalogue is given as it is written.
 */
export function errorClassOf(link: string | null, message: SafeMessage | null = null): string {
  return classInLink(link ?? '') ?? classInMessage(message?.text ?? '') ?? UNKNOWN_UPLOAD_ERROR;
}

/** What is known of a class, however it is capitalised; null for a class that the catalogue lacks. */
export function uploadErrorKind(errorClass: string): UploadErrorKind | null {
  return BY_PLAIN_NAME.get(plain(errorClass)) ?? null;
}

/**
 * Whether an output that failed with this class failed in its upload: `likely` where the download of an input can end
 * in the same class. Classes that are not in the catalogue are judged by their name, since the set is open.
 */
export function uploadErrorCertainty(errorClass: string): UploadErrorKind['certainty'] | 'no' {
  if (errorClass === UNKNOWN_UPLOAD_ERROR) return 'no';
  const known = uploadErrorKind(errorClass)?.certainty;
  if (known !== undefined) return known;
  if (/^download/i.test(errorClass)) return 'no';
  if (/upload/i.test(errorClass)) return 'certain';
  return errorClass.startsWith('Transfer::') ? 'likely' : 'no';
}

/**
 * Where the upload was to go, as far as the message tells: the host of the first URL in it, the bucket of
 * `s3://bucket/…`, a bucket or host that is named without URL; lower case, without user info and port. Null when the
 * message tells nothing, and when it is in doubt where a password ends.
 */
export function destinationHostOf(message: SafeMessage | null): string | null {
  const text = message?.text ?? '';
  const host =
    hostOfUrlIn(text) ?? /\bbucket named ["'`]?([A-Za-z0-9._-]{3,63})/i.exec(text)?.[1] ?? hostNamedIn(text);
  return host === null ? null : tidyHost(host);
}

function plain(errorClass: string): string {
  return errorClass.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function classInLink(link: string): string | null {
  const [beforeFragment = '', fragment = ''] = cut(link.trim(), READ_CHARACTERS).split('#', 2);
  const path = (beforeFragment.split('?', 1)[0] ?? '').replace(/^[a-z]+:\/\/[^/]*/i, '');
  const segment = path.split('/').findLast((part) => part !== '') ?? '';
  return classNamed(fragment) ?? classNamed(segment);
}

function classNamed(word: string): string | null {
  const decoded = word.replaceAll(/%3a/gi, ':');
  const page = /^error-(.+)\.html?$/i.exec(decoded)?.[1];
  const name = page ?? decoded;
  const known = uploadErrorKind(name);
  if (known !== null) return known.errorClass;
  // A page name has lost its capitals; anywhere else a class begins with one, unlike `docs`, `errors` or a host.
  return CLASS.test(name) && (page !== undefined || /^[A-Z]/.test(name)) ? name : null;
}

function classInMessage(message: string): string | null {
  const found = CLASS_IN_TEXT.exec(message)?.[0];
  return found === undefined ? null : classNamed(found);
}

/** Of a redacted text; a URL that is masked behind its scheme has no host. */
function hostOfUrlIn(text: string): string | null {
  const rest = /[a-z][a-z0-9+.-]{0,40}:\/\/([^\s"'<>]+)/i.exec(text)?.[1] ?? '';
  const authority = rest.split(/[/?#]/, 1)[0] ?? '';
  return authority === '' ? null : authority.slice(authority.lastIndexOf('@') + 1);
}

/** A host without scheme, only after a word that announces one, so that a file name is not taken for it. */
function hostNamedIn(text: string): string | null {
  const found =
    /\b(?:to|at|on|by|from|host|server|with) ((?:[a-z0-9-]{1,63}\.){2,8}[a-z]{2,24})(?![\w/])/i.exec(text);
  return found?.[1] ?? null;
}

function tidyHost(host: string): string | null {
  const bare = /^\[[0-9a-f:.]+\]/i.exec(host)?.[0] ?? host.replace(/:[0-9]*[^A-Za-z0-9]*$/, '');
  const tidy = bare.toLowerCase().replace(/[^a-z0-9\]]+$/, '');
  return /^(?:[\p{L}\p{N}][\p{L}\p{N}._-]{0,252}|\[[0-9a-f:.]+\])$/u.test(tidy) ? tidy : null;
}
