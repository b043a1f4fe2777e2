import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerRecord } from '../ledger/records.ts';
import { eventOf } from './events.ts';
import { type EventPublisher, EventsNotPublished } from './publisher.ts';

/** What became of owed events. */
export interface PublishedEvents {
  /** How many the topic took. */
  readonly taken: number;
  /** Those that it did not take: they stay owed. */
  readonly refused: readonly LedgerRecord[];
  /** Why; null when it took all. */
  readonly refusal: EventsNotPublished | null;
}

/**
 * Publishes the events that records owe, as the ledger has them, and takes the mark off those that the topic took. Who
 * dies in between leaves the mark: the event is published again, with the same id.
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
  if (owed.length === 0) return { taken: 0, refused: [], refusal: null };
  const refusal = await refusalOf(events.publish(owed.map(({ event }) => event)));
  const isRefused = ({ event }: (typeof owed)[number]) => refusal?.refused.has(event.id) === true;
  const taken = owed.filter((each) => !isRefused(each)).map(({ record }) => record);
  await ledger.outbox.markPublished(taken);
  return { taken: taken.length, refused: owed.filter(isRefused).map(({ record }) => record), refusal };
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
