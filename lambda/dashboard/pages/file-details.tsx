import { type FailedAttempt, placeOf, type RecoveryRecord, type Retry } from '../../shared/ledger/records.ts';
import { bytes, counted, number, relative } from '../../shared/reporting/format.ts';
import { isOpen } from '../../shared/reporting/job.ts';
import { ERROR_MEANINGS, revealInvisible, STATE_MEANINGS, s3Console, VERIFICATIONS } from '../text.ts';
import { Fact, LinkOut, Time, UntrustedText } from './components.tsx';

/** All that is known of one backup file: its state and errors, its object, its attempts. */
export function FileDetails(props: {
  readonly recovery: RecoveryRecord;
  readonly now: number;
  readonly region: string;
}) {
  const { recovery, now, region } = props;
  return (
    <>
      <dl class="facts">
        <State recovery={recovery} />
        <Place recovery={recovery} region={region} />
        <Size recovery={recovery} />
        <Verification recovery={recovery} />
        <Times recovery={recovery} now={now} />
        <Fact name="Source">
          <code>
            <UntrustedText text={recovery.source} />
          </code>
        </Fact>
      </dl>
      {recovery.history.length + (recovery.retries?.length ?? 0) > 0 && (
        <History recovery={recovery} now={now} />
      )}
    </>
  );
}

/** Name of a file, with the label of its thumbnails. */
export function nameOf({ filename, thumbnailLabel }: RecoveryRecord): string {
  return thumbnailLabel === null ? filename : `${thumbnailLabel}/${filename}`;
}

function State({ recovery }: { readonly recovery: RecoveryRecord }) {
  const { state, lastError, warnings = [] } = recovery;
  return (
    <>
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
    </>
  );
}

function Place({ recovery, region }: { readonly recovery: RecoveryRecord; readonly region: string }) {
  const { state } = recovery;
  const place = placeOf(recovery);
  if (place === null) return null;
  const { bucket, key } = place;
  return (
    <Fact name={state === 'recovered' ? 'Location' : 'Destination'}>
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

function Verification({ recovery: { state, verifiedBy = [] } }: { readonly recovery: RecoveryRecord }) {
  if (state !== 'recovered') return null;
  const ways = verifiedBy.map((way) => VERIFICATIONS[way] ?? revealInvisible(way));
  return <Fact name="Verified by">{ways.join('; ') || 'nothing'}</Fact>;
}

function Times({ recovery, now }: { readonly recovery: RecoveryRecord; readonly now: number }) {
  const { deadline, attempts, nextAttemptAt, settledAt } = recovery;
  return (
    <>
      <Fact name="Deadline">
        <Time at={deadline} now={now} />
      </Fact>
      <Fact name="Attempts">
        {number(attempts)}
        {nextAttemptAt !== undefined && isOpen(recovery) && `, the next ${relative(nextAttemptAt, now)}`}
      </Fact>
      {settledAt !== undefined && (
        <Fact name="Settled">
          <Time at={settledAt} now={now} />
        </Fact>
      )}
    </>
  );
}

function History({ recovery, now }: { readonly recovery: RecoveryRecord; readonly now: number }) {
  const { history, retries = [] } = recovery;
  const events: (FailedAttempt | Retry)[] = [...history, ...retries].toSorted((a, b) => b.at - a.at);
  const counts = [
    history.length > 0 && counted(history.length, 'failed attempt'),
    retries.length > 0 && counted(retries.length, 'retry', 'retries'),
  ];
  return (
    <details id={`history-${recovery.role}-${recovery.fileId}`}>
      <summary>
        {counts.filter((count) => count !== false).join(', ')}
        <span class="vh">, {revealInvisible(nameOf(recovery))}</span>
      </summary>
      <ol class="attempts">
        {events.map((event) => (
          <li>
            {'by' in event ? <Retried retry={event} now={now} /> : <Failed attempt={event} now={now} />}
          </li>
        ))}
      </ol>
    </details>
  );
}

function Retried({ retry: { by, at }, now }: { readonly retry: Retry; readonly now: number }) {
  return (
    <>
      Retried by <UntrustedText text={by} /> at <Time at={at} now={now} />
    </>
  );
}

function Failed({ attempt, now }: { readonly attempt: FailedAttempt; readonly now: number }) {
  const { at, errorClass, message } = attempt;
  return (
    <>
      <Time at={at} now={now} /> <code>{revealInvisible(errorClass)}</code>
      <br />
      <UntrustedText text={message} />
    </>
  );
}
