import { counted } from '../../shared/reporting/format.ts';
import type { Outcome, OutputView } from '../../shared/reporting/job.ts';
import {
  Badge,
  Banner,
  Breadcrumbs,
  Fact,
  outcomeWords,
  TimeLeft,
  type Tone,
  UntrustedText,
} from './components.tsx';

/** What the pages of a job and of an output have in common. */

/** Where the page is, what it is about, and how far its files are. */
export function RecordHead(props: {
  readonly links: readonly (readonly [string, string])[];
  readonly here: string;
  readonly name: string;
  readonly isTest: boolean;
  readonly outcome: Outcome;
}) {
  const { links, here, name, isTest, outcome } = props;
  return (
    <div class="head">
      <Breadcrumbs links={links} here={here} />
      <div class="row">
        <h1>
          <UntrustedText text={name} />
        </h1>
        {isTest && <Badge tone="info">test job</Badge>}
      </div>
      <p id="live-status" class="muted" role="status">
        {outcome.files === 0 ? 'Nothing to recover' : outcomeWords(outcome)}
      </p>
    </div>
  );
}

/** The job's `pass_through`. */
export function PassThrough({ text }: { readonly text: string | null }) {
  return (
    <Fact name="pass_through">
      {text === null ? (
        <span class="muted">none</span>
      ) : (
        <code>
          <UntrustedText text={text} />
        </code>
      )}
    </Fact>
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

/** Says that the backup server was used, and what became of the files. */
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
        Nothing can be recovered. Fix the cause and run the job again.
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

function toneOf({ counts, files }: Outcome): Tone {
  if (counts.lost + counts.failed > 0) return 'bad';
  return counts.recovered === files ? 'ok' : 'warn';
}

function whatBecame({ counts, files }: Outcome): string {
  if (counts.recovered === files) return 'All files are in your bucket.';
  if (counts.lost === files) return 'All files are lost.';
  const open = counts.copying + counts.pending;
  const sentences = [
    counts.recovered > 0 && `${areIn(counts.recovered)} in your bucket.`,
    open > 0 && `${areIn(open)} being recovered.`,
    counts.failed > 0 && `${counted(counts.failed, 'file needs', 'files need')} attention.`,
    counts.lost > 0 && `${areIn(counts.lost)} lost.`,
  ];
  return sentences.filter((sentence) => sentence !== false).join(' ');
}

function areIn(files: number): string {
  return counted(files, 'file is', 'files are');
}
