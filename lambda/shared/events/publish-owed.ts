import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerRecord } from '../ledger/records.ts';
import { eventOf } from './events.ts';
import { type EventPublisher, EventsNotPublished } from './publisher.ts';

/** The result of publishing owed events. */
export interface PublishedEvents {
  /** How many the topic accepted. */
  readonly accepted: number;
  /** Those that it did not accept: they stay owed. */
  readonly refused: readonly LedgerRecord[];
  /** Why; null when it accepted all. */
  readonly refusal: EventsNotPublished | null;
}

/**
 * Publishes the events that records owe, as the ledger has them, and removes the mark of those that the topic accepted. A
 * crash in between leaves the mark: the event is published again, with the same id.
 *
 * @param records those that owe nothing are left out.
 */
export async function publishOwed(
  records: readonly LedgerRecord[],
  { ledger, events }: { readonly ledger: Ledger; readonly events: EventPublisher },
): Promise<PublishedEvents> {
  const owed = records.flatMap((record) => {
    const event = record.eventOwedAt === undefined ? null : eventOf(record);
    return event === null ? [] : [{ record, event }];
  });
  if (owed.length === 0) return { accepted: 0, refused: [], refusal: null };
  const refusal = await refusalOf(events.publish(owed.map(({ event }) => event)));
  const isRefused = ({ event }: (typeof owed)[number]) => refusal?.refused.has(event.id) === true;
  const accepted = owed.filter((each) => !isRefused(each)).map(({ record }) => record);
  await ledger.outbox.markPublished(accepted);
  return { accepted: accepted.length, refused: owed.filter(isRefused).map(({ record }) => record), refusal };
}

async function refusalOf(publishing: Promise<void>): Promise<EventsNotPublished | null> {
  try {
    await publishing;
    return null;
  } catch (error) {
    if (error instanceof EventsNotPublished) return error;
    throw error;
  }
}
