import { publishOwed } from '../shared/events/publish-owed.ts';
import type { LedgerRecord } from '../shared/ledger/records.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import type { WorkerDependencies } from './dependencies.ts';

/**
 * Publishes the events that records owe. Never throws, and nothing waits for it to succeed: what the topic does not accept
 * stays owed in the ledger, and reconcile publishes it.
 */
export async function publishOrOwe(
  records: readonly LedgerRecord[],
  { ledger, events, logger, meter }: Pick<WorkerDependencies, 'ledger' | 'events' | 'logger' | 'meter'>,
): Promise<void> {
  try {
    const { refusal, refused } = await publishOwed(records, { ledger, events });
    if (refusal === null) return;
    logger.error('events not published', { error: summarizeError(refusal) });
    meter.add('eventsNotPublished', refused.length, refusal.code);
  } catch (error) {
    logger.warn('events left owed', { error: summarizeError(error) });
  }
}
