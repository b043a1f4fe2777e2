import type { Meaning } from '../../shared/errors.ts';
import type { RecoveryState, Role } from '../../shared/model.ts';

/** What a state means for whoever reads it. */
export const STATE_MEANINGS: Readonly<Record<RecoveryState, string>> = {
  pending: 'Waits for its next attempt; nothing has to be done.',
  copying: 'Is being copied into the bucket.',
  recovered: 'Is in the bucket.',
  lost: 'Not available by any URL tried so far. A new notification or a retry within 24 hours may still recover it; after that, run the job again.',
  failed: 'Cannot go on without a person.',
};

/** What the last error of a recovery means for it. */
export const ERROR_MEANINGS: Readonly<Record<Meaning, string>> = {
  'try-again': 'A passing fault. The next attempt follows by itself.',
  'customer-must-act': 'You can mend this. Attempts go on by themselves until the deadline.',
  refused: 'Zencoder’s storage refused the signed URL before its deadline.',
  lost: 'The file is not available by this URL.',
  conflict: 'Another object is at this key already. It is never overwritten: move it, then retry.',
  'not-understood': 'The recovery does not understand what it was given. This needs a person.',
};

/** What a failed upload was about. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = { media: 'Media', thumbnail: 'Thumbnails' };

/** Ways in which a recovered object was checked. */
export const VERIFICATIONS: Readonly<Record<string, string>> = {
  size: 'size as announced by Zencoder',
  crc32: 'CRC-32 of the bytes read equals that of the object',
  md5: 'MD5 as announced by Zencoder',
};
