import { counted } from '../../shared/reporting/format.ts';
import { type JobView, type OutputView, summarize } from '../../shared/reporting/job.ts';
import { jobPath, outputPath } from '../../shared/reporting/links.ts';
import { revealInvisible, zencoderJob } from '../text.ts';
import {
  Fact,
  Flags,
  LinkOut,
  liveState,
  ProgressBar,
  StateBadge,
  Time,
  TimeLeft,
  UntrustedText,
} from './components.tsx';
import { Page, type SignedIn } from './layout.tsx';
import { BackupBanner, PassThrough, RecordHead, TestBanner } from './record.tsx';

/** A job: its banner and its outputs. */
export function JobPage(props: {
  readonly job: JobView;
  readonly now: number;
  readonly signedIn: SignedIn;
  readonly leftOut: string | null;
}) {
  const { job, now, signedIn, leftOut } = props;
  const recoveries = job.outputs.flatMap((output) => output.recoveries);
  const outcome = summarize(recoveries);
  return (
    <Page
      title={`Job ${job.jobId}`}
      now={now}
      signedIn={signedIn}
      api={`/api${jobPath(job.jobId)}`}
      leftOut={leftOut}
    >
      <RecordHead
        links={[['Overview', '/']]}
        here={`Job ${job.jobId}`}
        name={`Job ${job.jobId}`}
        isTest={job.test}
        outcome={outcome}
      />
      {job.test && <TestBanner />}
      <div id="job-banner" data-live={liveState(recoveries)}>
        <BackupBanner outputs={job.outputs} outcome={outcome} now={now} />
      </div>
      <AboutJob job={job} now={now} />
      <h2>{counted(job.outputs.length, 'output')} with failed uploads</h2>
      {job.outputs.map((output) => (
        <Output output={output} now={now} />
      ))}
    </Page>
  );
}

function AboutJob({ job, now }: { readonly job: JobView; readonly now: number }) {
  const failedAt = Math.min(
    ...job.outputs.flatMap(({ failures, recoveries: files }) =>
      [...failures, ...files].map((record) => record.failedAt),
    ),
  );
  return (
    <section class="card" aria-labelledby="about">
      <h2 id="about">About the job</h2>
      <dl class="facts">
        <Fact name="First failure">
          <Time at={failedAt} now={now} />
        </Fact>
        <PassThrough text={job.passThrough} />
        <Fact name="Zencoder">
          <LinkOut href={zencoderJob(job.jobId)}>Job {job.jobId} in Zencoder’s dashboard</LinkOut>
        </Fact>
      </dl>
      <p class="small muted">Only outputs with a failed upload are listed.</p>
    </section>
  );
}

function Output({ output, now }: { readonly output: OutputView; readonly now: number }) {
  const { jobId, outputId, label, outputType, failures, recoveries } = output;
  const outcome = summarize(recoveries);
  return (
    <article
      class="card"
      id={`output-${outputId}`}
      data-live={liveState(recoveries)}
      aria-labelledby={`name-${outputId}`}
    >
      <header>
        <div class="row">
          <h3 id={`name-${outputId}`}>
            <a href={outputPath(jobId, outputId)}>
              {label === null ? `Output ${outputId}` : <UntrustedText text={label} />}
            </a>
          </h3>
          {outcome.state !== null && <StateBadge state={outcome.state} />}
        </div>
        <p class="small muted">
          output {outputId}
          {outputType !== null && (
            <>
              , <UntrustedText text={outputType} />
            </>
          )}
          {outcome.deadline !== null && (
            <>
              , <TimeLeft deadline={outcome.deadline} now={now} />
            </>
          )}
        </p>
      </header>
      <ProgressBar recoveries={recoveries} of={label ?? `output ${outputId}`} />
      <Flags failures={failures} recoveries={recoveries} />
      {[...new Set(failures.map(({ message }) => message))].map((message) =>
        message === null ? null : (
          <p class="quote">
            <UntrustedText text={message} />
          </p>
        ),
      )}
      <p class="small">
        <a href={outputPath(jobId, outputId)}>
          Open the record<span class="vh"> of {revealInvisible(label ?? `output ${outputId}`)}</span>: cause,
          fix, files
        </a>
      </p>
    </article>
  );
}
