import type { RecoveryRecord } from '../../shared/ledger/records.ts';
import { bytes, counted } from '../../shared/reporting/format.ts';
import { canBeRetried, isOpen, needsFreshUrl, sizeOf } from '../../shared/reporting/job.ts';
import { downloadPath } from '../../shared/reporting/links.ts';
import { signInPath } from '../return-path.ts';
import { revealInvisible } from '../text.ts';
import { liveState, ProgressBar, RetryForm, StateBadge, TimeLeft, UntrustedText } from './components.tsx';
import { FileDetails, nameOf } from './file-details.tsx';

/** One backup file: its state, location and attempts. */
export function FileCard(props: {
  readonly recovery: RecoveryRecord;
  readonly now: number;
  readonly region: string;
  /** Path of the output's record. */
  readonly path: string;
  /** For *Retry now*; null where the file cannot be retried. */
  readonly token: string | null;
  /** Buckets that files can be downloaded from; null for a visitor who may not. */
  readonly buckets: ReadonlySet<string> | null;
  /** Whether the details are shown at once. */
  readonly isOpen: boolean;
}) {
  const { recovery, now, path, token, buckets } = props;
  const { role, fileId, filename, state, bucket } = recovery;
  const id = `${role}-${fileId}`;
  return (
    <article
      class="card file"
      id={`file-${id}`}
      data-live={liveState([recovery])}
      aria-labelledby={`name-${id}`}
    >
      <header>
        <div class="row">
          <h3 id={`name-${id}`}>
            <UntrustedText text={nameOf(recovery)} />
          </h3>
          <StateBadge state={state} />
        </div>
        <div class="row">
          <FileSummary recovery={recovery} now={now} />
          {state === 'recovered' && buckets !== null && bucket !== undefined && buckets.has(bucket) && (
            <a class="button" href={downloadPath(recovery)}>
              Download<span class="vh"> {revealInvisible(filename)}</span>
            </a>
          )}
          {token !== null && (
            <RetryForm path={path} token={token} of={revealInvisible(filename)} file={{ role, fileId }} />
          )}
        </div>
      </header>
      {state === 'recovered' && buckets !== null && bucket !== undefined && !buckets.has(bucket) && (
        <p class="small muted">{notConfigured(bucket)}</p>
      )}
      {isOpen(recovery) && <ProgressBar recoveries={[recovery]} of={filename} />}
      <details id={`details-${id}`} open={props.isOpen}>
        <summary>
          Details<span class="vh"> of {revealInvisible(nameOf(recovery))}</span>
        </summary>
        <FileDetails recovery={recovery} now={now} region={props.region} />
      </details>
    </article>
  );
}

/** Its role and size, and the time that is left while it is not recovered. */
function FileSummary(props: { readonly recovery: RecoveryRecord; readonly now: number }) {
  const { role, state, deadline } = props.recovery;
  const size = sizeOf(props.recovery);
  return (
    <p class="small muted">
      {role}
      {size !== null && `, ${bytes(size)}`}
      {state !== 'recovered' && (
        <>
          , <TimeLeft deadline={deadline} now={props.now} />
        </>
      )}
    </p>
  );
}

/** Why a file cannot be downloaded: the function may not read the bucket that it is in. */
export function notConfigured(bucket: string): string {
  return (
    `This file is in the bucket ${bucket}, which is not the stack's any more. ` +
    'To download it here, name that bucket in the setting previousBuckets and deploy.'
  );
}

/** Files on one page of a record. */
export const FILES_PER_PAGE = 20;

/** The backup files of an output, a page at a time. */
export function Files(props: {
  readonly recoveries: readonly RecoveryRecord[];
  readonly now: number;
  readonly region: string;
  readonly hasApiKey: boolean;
  /** Those that files can be downloaded from. */
  readonly buckets: ReadonlySet<string>;
  /** Path of the output's record. */
  readonly path: string;
  /** For the forms; null for a viewer. */
  readonly token: string | null;
  /** From 1. */
  readonly filePage: number;
}) {
  const { recoveries, now, region, path, token, hasApiKey } = props;
  const pages = Math.max(1, Math.ceil(recoveries.length / FILES_PER_PAGE));
  const current = Math.min(props.filePage, pages);
  const shown = recoveries.slice((current - 1) * FILES_PER_PAGE, current * FILES_PER_PAGE);
  const mayRetry = (recovery: RecoveryRecord) => canBeRetried(recovery, hasApiKey);
  return (
    <section class="files" aria-labelledby="files">
      <div class="row">
        <h2 id="files">{counted(recoveries.length, 'file')}</h2>
        {token !== null && recoveries.length > 1 && recoveries.some(mayRetry) && (
          <RetryForm path={path} token={token} of="all files that are not recovered" />
        )}
      </div>
      {!hasApiKey && recoveries.some(needsFreshUrl) && (
        <p class="small muted">
          Lost or failed files need a new URL from Zencoder to be retried, and no API key is configured: set{' '}
          <code>zencoderApiKeySecretArn</code>, deploy, and retry here.
        </p>
      )}
      {token === null && (
        <p class="small muted">
          A viewer can neither retry nor download. <a href={signInPath(path)}>Sign in as an operator</a>
        </p>
      )}
      {shown.map((recovery) => (
        <FileCard
          recovery={recovery}
          now={now}
          region={region}
          path={path}
          token={mayRetry(recovery) ? token : null}
          buckets={token === null ? null : props.buckets}
          isOpen={recoveries.length <= 3 || needsFreshUrl(recovery)}
        />
      ))}
      {pages > 1 && <FilePages path={path} current={current} pages={pages} />}
    </section>
  );
}

function FilePages(props: { readonly path: string; readonly current: number; readonly pages: number }) {
  const { path, current, pages } = props;
  return (
    <nav class="row" aria-label="Pages of files">
      {current > 1 && (
        <a class="button" href={`${path}?files=${current - 1}#files`}>
          Previous files
        </a>
      )}
      <span class="muted small">
        Page {current} of {pages}
      </span>
      {current < pages && (
        <a class="button" href={`${path}?files=${current + 1}#files`}>
          Next files
        </a>
      )}
    </nav>
  );
}
