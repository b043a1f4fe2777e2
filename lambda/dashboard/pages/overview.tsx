import type { RefusalCount } from '../../shared/ledger/refusals.ts';
import { type Attention, MAX_OPEN, SHOWN_DAYS } from '../../shared/reporting/attention.ts';
import { DEFAULT_SPAN, type FailureFilters, type ListRequest } from '../../shared/reporting/filters.ts';
import { counted, duration, number, utcTime } from '../../shared/reporting/format.ts';
import { type OverviewData, whatToDoAbout } from '../../shared/reporting/statistics.ts';
import { withQuery } from '../text.ts';
import { Chart } from './chart.tsx';
import { FailedUploads } from './failed-uploads.tsx';
import { Page, type SignedIn } from './layout.tsx';
import { AttentionTable } from './tables.tsx';

/** What the overview is made of. */
export interface OverviewProps {
  readonly data: OverviewData;
  readonly request: ListRequest<FailureFilters>;
  readonly now: number;
  readonly signedIn: SignedIn;
  readonly atRiskMs: number;
  /** Where Zencoder posts to, without credentials. */
  readonly notificationUrl: string;
  /** What is left out; see `unreadableLine`. */
  readonly leftOut: string | null;
}

const SPAN_WORDS: Readonly<Record<string, string>> = {
  '24h': 'in the last 24 hours',
  '7d': 'in the last 7 days',
  '30d': 'in the last 30 days',
  '90d': 'in the last 90 days',
};

/** Failed uploads, the state of their recoveries, and what needs attention. */
export function OverviewPage(props: OverviewProps) {
  const { data, request, now, signedIn, atRiskMs, notificationUrl, leftOut } = props;
  const words = spanWords(request);
  return (
    <Page
      title="Overview"
      section="overview"
      now={now}
      signedIn={signedIn}
      api={withQuery('/api/failures', { ...request.texts })}
      leftOut={leftOut}
    >
      <div class="head">
        <h1>Overview</h1>
        <p class="muted">
          Uploads to your own storage that failed at Zencoder, and the recovery of their files.
        </p>
      </div>
      <Tiles data={data} words={words} atRiskMs={atRiskMs} />
      <Refusals counts={data.refused} />
      <NeedsAttention attention={data.attention} now={now} atRiskMs={atRiskMs} />
      <FailuresOverTime data={data} words={words} />
      <FailedUploads {...{ data, request, now, words, notificationUrl }} />
    </Page>
  );
}

function NeedsAttention(props: {
  readonly attention: Attention;
  readonly now: number;
  readonly atRiskMs: number;
}) {
  const { attention, now, atRiskMs } = props;
  return (
    <section class="card flush" aria-labelledby="attention">
      <header>
        <h2 id="attention">Needs attention</h2>
        <p class="small muted">
          By time left; lost and failed files of the last {SHOWN_DAYS} days
          {attention.isTruncated && `; only the first ${number(MAX_OPEN)} files are checked`}
        </p>
      </header>
      <AttentionTable items={attention.items} now={now} atRiskMs={atRiskMs} />
    </section>
  );
}

function FailuresOverTime({ data, words }: { readonly data: OverviewData; readonly words: string }) {
  const { chart, tally } = data;
  if (chart.total === 0) return null;
  return (
    <section class="card" aria-labelledby="chart">
      <header>
        <h2 id="chart">Failed uploads by error class</h2>
        <p class="small muted">
          {counted(chart.total, 'failed upload')} {words}
          {!tally.isComplete && `; only those since ${utcTime(tally.since)} are counted`}
        </p>
      </header>
      <Chart data={chart} spanWords={words} />
    </section>
  );
}

function Tiles(props: { readonly data: OverviewData; readonly words: string; readonly atRiskMs: number }) {
  const { data, words } = props;
  const { open, atRisk, recovered, lost, chart } = data;
  return (
    <dl class="tiles">
      <Tile name={`uploads failed ${words}`} value={amount(chart.total, data.tally.isComplete)} />
      <Tile name="files being recovered now" value={amount(open.count, open.isComplete)} />
      <Tile
        name={`files at risk: less than ${duration(props.atRiskMs)} left`}
        value={amount(atRisk.count, atRisk.isComplete)}
        tone={atRisk.count > 0 ? 'warn' : undefined}
      />
      <Tile
        name={`files recovered ${words}`}
        value={amount(recovered.count, recovered.isComplete)}
        tone={recovered.count > 0 ? 'ok' : undefined}
      />
      <Tile
        name={`files lost ${words}`}
        value={amount(lost.count, lost.isComplete)}
        tone={lost.count > 0 ? 'bad' : undefined}
      />
    </dl>
  );
}

/** Zencoder shows nowhere that its notifications are refused. */
function Refusals({ counts }: { readonly counts: readonly RefusalCount[] }) {
  if (counts.length === 0) return null;
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <div class="banner warn">
      <strong>{counted(all, 'notification')} refused in the last 24 hours</strong>
      {counts.map(({ status, count }) => (
        <span>
          {number(count)} × {status}: {whatToDoAbout(status)}
        </span>
      ))}
    </div>
  );
}

function Tile(props: { readonly name: string; readonly value: string; readonly tone?: string | undefined }) {
  return (
    <div class={props.tone}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

function spanWords({ texts, filters }: ListRequest<FailureFilters>): string {
  if (texts.until === undefined) {
    const since = texts.since ?? DEFAULT_SPAN;
    return SPAN_WORDS[since] ?? `since ${utcTime(filters.since)}`;
  }
  return `from ${utcTime(filters.since)} to ${utcTime(filters.until)}`;
}

function amount(count: number, isComplete: boolean): string {
  return isComplete ? number(count) : `${number(count)}+`;
}
