import { cut } from '../../shared/text.ts';
import type { AttentionItem, Reason } from '../queries/attention.ts';
import { counted, duration, number } from '../words/format.ts';
import { jobPath, outputPath } from '../words/links.ts';
import { Badge, Outside, TimeLeft, type Tone } from './parts.tsx';
import { Row, Table } from './table.tsx';

const MOST_ROWS = 12;

const REASONS: Readonly<
  Record<Reason, { readonly name: string; readonly tone: Tone; readonly what: string }>
> = {
  'customer-must-act': {
    name: 'you must act',
    tone: 'bad',
    what: 'Mend what the message says. Attempts go on by themselves until the deadline.',
  },
  failed: { name: 'failed', tone: 'bad', what: 'Look at the record, mend the cause, then retry.' },
  'at-risk': { name: 'at risk', tone: 'warn', what: 'Not in the bucket yet: look at what holds it up.' },
  lost: { name: 'lost', tone: 'bad', what: 'Run the job again if you need the file.' },
};

const COLUMNS = [
  { name: 'Output' },
  { name: 'Reason' },
  { name: 'Files', isNumber: true },
  { name: 'Time left' },
  { name: 'What to do' },
];

/** What needs a person, or the news that nothing does. */
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
          <Badge tone="ok">all clear</Badge> Nothing is lost, failed, refused by your bucket, or within{' '}
          {duration(props.atRiskMs)} of its deadline.
        </span>
      </p>
    );
  }
  const hidden = items.length - MOST_ROWS;
  return (
    <>
      <Table label="What needs a person" columns={COLUMNS}>
        {items.slice(0, MOST_ROWS).map((item) => (
          <Row
            columns={COLUMNS}
            cells={[
              <OutputName {...item} />,
              <Badge tone={REASONS[item.reason].tone}>{REASONS[item.reason].name}</Badge>,
              number(item.files),
              <TimeLeft deadline={item.deadline} now={now} />,
              <>
                {REASONS[item.reason].what}
                {item.message !== null && (
                  <span class="small muted block">
                    <Outside text={shortened(item.message)} />
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
        {label === null ? outputId : <Outside text={shortened(label)} />}
      </a>
      {test && ' (test)'}{' '}
      <span class="small muted">
        job <a href={jobPath(jobId)}>{jobId}</a>
      </span>
    </>
  );
}

function shortened(text: string): string {
  const most = 160;
  return text.length <= most ? text : `${cut(text, most)}…`;
}
