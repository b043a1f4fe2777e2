import type { PrimaryFailureRecord } from '../../shared/ledger/records.ts';
import { canBeRetried, type JobView, type OutputView, summarize } from '../../shared/reporting/job.ts';
import { documentationLink, errorPage, jobPath, outputPath } from '../../shared/reporting/links.ts';
import { uploadErrorKind } from '../../shared/zencoder/upload-errors.ts';
import { ROLE_NAMES, revealInvisible, withQuery } from '../text.ts';
import { Banner, Fact, Flags, LinkOut, liveState, ProgressBar, Time, UntrustedText } from './components.tsx';
import { Files } from './files.tsx';
import { Page, type SignedIn } from './layout.tsx';
import { BackupBanner, PassThrough, RecordHead, TestBanner } from './record.tsx';

/** The result of a retry, from the redirect after the form. */
export type RetryNotice = 'queued' | 'nothing';

/** What the record of an output is made of. */
export interface OutputProps {
  readonly job: JobView;
  readonly output: OutputView;
  readonly now: number;
  readonly signedIn: SignedIn;
  readonly region: string;
  /** Those that files can be downloaded from. */
  readonly buckets: ReadonlySet<string>;
  /** Whether the worker can get fresh URLs. */
  readonly hasApiKey: boolean;
  /** For the forms on the page; null for a viewer, who can neither retry nor download. */
  readonly token: string | null;
  readonly notice: RetryNotice | null;
  /** Which page of the files, from 1. */
  readonly filePage: number;
  /** What is left out; see `unreadableLine`. */
  readonly leftOut: string | null;
}

/** The record of an output: why its upload failed, and where each of its files is. */
export function OutputPage(props: OutputProps) {
  const { job, output, now, signedIn, notice, hasApiKey, leftOut } = props;
  const { jobId, outputId, label, failures, recoveries } = output;
  const name = label ?? `Output ${outputId}`;
  const outcome = summarize(recoveries);
  const path = outputPath(jobId, outputId);
  // The worker has not processed the request yet: what is settled now is about to change.
  const isRetried = notice === 'queued' && recoveries.some((file) => canBeRetried(file, hasApiKey));
  return (
    <Page
      title={`${revealInvisible(name)}, job ${jobId}`}
      now={now}
      signedIn={signedIn}
      api={`/api${jobPath(jobId)}`}
      leftOut={leftOut}
    >
      <RecordHead
        links={[
          ['Overview', '/'],
          [`Job ${jobId}`, jobPath(jobId)],
        ]}
        here={`Output ${outputId}`}
        name={name}
        isTest={job.test}
        outcome={outcome}
      />
      {notice !== null && <Notice notice={notice} />}
      {job.test && <TestBanner />}
      <div class="head" id="output-summary" data-live={isRetried ? 'open' : liveState(recoveries)}>
        <BackupBanner outputs={[output]} outcome={outcome} now={now} />
        <ProgressBar recoveries={recoveries} of={name} />
        <Flags failures={failures} recoveries={recoveries} />
      </div>
      <div class="cols">
        {failures.map((failure) => (
          <Cause failure={failure} now={now} />
        ))}
        <AboutOutput job={job} output={output} />
      </div>
      {recoveries.length > 0 && <Files {...props} recoveries={recoveries} path={path} />}
    </Page>
  );
}

function AboutOutput({
  job: { passThrough },
  output: { jobId, outputId, label, outputType },
}: Pick<OutputProps, 'job' | 'output'>) {
  return (
    <section class="card" aria-labelledby="about">
      <h2 id="about">About the output</h2>
      <dl class="facts">
        <Fact name="Job">
          <a href={jobPath(jobId)}>{jobId}</a>
        </Fact>
        <Fact name="Output">{outputId}</Fact>
        <Fact name="Label">
          {label === null ? <span class="muted">none</span> : <UntrustedText text={label} />}
        </Fact>
        <Fact name="Type">
          {outputType === null ? <span class="muted">unknown</span> : <UntrustedText text={outputType} />}
        </Fact>
        <PassThrough text={passThrough} />
      </dl>
    </section>
  );
}

function Cause({ failure, now }: { readonly failure: PrimaryFailureRecord; readonly now: number }) {
  const { role, errorClass, message, link, destinationHost, failedAt } = failure;
  const kind = uploadErrorKind(errorClass);
  const page = documentationLink(link) ?? errorPage(errorClass);
  return (
    <section class="card" aria-labelledby={`cause-${role}`}>
      <header>
        <h2 id={`cause-${role}`}>{ROLE_NAMES[role]}: why the upload failed</h2>
        <code>
          <UntrustedText text={errorClass} />
        </code>
      </header>
      {message === null ? (
        <p class="muted">Zencoder gave no message.</p>
      ) : (
        <blockquote class="quote">
          <UntrustedText text={message} />
        </blockquote>
      )}
      <dl class="facts">
        <Fact name="What it means">
          {kind === null
            ? 'Zencoder’s list of errors does not have this class; see the message above.'
            : kind.explanation}
        </Fact>
        {kind !== null && <Fact name="What to fix">{kind.fix}</Fact>}
        <Fact name="Run the job again">
          {kind === null
            ? 'Not needed for the files below: they are recovered either way.'
            : `${kind.retryJob === 'may help' ? 'May help' : 'Only after a fix'}; not needed for the files below.`}
        </Fact>
        <Fact name="Destination">
          {destinationHost === null ? (
            <span class="muted">unknown</span>
          ) : (
            <a href={withQuery('/', { host: destinationHost, since: '30d' })}>
              <UntrustedText text={destinationHost} />
            </a>
          )}
        </Fact>
        <Fact name="Failed">
          <Time at={failedAt} now={now} />
        </Fact>
        <Fact name="Documentation">
          <LinkOut href={page}>Zencoder’s documentation of this error</LinkOut>
          {link !== null && documentationLink(link) === null && (
            <span class="small muted">
              {' '}
              Zencoder’s link: <UntrustedText text={link} />
            </span>
          )}
        </Fact>
      </dl>
    </section>
  );
}

function Notice({ notice }: { readonly notice: RetryNotice }) {
  return notice === 'queued' ? (
    <Banner tone="info" title="Retry requested">
      The worker takes it up within seconds. Lost or failed files need a new URL from Zencoder first.
    </Banner>
  ) : (
    <Banner tone="info" title="Nothing to retry">
      These files are recovered, or are being copied right now.
    </Banner>
  );
}
