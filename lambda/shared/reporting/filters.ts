import * as v from 'valibot';
import { DAY_MS } from '../runtime/durations.ts';
import { RecoveryError } from '../runtime/errors.ts';
import type { RecoveryState, Role } from '../zencoder/model.ts';
import { parseTime } from './time.ts';

const MAX_LOOK_BACK_DAYS = 400;

/** Spans that the pages offer. */
export const SPANS = ['24h', '7d', '30d', '90d'] as const;

/** The span when the URL has no times. */
export const DEFAULT_SPAN: (typeof SPANS)[number] = '7d';

/** How many records a page has by default. */
export const DEFAULT_LIMIT = 20;
const MAX_RECORDS = 100;

/** Query parameters that make no sense; the message names every one and is fit to be shown. */
export class InvalidFilter extends RecoveryError {
  override readonly name = 'InvalidFilter';
  override readonly category = 'invalid-input';
}

/** States to filter by; `open` is `pending` or `copying`. */
export type StateFilter = RecoveryState | 'open';

/** Selects primary failures. Times are epoch milliseconds. */
export interface FailureFilters {
  /** Included. */
  readonly since: number;
  /** Excluded. */
  readonly until: number;
  readonly error?: string | undefined;
  readonly host?: string | undefined;
  readonly state?: StateFilter | undefined;
  readonly role?: Role | undefined;
}

/** The same as they stood in the URL, to be written into forms and links again. */
export type FilterTexts = Readonly<
  Partial<Record<'since' | 'until' | 'error' | 'host' | 'state' | 'role', string | undefined>>
>;

/** The query of a list. */
export interface ListRequest<Filters> {
  readonly filters: Filters;
  readonly texts: FilterTexts;
  readonly cursor: string | undefined;
  readonly limit: number;
}

/** Selects recoveries. Times are those of settlement, and are ignored for open recoveries. */
export interface RecoveryFilters {
  readonly state: StateFilter;
  readonly since: number;
  readonly until: number;
}

const TIME =
  'must be a time such as 2026-03-15, 2026-03-15T08:00Z, or a span back from now such as 24h or 7d';
const time = v.pipe(
  v.string(),
  v.check((text) => parseTime(text, 0) !== null, TIME),
);
const states = ['open', 'pending', 'copying', 'recovered', 'lost', 'failed'] as const;
const state = v.picklist(states, `must be one of ${states.join(', ')}`);
const cursor = v.pipe(v.string(), v.maxLength(200, 'is not one that an earlier page gave'));
const limit = v.pipe(
  v.string(),
  v.regex(/^[1-9][0-9]{0,2}$/, `must be a whole number from 1 to ${MAX_RECORDS}`),
  v.transform(Number),
  v.maxValue(MAX_RECORDS, `must be a whole number from 1 to ${MAX_RECORDS}`),
);

const errorClass = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_:]{0,250}$/, 'must be an error class such as UploadAccessDeniedError'),
);
const host = v.pipe(
  v.string(),
  v.regex(/^[\p{L}\p{N}[][\p{L}\p{N}._:\]-]{0,252}$/u, 'must be a host or a bucket, without scheme and path'),
);

const failureQuery = v.object({
  since: v.optional(time),
  until: v.optional(time),
  error: v.optional(errorClass),
  host: v.optional(host),
  state: v.optional(state),
  role: v.optional(v.picklist(['media', 'thumbnail'], 'must be media or thumbnail')),
  cursor: v.optional(cursor),
  limit: v.optional(limit, String(DEFAULT_LIMIT)),
});

const recoveryQuery = v.object({
  state: v.optional(state, 'open'),
  since: v.optional(time),
  until: v.optional(time),
  cursor: v.optional(cursor),
  limit: v.optional(limit, String(DEFAULT_LIMIT)),
});

/**
 * Reads a query string's parameters; empty ones, as forms send them, count as absent.
 *
 * @param now epoch milliseconds.
 * @throws {InvalidFilter}
 */
export function parseFailureQuery(
  query: Readonly<Record<string, string>>,
  now: number,
): ListRequest<FailureFilters> {
  const { cursor: after, limit, ...texts } = parse(failureQuery, query);
  const { error, host, role } = texts;
  const filters = { ...spanOf(texts, now), error, host: host?.toLowerCase(), state: texts.state, role };
  return { filters, texts: withoutAbsent(texts), cursor: after, limit };
}

/**
 * As {@link parseFailureQuery}, for recoveries: open ones unless a state is given.
 *
 * @throws {InvalidFilter}
 */
export function parseRecoveryQuery(
  query: Readonly<Record<string, string>>,
  now: number,
): ListRequest<RecoveryFilters> {
  const { cursor: after, limit, ...texts } = parse(recoveryQuery, query);
  const filters = { state: texts.state, ...spanOf(texts, now) };
  return { filters, texts: withoutAbsent(texts), cursor: after, limit };
}

function spanOf({ since, until }: FilterTexts, now: number) {
  // A day ahead, since Zencoder's clock may be ahead of ours.
  const span = {
    since: timeOf('since', since ?? DEFAULT_SPAN, now),
    until: until === undefined ? now + DAY_MS : timeOf('until', until, now),
  };
  if (span.since >= span.until) throw new InvalidFilter('since must be before until');
  const oldest = now - MAX_LOOK_BACK_DAYS * DAY_MS;
  return { since: Math.max(span.since, Math.min(oldest, span.until - DAY_MS)), until: span.until };
}

function timeOf(name: string, text: string, now: number): number {
  const time = parseTime(text, now);
  if (time === null) throw new InvalidFilter(`${name} ${TIME}`);
  return time;
}

function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  query: Readonly<Record<string, string>>,
): v.InferOutput<Schema> {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value.trim() ? [[name, value.trim()]] : [],
  );
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => `${v.getDotPath(issue)} ${issue.message}`);
  throw new InvalidFilter([...new Set(problems)].join('; '));
}

function withoutAbsent(texts: Record<string, string | undefined>): FilterTexts {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));
}
