import { nextAttemptTime } from '../../lambda/worker/retry-policy.ts';

/** What one scenario does: requests by function and IAM action, e.g. `worker dynamodb:UpdateItem`. */
export type Counts = Readonly<Record<string, number>>;

/** The scenarios that are counted, each once. */
export interface Counted {
  /** A notification of a job whose uploads all succeeded. */
  readonly quiet: Counts;
  /** A notification with one failed upload, and the recovery of its file of one part. */
  readonly small: Counts;
  /** The same with a file of {@link COUNTED_PARTS} parts. */
  readonly parts: Counts;
  /** A run of reconcile with nothing to do. */
  readonly reconcile: Counts;
}

/** A list price. */
interface Price {
  readonly usd: number;
  readonly unit: string;
  readonly source: string;
}

/** List prices of us-east-1 in USD as written down on {@link PRICED_ON}: the first tier of each, without free tier. */
export const PRICES = {
  apiRequest: price(1e-6, 'HTTP API request of up to 512 KB', 'api-gateway'),
  lambdaRequest: price(0.2e-6, 'Lambda request', 'lambda'),
  lambdaGbSecond: price(0.0000133334, 'Lambda GB-second (arm64)', 'lambda'),
  sqsRequest: price(0.4e-6, 'SQS request of up to 64 KB (standard)', 'sqs'),
  snsPublish: price(0.5e-6, 'SNS publish of up to 64 KB', 'sns'),
  putClass: price(5e-6, 'S3 PUT, POST or LIST request', 's3'),
  getClass: price(0.4e-6, 'S3 GET or HEAD request', 's3'),
  writeUnit: price(0.625e-6, 'DynamoDB write request unit (on demand)', 'dynamodb'),
  readUnit: price(0.125e-6, 'DynamoDB read request unit (on demand)', 'dynamodb'),
  logGb: price(0.5, 'GB of logs taken in', 'cloudwatch'),
  alarm: price(0.1, 'alarm metric a month', 'cloudwatch'),
  metric: price(0.3, 'custom metric a month', 'cloudwatch'),
  secret: price(0.4, 'secret a month', 'secrets-manager'),
  key: price(1, 'KMS key a month', 'kms'),
} as const;
export const PRICED_ON = '25 November 2026';

/** Parts of the counted file of several parts, and the bytes of each: `DEFAULT_PART_BYTES` of the engine. */
export const COUNTED_PARTS = 3;
export const PART_BYTES = 16 * 2 ** 20;

/** Upper bound of what one invocation logs, KB; the test compares it with the lines. */
export const LOG_KB = 5;

/**
 * Upper bound of the units of a write of an item of at most 1 KB: two for a transaction, and an entry deleted and one put
 * in each of at most four indexes (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html).
 */
export const UNITS_A_WRITE_KB = 10;
/** Upper bound of the size of an item in these scenarios, KB; the test compares it with the items. */
export const ITEM_KB = 2;

/** A worker's bytes a second (README), and what an invocation takes beside the bytes: an assumption. Seconds and GB. */
const SPEED = 65e6;
const SECONDS = { ingest: 0.05, worker: 0.5, reconcile: 0.5 } as const;
const MEMORY_GB = { ingest: 0.5, worker: 0.75, reconcile: 0.5 } as const;

type FunctionName = keyof typeof SECONDS;

const MONTH_SECONDS = 30 * 86_400;
/** Lambda polls by five connections (…/lambda/latest/dg/services-sqs-scaling.html), 20 s being the longest poll of SQS. */
const POLLS_A_MONTH = (5 * MONTH_SECONDS) / 20;

/** What the idle stack has, from its template and settings. */
export interface Fixed {
  readonly alarmMetrics: number;
  readonly secrets: number;
  readonly keys: number;
  /** Metrics that reconcile writes when nothing is open. */
  readonly customMetrics: number;
  readonly reconcileMinutes: number;
}

/** The tables of `.github/COST.md`. */
export function costTables(counted: Counted, fixed: Fixed): string {
  return [
    '### List prices',
    pricesTable(),
    '### Requests, counted',
    countsTable(counted),
    '### Idle, a month',
    idleTable(counted, fixed),
    '### In use',
    useTable(counted),
  ].join('\n\n');
}

/** USD a month of the idle stack. */
export function idleUsd(counted: Counted, fixed: Fixed): number {
  return idleLines(counted, fixed).reduce((sum, [, usd]) => sum + usd, 0);
}

/** USD of one thousand files of 1 GB. */
export function terabyteUsd({ parts }: Counted): number {
  const each = Math.ceil(1e9 / PART_BYTES);
  const more = (each - COUNTED_PARTS) * PRICES.putClass.usd;
  return 1000 * (recoveryUsd(parts, 1e9) + more);
}

/** USD of a million notifications of jobs without a failed upload. */
export function quietUsd({ quiet }: Counted): number {
  return 1e6 * (notificationUsd() + requestsUsd(quiet));
}

/** Attempts in a day of a file whose bucket denies it, at the mean of the jitter. */
export function attemptsADay(): number {
  const end = 86_400_000;
  let attempts = 0;
  for (let now = 0; now < end; attempts++)
    now = nextAttemptTime({ attempts: attempts + 1, now, jitter: 0.5 });
  return attempts;
}

function pricesTable(): string {
  const rows = Object.values(PRICES).map(({ usd, unit, source }) =>
    usd < 0.01
      ? `| ${unit} | ${Number((usd * 1e6).toPrecision(6))} a million | ${source} |`
      : `| ${unit} | ${usd.toFixed(2)} | ${source} |`,
  );
  return table(`| ${PRICED_ON}, us-east-1 | USD | source |`, rows);
}

function countsTable({ quiet, small, parts, reconcile }: Counted): string {
  const all = [quiet, small, parts, reconcile];
  const kinds = [...new Set(all.flatMap((counts) => Object.keys(counts)))].toSorted();
  const rows = kinds.map((kind) => `| ${kind} | ${all.map((counts) => counts[kind] ?? 0).join(' | ')} |`);
  return table(
    `| request | notification without a failed upload | with one, file of 1 part | with one, file of ${COUNTED_PARTS} parts | idle reconcile |`,
    rows,
  );
}

function idleTable(counted: Counted, fixed: Fixed): string {
  const rows = idleLines(counted, fixed).map(([what, usd]) => `| ${what} | ${usd.toFixed(2)} |`);
  return table('| what | USD |', [...rows, `| **total** | **${idleUsd(counted, fixed).toFixed(2)}** |`]);
}

function idleLines({ reconcile }: Counted, fixed: Fixed): [string, number][] {
  const runs = MONTH_SECONDS / 60 / fixed.reconcileMinutes;
  return [
    [`${fixed.alarmMetrics} alarm metrics`, fixed.alarmMetrics * PRICES.alarm.usd],
    [`${fixed.customMetrics} metrics of reconcile`, fixed.customMetrics * PRICES.metric.usd],
    [`${fixed.keys} KMS key`, fixed.keys * PRICES.key.usd],
    [`${fixed.secrets} secrets`, fixed.secrets * PRICES.secret.usd],
    [`Lambda's polling: ${POLLS_A_MONTH} receives`, POLLS_A_MONTH * PRICES.sqsRequest.usd],
    [`${runs} runs of reconcile`, runs * (invocationUsd('reconcile', 0) + requestsUsd(reconcile))],
  ];
}

function useTable(counted: Counted): string {
  const { small, parts } = counted;
  return table('| what | USD |', [
    `| a million notifications without a failed upload | ${digits(quietUsd(counted))} |`,
    `| a million notifications with one failed upload, its file of 300 KB recovered | ${digits(1e6 * recoveryUsd(small, 3e5))} |`,
    `| one recovered file of 300 KB | ${digits(recoveryUsd(small, 3e5))} |`,
    `| one recovered file of ${COUNTED_PARTS} parts (48 MiB) | ${digits(recoveryUsd(parts, COUNTED_PARTS * PART_BYTES))} |`,
    `| one recovered TB, as 1,000 files of 1 GB | ${digits(terabyteUsd(counted))} |`,
    `| a day of retries of one file of 300 KB whose bucket denies it: ${attemptsADay()} attempts | ${digits(attemptsADay() * recoveryUsd(small, 3e5))} |`,
  ]);
}

/** A notification with its request and the worker's invocation for it. */
function recoveryUsd(counts: Counts, bytes: number): number {
  return notificationUsd() + invocationUsd('worker', bytes) + requestsUsd(counts) + 2 * PRICES.sqsRequest.usd;
}

function notificationUsd(): number {
  return PRICES.apiRequest.usd + invocationUsd('ingest', 0);
}

function invocationUsd(name: FunctionName, bytes: number): number {
  const gbSeconds = (SECONDS[name] + bytes / SPEED) * MEMORY_GB[name];
  const logs = (LOG_KB / 1e6) * PRICES.logGb.usd;
  return PRICES.lambdaRequest.usd + gbSeconds * PRICES.lambdaGbSecond.usd + logs;
}

function requestsUsd(counts: Counts): number {
  return Object.entries(counts).reduce((sum, [kind, count]) => sum + count * requestUsd(kind), 0);
}

/** @throws {Error} for an action without a price: a new one needs one. */
function requestUsd(kind: string): number {
  const [service = '', operation = ''] = (kind.split(' ')[1] ?? '').split(':');
  if (service === 'sqs') return PRICES.sqsRequest.usd;
  if (service === 'sns') return PRICES.snsPublish.usd;
  if (service === 's3') return operation === 'GetObject' ? PRICES.getClass.usd : PRICES.putClass.usd;
  if (service === 'dynamodb') {
    // A query reads at least one unit, of at most 4 KB: what it finds here is less.
    if (/^(?:GetItem|Query)$/.test(operation)) return PRICES.readUnit.usd;
    return UNITS_A_WRITE_KB * ITEM_KB * PRICES.writeUnit.usd;
  }
  throw new Error(`no price of ${kind}`);
}

function price(usd: number, unit: string, page: string): Price {
  return { usd, unit, source: `https://aws.amazon.com/${page}/pricing/` };
}

function table(head: string, rows: readonly string[]): string {
  const columns = head.split('|').length - 2;
  return [head, `|${' --- |'.repeat(columns)}`, ...rows].join('\n');
}

/** Two digits that count, three above one: e.g. `0.000037`, `1.23`. */
function digits(usd: number): string {
  if (usd >= 1) return usd.toFixed(2);
  return usd.toFixed(Math.max(2, 1 - Math.floor(Math.log10(usd)))).replace(/(\.\d\d+?)0+$/, '$1');
}
