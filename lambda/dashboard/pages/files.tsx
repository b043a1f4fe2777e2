import { placeOf, type RecoveryRecord } from '../../shared/ledger/records.ts';
import { bytes, counted, number, relative } from '../../shared/reporting/format.ts';
import { canBeRetried, isOpen, needsFreshUrl, sizeOf } from '../../shared/reporting/job.ts';
import { downloadPath } from '../../shared/reporting/links.ts';
import { ERROR_MEANINGS, revealInvisible, STATE_MEANINGS, s3Console, VERIFICATIONS } from '../text.ts';
import {
  Fact,
  LinkOut,
  liveState,
  ProgressBar,
  RetryForm,
  StateBadge,
  Time,
  TimeLeft,
  UntrustedText,
} from './components.tsx';

/** One backup file: where it stands, where it is, what was tried. */
export function FileCard(props: {
  readonly recovery: RecoveryRecord;
  readonly now: number;
  readonly region: string;
  /** Path of the output's record. */
  readonly path: string;
  /** For *Retry now*; null where the file cannot be retried. */
  readonly token: string | null;
  /** Whether the details are shown at once. */
  readonly isOpen: boolean;
}) {
  const { recovery, now, path, token } = props;
  const { role, fileId, filename, state, deadline } = recovery;
  const id = `${role}-${fileId}`;
  const size = sizeOf(recovery);
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
          <p class="small muted">
            {role}
            {size !== null && `, ${bytes(size)}`}
            {state !== 'recovered' && (
              <>
                , <TimeLeft deadline={deadline} now={now} />
              </>
            )}
          </p>
          {state === 'recovered' && (
            <a class="button" href={downloadPath(recovery)}>
              Download<span class="vh"> {revealInvisible(filename)}</span>
            </a>
          )}
          {token !== null && (
            <RetryForm path={path} token={token} of={revealInvisible(filename)} file={{ role, fileId }} />
          )}
        </div>
      </header>
      {isOpen(recovery) && <ProgressBar recoveries={[recovery]} of={filename} />}
      <details id={`details-${id}`} open={props.isOpen}>
        <summary>
          Details<span class="vh"> of {revealInvisible(nameOf(recovery))}</span>
        </summary>
        <Details recovery={recovery} now={now} region={props.region} />
      </details>
    </article>
  );
}

function Details(props: {
  readonly recovery: RecoveryRecord;
  readonly now: number;
  readonly region: string;
}) {
  const { recovery, now, region } = props;
  const { state, lastError, warnings = [], nextAttemptAt, settledAt, history } = recovery;
  return (
    <>
      <dl class="facts">
        <Fact name="State">
          {state}: {STATE_MEANINGS[state]}
        </Fact>
        {lastError !== undefined && (
          <Fact name="Last error">
            <code>{revealInvisible(lastError.errorClass)}</code>: <UntrustedText text={lastError.message} />{' '}
            <span class="small muted">{ERROR_MEANINGS[lastError.category]}</span>
          </Fact>
        )}
        {warnings.length > 0 && (
          <Fact name="Warnings">
            <ul>
              {warnings.map((warning) => (
                <li>
                  <UntrustedText text={warning} />
                </li>
              ))}
            </ul>
          </Fact>
        )}
        <Place recovery={recovery} region={region} />
        <Size recovery={recovery} />
        {state === 'recovered' && (
          <Fact name="Verified by">
            {(recovery.verifiedBy ?? [])
              .map((way) => VERIFICATIONS[way] ?? revealInvisible(way))
              .join('; ') || 'nothing'}
          </Fact>
        )}
        <Fact name="Deadline">
          <Time at={recovery.deadline} now={now} />
        </Fact>
        <Fact name="Attempts">
          {number(recovery.attempts)}
          {nextAttemptAt !== undefined && isOpen(recovery) && `, the next ${relative(nextAttemptAt, now)}`}
        </Fact>
        {settledAt !== undefined && (
          <Fact name="Settled">
            <Time at={settledAt} now={now} />
          </Fact>
        )}
        <Fact name="Came from">
          <code>
            <UntrustedText text={recovery.source} />
          </code>
        </Fact>
      </dl>
      {history.length > 0 && <History recovery={recovery} now={now} />}
    </>
  );
}

function Place({ recovery, region }: { readonly recovery: RecoveryRecord; readonly region: string }) {
  const { state } = recovery;
  const place = placeOf(recovery);
  if (place === null) return null;
  const { bucket, key } = place;
  return (
    <Fact name={state === 'recovered' ? 'Where it is' : 'Was to go to'}>
      <code>
        <UntrustedText text={`s3://${bucket}/${key}`} />
      </code>{' '}
      {state === 'recovered' && <LinkOut href={s3Console(region, bucket, key)}>S3 console</LinkOut>}
    </Fact>
  );
}

function Size({ recovery }: { readonly recovery: RecoveryRecord }) {
  const { expectedSize, size } = recovery;
  const known = size ?? expectedSize ?? recovery.bytesTotal;
  if (known === undefined || known === null) return <Fact name="Size">not known yet</Fact>;
  return (
    <Fact name="Size">
      {bytes(known)} <span class="small muted">{counted(known, 'byte')}</span>
      {size !== undefined && expectedSize !== null && expectedSize !== size && (
        <span class="small"> (announced: {counted(expectedSize, 'byte')})</span>
      )}
    </Fact>
  );
}

function History({ recovery, now }: { readonly recovery: RecoveryRecord; readonly now: number }) {
  return (
    <details id={`history-${recovery.role}-${recovery.fileId}`}>
      <summary>
        {counted(recovery.history.length, 'attempt')} that did not end well
        <span class="vh">, {revealInvisible(nameOf(recovery))}</span>
      </summary>
      <ol class="attempts">
        {recovery.history.toReversed().map(({ at, errorClass, message }) => (
          <li>
            <Time at={at} now={now} /> <code>{revealInvisible(errorClass)}</code>
            <br />
            <UntrustedText text={message} />
          </li>
        ))}
      </ol>
    </details>
  );
}

function nameOf({ filename, thumbnailLabel }: RecoveryRecord): string {
  return thumbnailLabel === null ? filename : `${thumbnailLabel}/${filename}`;
}

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
