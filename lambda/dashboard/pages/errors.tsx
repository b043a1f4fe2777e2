import { number, relative, utcTime } from '../../shared/reporting/format.ts';
import { errorPage } from '../../shared/reporting/links.ts';
import { COUNTED_DAYS, type ErrorClasses } from '../../shared/reporting/statistics.ts';
import { revealInvisible, withQuery } from '../text.ts';
import { LinkOut, UntrustedText } from './components.tsx';
import { Page, type SignedIn } from './layout.tsx';
import { Row, Table } from './tables.tsx';

const COLUMNS = [
  { name: 'Error class' },
  { name: 'What it means' },
  { name: 'What to fix' },
  { name: '24 hours', isNumber: true },
  { name: '7 days', isNumber: true },
  { name: `${COUNTED_DAYS} days`, isNumber: true },
  { name: 'Last seen' },
];

/** All classes of upload error, with how often each was met. */
export function ErrorsPage(props: {
  readonly data: ErrorClasses;
  readonly now: number;
  readonly signedIn: SignedIn;
  readonly leftOut: string | null;
}) {
  const { data, now, signedIn, leftOut } = props;
  const { items, tally } = data;
  return (
    <Page title="Errors" section="errors" now={now} signedIn={signedIn} api="/api/errors" leftOut={leftOut}>
      <div class="head">
        <h1>Upload errors</h1>
        <p class="muted">
          Every class of upload error that Zencoder is known to report, plus any others seen, with the number
          of failed uploads in this account.
          {!tally.isComplete && ` Only those since ${utcTime(tally.since)} are counted.`}
        </p>
      </div>
      <section class="card flush classes" aria-label="Error classes">
        <Table label="Error classes" columns={COLUMNS}>
          {items.map(({ errorClass, kind, lastDay, lastWeek, lastMonth, lastSeenAt }) => (
            <Row
              columns={COLUMNS}
              cells={[
                <LinkOut href={errorPage(errorClass)}>
                  <code>
                    <UntrustedText text={errorClass} />
                  </code>
                </LinkOut>,
                kind?.explanation ?? 'Undocumented; see each failure’s message.',
                kind?.fix ?? 'See the message in the record of a failure.',
                number(lastDay),
                number(lastWeek),
                lastMonth === 0 ? (
                  '0'
                ) : (
                  <a
                    href={withQuery('/', { error: errorClass, since: '30d' })}
                    aria-label={`${number(lastMonth)} failed uploads with ${revealInvisible(errorClass)}`}
                  >
                    {number(lastMonth)}
                  </a>
                ),
                lastSeenAt === null ? (
                  <span class="muted">not seen</span>
                ) : (
                  <time class="nowrap" datetime={new Date(lastSeenAt).toISOString()}>
                    {relative(lastSeenAt, now)}
                  </time>
                ),
              ]}
            />
          ))}
        </Table>
      </section>
    </Page>
  );
}
