import type { RecoveryRecord } from '../../shared/ledger/records.ts';
import { canBeRetried, needsFreshUrl } from '../queries/outcome.ts';
import { counted } from '../words/format.ts';
import { FileCard } from './file.tsx';
import { RetryForm } from './retry-form.tsx';

/** Files on one page of a record. */
export const FILES_PER_PAGE = 20;

/** The backup files of an output, a page at a time. */
export function Files(props: {
  readonly recoveries: readonly RecoveryRecord[];
  readonly now: number;
  readonly region: string;
  readonly hasApiKey: boolean;
  /** Path of the output's record. */
  readonly path: string;
  readonly token: string;
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
        {recoveries.length > 1 && recoveries.some(mayRetry) && (
          <RetryForm path={path} token={token} of="all files that are not recovered" />
        )}
      </div>
      {!hasApiKey && recoveries.some(needsFreshUrl) && (
        <p class="small muted">
          What is lost or failed needs a fresh URL from Zencoder to be retried, and no API key is configured:
          set <code>zencoderApiKeySecretArn</code>, deploy, and retry here.
        </p>
      )}
      {shown.map((recovery) => (
        <FileCard
          recovery={recovery}
          now={now}
          region={region}
          path={path}
          token={mayRetry(recovery) ? token : null}
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
