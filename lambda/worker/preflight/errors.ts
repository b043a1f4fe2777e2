import { RecoveryError } from '../../shared/errors.ts';

/** The storage would overwrite: it does not honour `If-None-Match`. */
export class ConditionIgnored extends RecoveryError {
  override readonly name = 'ConditionIgnored';
  override readonly meaning = 'customer-must-act';
}

/** What is in the bucket is not what was put. */
export class ObjectDiffers extends RecoveryError {
  override readonly name = 'ObjectDiffers';
  override readonly meaning = 'customer-must-act';
}
