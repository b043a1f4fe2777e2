import { outcomeOf } from '../queries/outcome.ts';
import type { FailureMatch } from '../queries/search-failures.ts';
import { withQuery } from '../words/links.ts';
import { ROLE_NAMES } from '../words/states.ts';
import { OutputName } from './attention-table.tsx';
import { OutcomeBadge, Outside, Time, TimeLeft } from './parts.tsx';
import { Row, Table } from './table.tsx';

const COLUMNS = [
  { name: 'Output' },
  { name: 'Failed' },
  { name: 'Upload of' },
  { name: 'Error class' },
  { name: 'Destination' },
  { name: 'Recovery' },
];

/** Primary failures, each with where its recovery stands. */
export function FailureTable({
  items,
  now,
}: {
  readonly items: readonly FailureMatch[];
  readonly now: number;
}) {
  return (
    <Table label="Failed uploads" columns={COLUMNS}>
      {items.map(({ failure, recoveries }) => {
        const outcome = outcomeOf(recoveries);
        const { errorClass, destinationHost } = failure;
        return (
          <Row
            columns={COLUMNS}
            cells={[
              <OutputName {...failure} />,
              <Time at={failure.failedAt} now={now} />,
              ROLE_NAMES[failure.role],
              <a href={withQuery('/', { error: errorClass, since: '30d' })}>
                <Outside text={errorClass} />
              </a>,
              destinationHost === null ? (
                <span class="muted">not told</span>
              ) : (
                <a href={withQuery('/', { host: destinationHost, since: '30d' })}>
                  <Outside text={destinationHost} />
                </a>
              ),
              <>
                <OutcomeBadge outcome={outcome} />
                {outcome.deadline !== null && (
                  <span class="small muted">
                    {' '}
                    <TimeLeft deadline={outcome.deadline} now={now} />
                  </span>
                )}
              </>,
            ]}
          />
        );
      })}
    </Table>
  );
}
