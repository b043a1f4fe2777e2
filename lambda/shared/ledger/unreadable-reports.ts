import type { Logger } from '@aws-lambda-powertools/logger';
import type { Meter } from '../runtime/metrics.ts';
import type { Ledger, LedgerWithUnreadable } from './ledger.ts';

/** The same ledger, for one invocation of a function: each item that cannot be read is logged and counted once. */
export function reportingUnreadable(
  ledger: Ledger,
  { logger, meter }: { readonly logger: Pick<Logger, 'error'>; readonly meter: Meter },
): Ledger {
  return ledger.withUnreadable(({ name, key, message }) => {
    logger.error('record cannot be read', { ...key, error: { errorClass: name, message } });
    meter.add('unreadableRecords', 1);
  }).ledger;
}

/** E.g. `1 record cannot be read: JOB#1 / OUTPUT#2#FAILURE#media`; null when all could be read. */
export function unreadableLine(unreadable: LedgerWithUnreadable['unreadable']): string | null {
  const keys = [...unreadable.keys()];
  if (keys.length === 0) return null;
  const shown = keys.slice(0, MAX_SHOWN).join(', ');
  const more = keys.length > MAX_SHOWN ? `, and ${keys.length - MAX_SHOWN} more` : '';
  return `${keys.length === 1 ? '1 record' : `${keys.length} records`} cannot be read: ${shown}${more}`;
}

const MAX_SHOWN = 5;
