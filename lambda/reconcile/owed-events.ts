import { publishOwed } from '../shared/events/publish-owed.ts';
import type { OwedEvent } from '../shared/ledger/outbox.ts';
import { type LedgerRecord, OWED_GRACE_MS } from '../shared/ledger/records.ts';
import { LedgerItemNotUnderstood } from '../shared/ledger/table.ts';
import type { ReconcileDependencies } from './dependencies.ts';

/** What publishing works with. */
export type PublishingDependencies = Pick<
  ReconcileDependencies,
  'ledger' | 'events' | 'meter' | 'logger' | 'now'
>;

/** Events that are read, published and unmarked together. */
const PAGE = 50;

/** The events that a run published, and those left. */
export interface OwedSummary {
  readonly published: number;
  /** Events that are left: refused, or for the next run. */
  readonly owed: number;
}

/**
 * Publishes the events that are owed, the oldest first, each at least once, until the topic refuses or the time is up. A
 * single event that it does not accept is passed over, and stays owed. Writes how many are left and for how long the
 * oldest of them is owed.
 *
 * Cost when nothing is owed: eight Queries, 4 read units. An event: 1 read unit for each 4 KB, 1–2 write units a KB and 1
 * for the index.
 *
 * @param stopAt epoch milliseconds by which no further page is begun.
 */
export async function publishOwedEvents(
  stopAt: number,
  dependencies: PublishingDependencies,
): Promise<OwedSummary> {
  const { ledger, meter, now } = dependencies;
  const before = now() - OWED_GRACE_MS;
  // Counted once, before the marks are removed: an index shows a removed item for a moment.
  let owed = await ledger.outbox.countOwedBefore(before);
  let published = 0;
  let oldest: number | null = null;
  if (owed > 0) {
    for await (const page of inGroups(ledger.outbox.owedBefore(before))) {
      if (now() >= stopAt) {
        oldest ??= page[0]?.owedAt ?? null;
        break;
      }
      const outcome = await publishPage(page, dependencies);
      published += outcome.published;
      owed -= page.length - outcome.left.length;
      oldest ??= outcome.left[0]?.owedAt ?? null;
      if (outcome.isRefused) break;
    }
  }
  owed = Math.max(0, owed);
  meter.add('eventsOwed', owed);
  meter.add('oldestEventOwed', owed === 0 || oldest === null ? 0 : Math.max(0, now() - oldest));
  return { published, owed };
}

interface PageOutcome {
  readonly published: number;
  /** Those that are still owed, the oldest first. */
  readonly left: readonly OwedEvent[];
  /** The topic would refuse the next page too. */
  readonly isRefused: boolean;
}

async function publishPage(
  page: readonly OwedEvent[],
  dependencies: PublishingDependencies,
): Promise<PageOutcome> {
  const { ledger, events, logger, meter } = dependencies;
  const read = await Promise.all(
    page.map(async (entry) => ({ entry, record: await readOr(entry, dependencies) })),
  );
  const records = read.flatMap(({ record }) => (record === null || record === NOT_READ ? [] : [record]));
  const { accepted, refused, refusal } = await publishOwed(records, { ledger, events });
  if (refusal !== null) {
    logger.error('events not published', { errorClass: refusal.name, message: refusal.message });
    meter.add('eventsNotPublished', refused.length, refusal.code);
  }
  const isLeft = ({ record }: (typeof read)[number]) =>
    record === NOT_READ || (record !== null && refused.includes(record));
  return {
    published: accepted,
    left: read.filter(isLeft).map(({ entry }) => entry),
    isRefused: refusal?.isOfTopic === true,
  };
}

const NOT_READ = 'not-read';

/** One item that cannot be read holds no other's event back; its own stays owed, which the metric shows. */
async function readOr(
  entry: OwedEvent,
  { ledger, logger }: Pick<PublishingDependencies, 'ledger' | 'logger'>,
): Promise<LedgerRecord | typeof NOT_READ | null> {
  try {
    return await ledger.outbox.readOwed(entry);
  } catch (error) {
    if (!(error instanceof LedgerItemNotUnderstood)) throw error;
    logger.error('event not made', { errorClass: error.name, message: error.message });
    return NOT_READ;
  }
}

async function* inGroups(entries: AsyncIterable<OwedEvent>): AsyncGenerator<OwedEvent[]> {
  let page: OwedEvent[] = [];
  for await (const entry of entries) {
    page.push(entry);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
