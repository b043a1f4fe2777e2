import type { Injected } from './chaos.ts';
import type { SoakOptions } from './options.ts';
import type { Settling } from './settle.ts';
import type { Verification } from './verify.ts';

/** All that a soak came to. */
export interface SoakReport {
  readonly ok: boolean;
  readonly options: Omit<SoakOptions, 'timeout' | 'json' | 'help'>;
  readonly jobs: number;
  readonly injected: Injected;
  /** Error responses of ingest, by status. */
  readonly refused: Readonly<Record<string, number>>;
  /** Milliseconds of real time. */
  readonly took: { readonly posting: number; readonly all: number };
  readonly settling: Settling;
  readonly verification: Verification;
}

/** The report for people. */
export function reportText(report: SoakReport): string {
  const { options, jobs, injected, refused, took, settling, verification } = report;
  const { files, recovered, attempts, heard, errors, errorCount } = verification;
  const rows: [string, string][] = [
    [
      'Notifications',
      `${options.notifications} of ${jobs} jobs, ${options.notifications - jobs} of them repeated`,
    ],
    [
      'Posted',
      `${seconds(took.posting)} (${Math.round(options.notifications / (took.posting / 1000))} a second)`,
    ],
    ['Refused, sent again', counts(refused)],
    ['Went wrong', counts(injected)],
    ['Recovered', `${recovered} of ${files} files, ${seconds(took.all)} in all`],
    [
      'Attempts',
      counts(Object.fromEntries(Object.entries(attempts).map(([n, count]) => [`took ${n}`, count]))),
    ],
    ['Events', `${counts(heard.events)}, ${heard.repeated} repeated`],
    ['Clock moved by', seconds(settling.leapt)],
    ['Seed', String(options.seed)],
  ];
  return [
    ...rows.map(([name, value]) => `${name.padEnd(20)}  ${value}`),
    '',
    ...(settling.isDone ? [] : ['The time was up before the queue was empty and every event published.']),
    ...errors.map((error) => `- ${error}`),
    ...(errorCount > errors.length ? [`… and ${errorCount - errors.length} more`] : []),
    report.ok
      ? 'Every file is in the bucket, whole and once; every failed upload is recorded once; no event is false or missing.'
      : 'FAILED',
    '',
  ].join('\n');
}

function counts(values: Readonly<Record<string, number>>): string {
  const parts = Object.entries(values).map(([kind, count]) => `${count} ${kind}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
