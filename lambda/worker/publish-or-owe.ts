import { publishOwed } from '../shared/events/publish-owed.ts';
import type { LedgerRecord } from '../shared/ledger/records.ts';
import type { WorkerContext } from './dependencies.ts';
import { summarizeError } from './retry-policy.ts';

/**
 * Publishes the events that records owe. Never throws, and nothing waits for it to succeed: what the topic does not take
 * stays owed in the ledger, and reconcile publishes it.
 */
export async function publishOrOwe(
  records: readonly LedgerRecord[],
  context: Pick<WorkerContext, 'ledger' | 'events' | 'logger' | 'meter'>,
): Promise<void> {
  const { logger, meter } = context;
  try {
    const { refusal, refused } = await publishOwed(records, context);
    if (refusal === null) return;
    logger.error('events not published', { fault: summarizeError(refusal) });
    meter.add('eventsNotPublished', refused.length, refusal.code);
  } catch (error) {
    logger.warn('events left owed', { fault: summarizeError(error) });
  }
}
