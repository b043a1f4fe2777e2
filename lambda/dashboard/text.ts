import type { ErrorCategory } from '../shared/runtime/errors.ts';
import { type Partition, partitionOf } from '../shared/runtime/partitions.ts';
import type { RecoveryState, Role } from '../shared/zencoder/model.ts';

/**
 * Characters that change how the text around them is shown, or that show nothing: control and format characters (with
 * directional marks, overrides and isolates), separators of lines, lone surrogates, and the letters that are blank.
 */
const DECEPTIVE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/**
 * Text from outside as it is: every deceptive character is written out, as in `[U+202E]`.
 * Escaping for HTML is done where the text is put into a page.
 */
export function revealInvisible(text: string): string {
  return text.replace(DECEPTIVE, nameOf);
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
}

/** What a state means for the reader of a page. */
export const STATE_MEANINGS: Readonly<Record<RecoveryState, string>> = {
  pending: 'Waiting for its next attempt; no action needed.',
  copying: 'Being copied into the bucket.',
  recovered: 'In the bucket.',
  lost: 'Not available by any URL tried so far. A new notification or a retry within 24 hours may still recover it; after that, run the job again.',
  failed: 'Needs manual action.',
};

/** What the last error of a recovery means for it. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCategory, string>> = {
  transient: 'Temporary error; will retry automatically.',
  'action-required': 'You can fix this. Retries continue automatically until the deadline.',
  'url-refused': 'Zencoder’s storage denied the signed URL before its deadline.',
  lost: 'The file is not available by this URL.',
  conflict: 'This key already contains another object. It is never overwritten: move it, then retry.',
  'invalid-input': 'Unexpected input; needs manual action.',
};

/** Names of what failed to upload. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = { media: 'Media', thumbnail: 'Thumbnails' };

/** Ways in which a recovered object was checked. */
export const VERIFICATIONS: Readonly<Record<string, string>> = {
  size: 'size as announced by Zencoder',
  crc32: 'CRC-32 of the bytes read equals that of the object',
  md5: 'MD5 as announced by Zencoder',
};

/** A job in Zencoder's own dashboard. */
export function zencoderJob(jobId: string): string {
  return `https://app.zencoder.com/jobs/${encodeURIComponent(jobId)}`;
}

/**
 * Hosts of the console, each below the region's name: https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html,
 * https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/signing-into-govcloud.html
 */
const CONSOLES: Readonly<Record<Partition, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** An object in the S3 console of the region's partition. */
export function s3Console(region: string, bucket: string, key: string): string {
  const query = new URLSearchParams({ region, prefix: key });
  const host = `${region}.${CONSOLES[partitionOf(region)]}`;
  return `https://${host}/s3/object/${encodeURIComponent(bucket)}?${query.toString()}`;
}

/** A path with a query; parameters without a value are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}
