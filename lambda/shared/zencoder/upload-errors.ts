import { cut, redact } from '../runtime/redact.ts';

/** What is known of one class of upload error; from Zencoder's published error pages and its S3 guide. */
export interface UploadErrorKind {
  readonly errorClass: string;
  /** What went wrong, in plain words. */
  readonly explanation: string;
  /** What the customer can do about it. */
  readonly fix: string;
  /**
   * `certain`: only an upload ends so. `likely`: downloads of the input can end so too, so that it counts as an upload
   * error only where nothing says that the input failed.
   */
  readonly certainty: 'certain' | 'likely';
  /** Zencoder's advice on running the *job* again; a backup file is recovered either way. */
  readonly retryJob: 'may help' | 'only after a fix';
}

/** The class recorded when neither link nor message names one. */
export const UNKNOWN_UPLOAD_ERROR = 'UnknownUploadError';

const S3_PERMISSIONS =
  'On S3, grant account 395540211253 s3:PutObject, s3:PutObjectAcl and s3:ListMultipartUploadParts on the objects and ' +
  's3:GetBucketLocation on the bucket. A bucket with Block Public ACLs, or with ACLs disabled, denies public outputs.';
const CREDENTIALS = 'Correct the credentials that the job or the Zencoder account uses for this destination.';

/** The known classes. The set is open: Zencoder sends classes that its own index does not list. */
export const UPLOAD_ERRORS: readonly UploadErrorKind[] = [
  {
    errorClass: 'UploadAccessDeniedError',
    explanation: 'The destination refused the upload (403).',
    fix: `Give Zencoder permission to write there. ${S3_PERMISSIONS}`,
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'UploadServerNotFoundError',
    explanation: 'No server responded at the destination.',
    fix: 'Check that the server is running and that its firewall lets Zencoder in from any address.',
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'UploadTimeoutError',
    explanation: 'The destination was too slow; Zencoder tried three times.',
    fix: 'Find out why the destination responds slowly, or choose one that is faster or nearer.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UploadFailureError',
    explanation: 'The upload failed with the response code that the message names.',
    fix: 'Look up the response code at the destination; on S3, check the region form of the URL and the key.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UnexpectedUploadProblemError',
    explanation: 'The upload failed, and Zencoder could not say why.',
    fix: 'Check that the destination works; ask Brightcove support if it does.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'UnableToResolveHostError',
    explanation: 'The host name of the destination could not be resolved.',
    fix: 'Check the spelling of the host in the output URL and its public DNS record.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'AkamaiNetStorageFileSizeError',
    explanation: 'Akamai NetStorage closed the connection, often because of its file size limit.',
    fix: 'Raise the file size limit of the NetStorage account, or make smaller outputs.',
    certainty: 'certain',
    retryJob: 'may help',
  },
  {
    errorClass: 'Transfer::InvalidGranteeGroupURLError',
    explanation: 'The group that the output should grant access to does not exist on S3.',
    fix: 'Correct the grantee in the access_control setting of the output.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'Transfer::InvalidGranteeIDError',
    explanation: 'The account that the output should grant access to does not exist on S3.',
    fix: 'Correct the grantee in the access_control setting of the output.',
    certainty: 'certain',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'S3BucketNotFoundError',
    explanation: 'There is no bucket of that name.',
    fix: 'Correct the bucket name in the output URL, or create the bucket.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidAccessKeyIdError',
    explanation: 'S3 does not know the access key.',
    fix: CREDENTIALS,
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidUsernameOrPasswordError',
    explanation: 'The destination refused the user name or the password.',
    fix: CREDENTIALS,
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'InvalidFilePathError',
    explanation: 'The destination does not accept the path.',
    fix: 'Check that the folder exists and that the path is written as the destination expects it.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
  {
    errorClass: 'RemoteServerProblemError',
    explanation: 'The destination returned an error of its own.',
    fix: 'Look into the logs of the destination at the time of the upload.',
    certainty: 'likely',
    retryJob: 'only after a fix',
  },
];

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
 * in the same class. Of a class that is not in the catalogue the name decides, since the set is open.
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
 * Where the upload was to go, as far as the message says: the host of the first URL in it, the bucket of
 * `s3://bucket/…`, a bucket or host that is named without URL; lower case, without user info and port. Null when the
 * message names none, and when it is in doubt where a password ends.
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
