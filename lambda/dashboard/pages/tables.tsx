import type { Child, PropsWithChildren } from 'hono/jsx';
import type { AttentionItem, Reason } from '../../shared/reporting/attention.ts';
import { counted, duration, number } from '../../shared/reporting/format.ts';
import { summarize } from '../../shared/reporting/job.ts';
import { jobPath, outputPath } from '../../shared/reporting/links.ts';
import type { FailureMatch } from '../../shared/reporting/search.ts';
import { cut } from '../../shared/runtime/redact.ts';
import { ROLE_NAMES, withQuery } from '../text.ts';
import { Badge, OutcomeBadge, Time, TimeLeft, type Tone, UntrustedText } from './components.tsx';

/** One column; `isNumber` aligns to the right. */
export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
}

/** The role of each element, written out. */
const ROLES = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

/**
 * A table that becomes a list of cards on narrow screens. The roles are written out, since browsers drop those of a
 * table that is laid out as something else.
 */
export function Table(
  props: PropsWithChildren<{ readonly label: string; readonly columns: readonly Column[] }>,
) {
  return (
    <table class="stack" {...ROLES.table} aria-label={props.label}>
      <thead {...ROLES.rowgroup}>
        <tr {...ROLES.row}>
          {props.columns.map(({ name, isNumber }) => (
            <th {...ROLES.columnheader} scope="col" class={isNumber ? 'num' : undefined}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...ROLES.rowgroup}>{props.children}</tbody>
    </table>
  );
}

/** One row; the first cell is its heading. */
export function Row(props: {
  readonly columns: readonly Column[];
  readonly cells: readonly Child[];
  readonly id?: string;
}) {
  const [heading, ...cells] = props.cells;
  return (
    <tr {...ROLES.row} id={props.id}>
      <th {...ROLES.rowheader} scope="row">
        {heading}
      </th>
      {cells.map((cell, index) => {
        const column = props.columns[index + 1];
        return (
          <td {...ROLES.cell} class={column?.isNumber ? 'num' : undefined} data-label={column?.name}>
            {cell}
          </td>
        );
      })}
    </tr>
  );
}

const FAILURE_COLUMNS = [
  { name: 'Output' },
  { name: 'Failed' },
  { name: 'File type' },
  { name: 'Error class' },
  { name: 'Destination' },
  { name: 'Recovery' },
];

/** Primary failures, each with the state of its recovery. */
export function FailureTable({
  items,
  now,
}: {
  readonly items: readonly FailureMatch[];
  readonly now: number;
}) {
  return (
    <Table label="Failed uploads" columns={FAILURE_COLUMNS}>
      {items.map(({ failure, recoveries }) => {
        const outcome = summarize(recoveries);
        const { errorClass, destinationHost } = failure;
        return (
          <Row
            columns={FAILURE_COLUMNS}
            cells={[
              <OutputName {...failure} />,
              <Time at={failure.failedAt} now={now} />,
              ROLE_NAMES[failure.role],
              <a href={withQuery('/', { error: errorClass, since: '30d' })}>
                <UntrustedText text={errorClass} />
              </a>,
              destinationHost === null ? (
                <span class="muted">unknown</span>
              ) : (
                <a href={withQuery('/', { host: destinationHost, since: '30d' })}>
                  <UntrustedText text={destinationHost} />
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

const MAX_ROWS = 12;

const REASONS: Readonly<
  Record<Reason, { readonly name: string; readonly tone: Tone; readonly what: string }>
> = {
  'action-required': {
    name: 'action required',
    tone: 'bad',
    what: 'Fix the problem below. Retries continue automatically until the deadline.',
  },
  failed: { name: 'failed', tone: 'bad', what: 'Open the record, fix the cause, then retry.' },
  'at-risk': { name: 'at risk', tone: 'warn', what: 'Not in the bucket yet: check why.' },
  lost: { name: 'lost', tone: 'bad', what: 'Run the job again if you need the file.' },
};

const ATTENTION_COLUMNS = [
  { name: 'Output' },
  { name: 'Reason' },
  { name: 'Files', isNumber: true },
  { name: 'Time left' },
  { name: 'What to do' },
];

/** What needs attention, or that nothing does. */
export function AttentionTable(props: {
  readonly items: readonly AttentionItem[];
  readonly now: number;
  readonly atRiskMs: number;
}) {
  const { items, now } = props;
  if (items.length === 0) {
    return (
      <p class="empty">
        <span>
          <Badge tone="ok">all clear</Badge> Nothing is lost, failed, denied by your bucket, or within{' '}
          {duration(props.atRiskMs)} of its deadline.
        </span>
      </p>
    );
  }
  const hidden = items.length - MAX_ROWS;
  return (
    <>
      <Table label="What needs attention" columns={ATTENTION_COLUMNS}>
        {items.slice(0, MAX_ROWS).map((item) => (
          <Row
            columns={ATTENTION_COLUMNS}
            cells={[
              <OutputName {...item} />,
              <Badge tone={REASONS[item.reason].tone}>{REASONS[item.reason].name}</Badge>,
              number(item.files),
              <TimeLeft deadline={item.deadline} now={now} />,
              <>
                {REASONS[item.reason].what}
                {item.message !== null && (
                  <span class="small muted block">
                    <UntrustedText text={shortened(item.message)} />
                  </span>
                )}
              </>,
            ]}
          />
        ))}
      </Table>
      {hidden > 0 && (
        <p class="pages">
          <span class="muted small">And {counted(hidden, 'more output')}:</span>
          <a href="/?state=open&since=30d#failures">open</a>
          <a href="/?state=failed&since=30d#failures">failed</a>
          <a href="/?state=lost&since=30d#failures">lost</a>
        </p>
      )}
    </>
  );
}

/** The name of an output, which leads to its record, and its job. */
export function OutputName(props: {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly test: boolean;
}) {
  const { jobId, outputId, label, test } = props;
  return (
    <>
      <a href={outputPath(jobId, outputId)}>
        {label === null ? outputId : <UntrustedText text={shortened(label)} />}
      </a>
      {test && ' (test)'}{' '}
      <span class="small muted">
        job <a href={jobPath(jobId)}>{jobId}</a>
      </span>
    </>
  );
}

const MAX_SHOWN = 160;

function shortened(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${cut(text, MAX_SHOWN)}…`;
}
