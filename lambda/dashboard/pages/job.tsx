import { counted, number } from '../../shared/reporting/format.ts';
import { type JobView, type Outcome, type OutputView, summarize } from '../../shared/reporting/job.ts';
import { jobPath, outputPath } from '../../shared/reporting/links.ts';
import { revealInvisible, zencoderJob } from '../text.ts';
import {
  Badge,
  Banner,
  Breadcrumbs,
  Fact,
  Flags,
  LinkOut,
  liveState,
  outcomeWords,
  ProgressBar,
  StateBadge,
  Time,
  TimeLeft,
  type Tone,
  UntrustedText,
} from './components.tsx';
import { Page } from './layout.tsx';

/** A job: its banner and its outputs. */
export function JobPage(props: {
  readonly job: JobView;
  readonly now: number;
  readonly leftOut: string | null;
}) {
  const { job, now, leftOut } = props;
  const recoveries = job.outputs.flatMap((output) => output.recoveries);
  const outcome = summarize(recoveries);
  const failedAt = Math.min(
    ...job.outputs.flatMap(({ failures, recoveries: files }) =>
      [...failures, ...files].map((record) => record.failedAt),
    ),
  );
  return (
    <Page title={`Job ${job.jobId}`} now={now} api={`/api${jobPath(job.jobId)}`} leftOut={leftOut}>
      <div class="head">
        <Breadcrumbs links={[['Overview', '/']]} here={`Job ${job.jobId}`} />
        <div class="row">
          <h1>Job {job.jobId}</h1>
          {job.test && <Badge tone="info">test job</Badge>}
        </div>
        <p id="live-status" class="muted" role="status">
          {recoveries.length === 0 ? 'Nothing to recover' : outcomeWords(outcome)}
        </p>
      </div>
      {job.test && <TestBanner />}
      <div id="job-banner" data-live={liveState(recoveries)}>
        <BackupBanner outputs={job.outputs} outcome={outcome} now={now} />
      </div>
      <section class="card" aria-labelledby="about">
        <h2 id="about">About the job</h2>
        <dl class="facts">
          <Fact name="First failure">
            <Time at={failedAt} now={now} />
          </Fact>
          <Fact name="pass_through">
            {job.passThrough === null ? (
              <span class="muted">none</span>
            ) : (
              <code>
                <UntrustedText text={job.passThrough} />
              </code>
            )}
          </Fact>
          <Fact name="At Zencoder">
            <LinkOut href={zencoderJob(job.jobId)}>Job {job.jobId} in Zencoder’s dashboard</LinkOut>
          </Fact>
        </dl>
        <p class="small muted">
          Only outputs of which an upload failed are listed: the ledger knows no others.
        </p>
      </section>
      <h2>{counted(job.outputs.length, 'output')} with failed uploads</h2>
      {job.outputs.map((output) => (
        <Output output={output} now={now} />
      ))}
    </Page>
  );
}

/** As Zencoder marks its test jobs. */
export function TestBanner() {
  return (
    <Banner tone="info" title="Test job">
      Zencoder cuts the outputs of test jobs to five seconds.
    </Banner>
  );
}

/** Tells that the backup server was used, and what became of the files. */
export function BackupBanner(props: {
  readonly outputs: readonly OutputView[];
  readonly outcome: Outcome;
  readonly now: number;
}) {
  const { outcome, outputs, now } = props;
  const used = outputs.filter(({ recoveries }) => recoveries.length > 0).length;
  if (used === 0) {
    return (
      <Banner tone="bad" title="Upload failed, and no file is on the backup server">
        Nothing can be recovered. Mend the cause and run the job again.
      </Banner>
    );
  }
  return (
    <Banner tone={toneOf(outcome)} title="Backup server used">
      Zencoder could not upload files of {counted(used, 'output')} to your storage and kept them on its backup
      server. {whatBecame(outcome)}
      {outcome.deadline !== null && (
        <>
          {' '}
          Nearest deadline: <TimeLeft deadline={outcome.deadline} now={now} />.
        </>
      )}
    </Banner>
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

function toneOf({ counts, files }: Outcome): Tone {
  if (counts.lost + counts.failed > 0) return 'bad';
  return counts.recovered === files ? 'ok' : 'warn';
}

function whatBecame({ counts, files }: Outcome): string {
  if (counts.recovered === files) return 'It is all in your bucket.';
  if (counts.lost === files) return 'It is all lost.';
  const parts = [
    counts.recovered > 0 && `in your bucket: ${number(counts.recovered)}`,
    counts.copying + counts.pending > 0 && `being recovered: ${number(counts.copying + counts.pending)}`,
    counts.failed > 0 && `waiting for a person: ${number(counts.failed)}`,
    counts.lost > 0 && `lost: ${number(counts.lost)}`,
  ];
  return `Of ${counted(files, 'file')}, ${parts.filter((part) => part !== false).join('; ')}.`;
}
