import type { RefusalCount } from '../../shared/ledger/refusals.ts';
import { MAX_OPEN, SHOWN_DAYS } from '../../shared/reporting/attention.ts';
import {
  DEFAULT_LIMIT,
  DEFAULT_SPAN,
  type FailureFilters,
  type FilterTexts,
  type ListRequest,
} from '../../shared/reporting/filters.ts';
import { counted, duration, number, utcTime } from '../../shared/reporting/format.ts';
import type { OverviewData } from '../../shared/reporting/statistics.ts';
import { whatToDoAbout } from '../../shared/reporting/statistics.ts';
import { withQuery } from '../text.ts';
import { Chart } from './chart.tsx';
import { Filters } from './filters.tsx';
import { Page } from './layout.tsx';
import { AttentionTable, FailureTable } from './tables.tsx';

/** What the overview is made of. */
export interface OverviewProps {
  readonly data: OverviewData;
  readonly request: ListRequest<FailureFilters>;
  readonly now: number;
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

/** What failed, where its recovery stands, and what needs a person. */
export function OverviewPage({ data, request, now, atRiskMs, notificationUrl, leftOut }: OverviewProps) {
  const { chart, attention, failures, tally } = data;
  const words = spanWords(request);
  const isNew = chart.total === 0 && failures.items.length === 0 && !isFiltered(request.texts);
  return (
    <Page
      title="Overview"
      section="overview"
      now={now}
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
      <section class="card flush" aria-labelledby="attention">
        <header>
          <h2 id="attention">Needs a person</h2>
          <p class="small muted">
            By time left; lost and failed files of the last {SHOWN_DAYS} days
            {attention.isTruncated && `; more than the first ${number(MAX_OPEN)} files are not looked at`}
          </p>
        </header>
        <AttentionTable items={attention.items} now={now} atRiskMs={atRiskMs} />
      </section>
      {chart.total > 0 && (
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
      )}
      <section class="card flush" aria-labelledby="failures">
        <header>
          <h2 id="failures">Failed uploads</h2>
          <p class="small muted">{orderWords(request)}</p>
        </header>
        <div class="pad">
          <Filters texts={request.texts} classes={data.classes} />
        </div>
        {failures.items.length > 0 ? (
          <FailureTable items={failures.items} now={now} />
        ) : (
          <Nothing
            isNew={isNew}
            hasMore={failures.cursor !== undefined}
            words={words}
            notificationUrl={notificationUrl}
          />
        )}
        <Paging request={request} cursor={failures.cursor} />
      </section>
    </Page>
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

function Nothing(props: {
  readonly isNew: boolean;
  readonly hasMore: boolean;
  readonly words: string;
  readonly notificationUrl: string;
}) {
  if (props.hasMore) {
    return <p class="empty">No match among the records looked at so far. Go on to the next page.</p>;
  }
  if (!props.isNew) {
    return (
      <div class="empty">
        <p>No failed upload matches these filters.</p>
        <p>
          <a href="/">Show everything of the last 7 days</a>
        </p>
      </div>
    );
  }
  return (
    <div class="empty">
      <h3>No upload has failed {props.words}</h3>
      <p>If Zencoder notifies this stack already, there is nothing to do. If the stack is new:</p>
      <ol>
        <li>
          Take user name and password from the secret that the stack’s output{' '}
          <code>NotificationSecretArn</code> names.
        </li>
        <li>
          Give your Zencoder jobs (or their outputs) the notification{' '}
          <code>{props.notificationUrl.replace('://', '://USER:PASSWORD@')}</code>
        </li>
        <li>
          Try it: run a test job whose output <code>url</code> names a host that does not exist. It appears
          here within a minute.
        </li>
      </ol>
    </div>
  );
}

function Paging(props: {
  readonly request: ListRequest<FailureFilters>;
  readonly cursor: string | undefined;
}) {
  const { request, cursor } = props;
  const query = {
    ...request.texts,
    ...(request.limit !== DEFAULT_LIMIT && { limit: String(request.limit) }),
  };
  if (cursor === undefined && request.cursor === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages of failed uploads">
      {request.cursor !== undefined && (
        <a class="button" href={`${withQuery('/', query)}#failures`}>
          First page
        </a>
      )}
      {cursor !== undefined ? (
        <a class="button" rel="next" href={`${withQuery('/', { ...query, cursor })}#failures`}>
          Next page
        </a>
      ) : (
        <span class="muted small">This is the last page.</span>
      )}
    </nav>
  );
}

function spanWords({ texts, filters }: ListRequest<FailureFilters>): string {
  if (texts.until === undefined) {
    const since = texts.since ?? DEFAULT_SPAN;
    return SPAN_WORDS[since] ?? `since ${utcTime(filters.since)}`;
  }
  return `from ${utcTime(filters.since)} to ${utcTime(filters.until)}`;
}

function orderWords({ filters: { state } }: ListRequest<FailureFilters>): string {
  if (state === undefined) return 'Newest first';
  return state === 'open' || state === 'pending' || state === 'copying'
    ? 'Nearest deadline first'
    : `Last ${state} first`;
}

function isFiltered({ error, host, state, role, until }: FilterTexts): boolean {
  return [error, host, state, role, until].some((text) => text !== undefined);
}

function amount(count: number, isComplete: boolean): string {
  return isComplete ? number(count) : `${number(count)}+`;
}
