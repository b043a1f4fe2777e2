import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import * as v from 'valibot';
import { DAY_MS, MINUTE_MS } from '../runtime/durations.ts';
import { writeOne } from './conditional-writes.ts';
import { KNOWN_SOURCES, signInsPartition, type Table, TTL_ATTRIBUTE } from './table.ts';

/**
 * Counters of the passwords that the dashboard was sent, so that they cannot be guessed: by source (an address, or a
 * browser that has signed in before) and for all unknown sources together, in windows of a quarter of an hour.
 *
 * A source that has sent the right password in the last 30 days is known: what others send does not count against it, so
 * that no flood of wrong passwords makes its owner's count. (A flood can use up the throttle of the form's route, which all
 * share: sessions, Basic credentials and the commands go on.) What a known source sends at the same moment may pass the
 * limit together. In one window there are at most as many items as unknown sources may
 * send passwords, and the table forgets them after a day.
 */
export const SIGN_IN_LIMITS = {
  windowMs: 15 * MINUTE_MS,
  /** Wrong passwords of one source in a window. */
  ofSource: 10,
  /** Passwords of all unknown sources together in a window. */
  ofUnknown: 100,
  knownMs: 30 * DAY_MS,
} as const;

/** A known source is written again when this much of its time has gone. */
const RENEW_AFTER_MS = DAY_MS;

/** Whether a password may be checked now. */
export type Admission =
  | {
      readonly kind: 'refused';
      /** When the next one may be, epoch milliseconds. */
      readonly until: number;
    }
  | {
      readonly kind: 'admitted';
      /** That it is counted for. */
      readonly source: string;
      readonly isKnown: boolean;
      /** What becomes known by the right password. */
      readonly unrecorded: readonly string[];
    };

/**
 * Decides whether a password may be checked. That of an unknown source is counted here, before it is checked, so that many
 * at once do not pass together.
 *
 * Cost: two or three GetItem, half a read unit each; for an unknown source two UpdateItem, 1 write unit each.
 *
 * @param sources that a request comes from, the address last.
 */
export async function admit(table: Table, sources: readonly string[]): Promise<Admission> {
  const { windowMs, ofSource, ofUnknown } = SIGN_IN_LIMITS;
  const now = table.now();
  const refused: Admission = { kind: 'refused', until: windowOf(now) + windowMs };
  const [counted, ...until] = await Promise.all([
    read(table, signInsPartition(windowOf(now)), ALL),
    ...sources.map((source) => read(table, KNOWN_SOURCES, source)),
  ]);
  const isKnownAt = (time: number) => (_: string, index: number) => (until[index] ?? 0) > time;
  const known = sources.find(isKnownAt(now));
  const unrecorded = sources.filter(
    (source, index) => !isKnownAt(now + SIGN_IN_LIMITS.knownMs - RENEW_AFTER_MS)(source, index),
  );
  if (known !== undefined) {
    const wrong = await read(table, signInsPartition(windowOf(now)), known);
    return wrong >= ofSource ? refused : { kind: 'admitted', source: known, isKnown: true, unrecorded };
  }
  const source = sources.at(-1) ?? 'none';
  if (counted >= ofUnknown) return refused;
  if (!(await count(table, source, ofSource)) || !(await count(table, ALL, ofUnknown))) return refused;
  return { kind: 'admitted', source, isKnown: false, unrecorded };
}

/** Notes that the password was wrong. Cost: one UpdateItem for a known source; an unknown one's is counted already. */
export async function noteWrong(
  table: Table,
  { source, isKnown }: Extract<Admission, { kind: 'admitted' }>,
): Promise<void> {
  if (isKnown) await count(table, source, Number.MAX_SAFE_INTEGER);
}

/** Notes that the password was right: its sources are known from now on. Cost: one UpdateItem a source and day. */
export async function noteRight(
  table: Table,
  { unrecorded }: Extract<Admission, { kind: 'admitted' }>,
): Promise<void> {
  const until = table.now() + SIGN_IN_LIMITS.knownMs;
  await Promise.all(
    unrecorded.map((source) =>
      writeOne(table, {
        update: { pk: KNOWN_SOURCES, sk: source },
        changes: { set: { value: until, [TTL_ATTRIBUTE]: Math.ceil(until / 1000) } },
        condition: { expression: 'attribute_not_exists(#value) OR #value < :value' },
      }),
    ),
  );
}

/** Sort key of the counter of all unknown sources. */
const ALL = 'all';

/** Counts up to a limit; false when it is reached. */
async function count(table: Table, source: string, limit: number): Promise<boolean> {
  const window = windowOf(table.now());
  const { written } = await writeOne(table, {
    update: { pk: signInsPartition(window), sk: source },
    changes: {
      add: { value: 1 },
      set: { [TTL_ATTRIBUTE]: Math.ceil((window + DAY_MS) / 1000) },
    },
    condition: {
      expression: 'attribute_not_exists(#value) OR #value < :if_limit',
      values: { ':if_limit': limit },
    },
  });
  return written;
}

const item = v.object({ value: v.fallback(v.number(), 0) });

/** The number in an item; 0 without one. */
async function read({ client, tableName }: Table, pk: string, sk: string): Promise<number> {
  const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: marshall({ pk, sk }) }));
  const parsed = v.safeParse(item, Item && unmarshall(Item));
  return parsed.success ? parsed.output.value : 0;
}

function windowOf(now: number): number {
  return Math.floor(now / SIGN_IN_LIMITS.windowMs) * SIGN_IN_LIMITS.windowMs;
}
