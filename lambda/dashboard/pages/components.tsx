import type { Child, PropsWithChildren } from 'hono/jsx';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../shared/ledger/records.ts';
import { requiresAction } from '../../shared/reporting/attention.ts';
import { bytes, counted, number, relative, timeLeft, utcTime } from '../../shared/reporting/format.ts';
import { isOpen, type Outcome, type Progress, progressOf, summarize } from '../../shared/reporting/job.ts';
import type { RecoveryState, Role } from '../../shared/zencoder/model.ts';
import { ROLE_NAMES, revealInvisible } from '../text.ts';

/** Flags of an output: failed uploads, outcome of its files, warnings. */
export function Flags(props: {
  readonly failures: readonly PrimaryFailureRecord[];
  readonly recoveries: readonly RecoveryRecord[];
}) {
  const { failures, recoveries } = props;
  const { counts, files } = summarize(recoveries);
  const warnings = recoveries.flatMap((recovery) => recovery.warnings ?? []);
  const actionRequired = recoveries.filter(requiresAction);
  return (
    <ul class="flags" aria-label="Flags">
      {files > 0 && <li class="warn">Backup server used</li>}
      {failures.map(({ role, errorClass }) => (
        <li class="bad">
          {ROLE_NAMES[role]} upload failed: <UntrustedText text={errorClass} />
        </li>
      ))}
      {actionRequired.length > 0 && (
        <li class="bad">Action required: {counted(actionRequired.length, 'file')}</li>
      )}
      {counts.lost > 0 && <li class="bad">Lost: {counted(counts.lost, 'file')}</li>}
      {counts.failed > 0 && <li class="bad">Failed: {counted(counts.failed, 'file')}</li>}
      {warnings.length > 0 && <li class="warn">{counted(warnings.length, 'warning')}</li>}
      {files > 0 && counts.recovered === files && <li class="ok">Recovered</li>}
    </ul>
  );
}

/** *Retry now*, for all of an output or for one file of it. */
export function RetryForm(props: {
  /** Path of the output's record. */
  readonly path: string;
  readonly token: string;
  /** What is tried again, for those who do not see where the button is. */
  readonly of: string;
  readonly file?: { readonly role: Role; readonly fileId: string };
}) {
  const { path, token, file } = props;
  return (
    <form class="actions" method="post" action={`${path}/retry`}>
      <input type="hidden" name="token" value={token} />
      {file !== undefined && (
        <>
          <input type="hidden" name="role" value={file.role} />
          <input type="hidden" name="fileId" value={file.fileId} />
        </>
      )}
      <button class="primary" type="submit">
        Retry now<span class="vh">: {props.of}</span>
      </button>
    </form>
  );
}

/** How serious something is; decides the colour, which is never the only sign. */
export type Tone = 'ok' | 'info' | 'warn' | 'bad' | 'idle';

const STATE_TONES: Readonly<Record<RecoveryState, Tone>> = {
  pending: 'idle',
  copying: 'info',
  recovered: 'ok',
  lost: 'bad',
  failed: 'bad',
};

/** Text that came from outside: apart from the direction of the text around it, with invisible characters spelt out. */
export function UntrustedText({ text }: { readonly text: string }) {
  return <bdi>{revealInvisible(text)}</bdi>;
}

/** A point in time, in UTC and as seen from now. */
export function Time({ at, now }: { readonly at: number; readonly now: number }) {
  return (
    <time datetime={new Date(at).toISOString()}>
      {utcTime(at)} <span class="small muted">{relative(at, now)}</span>
    </time>
  );
}

/** How long a file is still available. */
export function TimeLeft({ deadline, now }: { readonly deadline: number; readonly now: number }) {
  return (
    <time datetime={new Date(deadline).toISOString()} class="nowrap">
      {timeLeft(deadline, now)}
    </time>
  );
}

export function Badge({ tone, children }: PropsWithChildren<{ readonly tone: Tone }>) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** The state of one recovery. */
export function StateBadge({ state }: { readonly state: RecoveryState }) {
  return <Badge tone={STATE_TONES[state]}>{state}</Badge>;
}

/** The state of several recoveries, with how many of the files are in it. */
export function OutcomeBadge({ outcome }: { readonly outcome: Outcome }) {
  const { state, files, counts } = outcome;
  if (state === null) return <span class="muted">no backup file</span>;
  return (
    <Badge tone={STATE_TONES[state]}>{files === 1 ? state : `${state} ${counts[state]} of ${files}`}</Badge>
  );
}

/** `2 of 3 files recovered, 1 copying`: the states of some recoveries as text. */
export function outcomeWords({ files, counts }: Outcome): string {
  const others = (['copying', 'pending', 'failed', 'lost'] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${number(counts[state])} ${state}`);
  return [`${number(counts.recovered)} of ${counted(files, 'file')} recovered`, ...others].join(', ');
}

/** How far recoveries have come; nothing without files. */
export function ProgressBar(props: { readonly recoveries: readonly RecoveryRecord[]; readonly of: string }) {
  const progress = progressOf(props.recoveries);
  if (progress === null) return null;
  const outcome = summarize(props.recoveries);
  const tone =
    outcome.state === 'recovered' ? 'ok' : outcome.counts.lost + outcome.counts.failed > 0 ? 'bad' : 'info';
  return (
    <div class="meter">
      <progress
        class={tone}
        value={progress.done}
        max={progress.total}
        aria-label={`Recovered of ${revealInvisible(props.of)}`}
      >
        {progressWords(progress)}
      </progress>
      <p class="small muted">
        {progressWords(progress)}
        {props.recoveries.length > 1 && `; ${outcomeWords(outcome)}`}
      </p>
    </div>
  );
}

/** Marks a part of a page that the script keeps up to date, and whether it still changes. */
export function liveState(recoveries: readonly RecoveryRecord[]): 'open' | 'settled' {
  return recoveries.some(isOpen) ? 'open' : 'settled';
}

export function Banner({
  tone,
  title,
  children,
}: PropsWithChildren<{ readonly tone: Tone; readonly title: string }>) {
  return (
    <div class={`banner ${tone}`}>
      <strong>{title}</strong>
      <div class="small">{children}</div>
    </div>
  );
}

/** One name and value of a list of facts; left out when there is no value. */
export function Fact({ name, children }: { readonly name: string; readonly children?: Child }) {
  if (children === undefined || children === null || children === false) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Where a page is, from the overview down. */
export function Breadcrumbs({
  links,
  here,
}: {
  readonly links: readonly (readonly [string, string])[];
  readonly here: string;
}) {
  return (
    <nav class="crumbs" aria-label="Breadcrumb">
      <ol>
        {links.map(([name, path]) => (
          <li>
            <a href={path}>{name}</a>
          </li>
        ))}
        <li aria-current="page">{here}</li>
      </ol>
    </nav>
  );
}

/** A link that leaves the dashboard; `href` must have been checked. */
export function LinkOut({ href, children }: PropsWithChildren<{ readonly href: string }>) {
  return (
    <a href={href} rel="noopener noreferrer external">
      {children}
    </a>
  );
}

function progressWords({ unit, done, total }: Progress): string {
  const percent = total === 0 ? 0 : Math.floor((done / total) * 100);
  return unit === 'bytes'
    ? `${bytes(done)} of ${bytes(total)} (${percent} %)`
    : `${number(done)} of ${counted(total, 'file')} (${percent} %)`;
}
