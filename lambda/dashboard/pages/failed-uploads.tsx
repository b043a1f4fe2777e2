import {
  DEFAULT_LIMIT,
  type FailureFilters,
  type FilterTexts,
  type ListRequest,
} from '../../shared/reporting/filters.ts';
import type { OverviewData } from '../../shared/reporting/statistics.ts';
import { withQuery } from '../text.ts';
import { Filters } from './filters.tsx';
import { FailureTable } from './tables.tsx';

/** The list of failed uploads with its filters, or what to do while there are none. */
export function FailedUploads(props: {
  readonly data: OverviewData;
  readonly request: ListRequest<FailureFilters>;
  readonly now: number;
  /** The span of time in words. */
  readonly words: string;
  /** Where Zencoder posts to, without credentials. */
  readonly notificationUrl: string;
}) {
  const { data, request, now, words, notificationUrl } = props;
  const { chart, failures } = data;
  const isNew = chart.total === 0 && failures.items.length === 0 && !isFiltered(request.texts);
  return (
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
  );
}

function Nothing(props: {
  readonly isNew: boolean;
  readonly hasMore: boolean;
  readonly words: string;
  readonly notificationUrl: string;
}) {
  if (props.hasMore) {
    return <p class="empty">No matches yet. Continue on the next page.</p>;
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
          Get the username and password from the secret in output <code>NotificationSecretArn</code>.
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

function orderWords({ filters: { state } }: ListRequest<FailureFilters>): string {
  if (state === undefined) return 'Newest first';
  return state === 'open' || state === 'pending' || state === 'copying'
    ? 'Nearest deadline first'
    : `Last ${state} first`;
}

function isFiltered({ error, host, state, role, until }: FilterTexts): boolean {
  return [error, host, state, role, until].some((text) => text !== undefined);
}
