import type { CheckResult, PreflightReport } from '../../../lambda/worker/preflight/report.ts';
import { type Colour, harmless, type Terminal } from '../terminal.ts';

const MARKS = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' } as const;
const COLOURS: Record<CheckResult['outcome'], Colour> = { passed: 'green', failed: 'red', skipped: 'dim' };

/** The report for people: what was tried, then each different fault once, with what to change. */
export function textOf(
  terminal: Pick<Terminal, 'paint'>,
  { bucket, region, checks, leftBehind }: PreflightReport,
  role: string | undefined,
): string {
  const width = Math.max(...checks.map(({ does }) => does.length));
  const lines = checks.map(({ does, permission, outcome }) => {
    const mark = terminal.paint(COLOURS[outcome], MARKS[outcome].padEnd(8));
    return `  ${mark}${harmless(does).padEnd(width)}  ${harmless(permission)}`;
  });
  return [
    `Bucket ${harmless(bucket)}, tried from ${harmless(region)}${role === undefined ? '' : ` as ${harmless(role)}`}:`,
    ...lines,
    ...faultsOf(checks),
    ...(leftBehind.length === 0
      ? []
      : ['', 'Probe objects left behind:', ...leftBehind.map((key) => `  ${harmless(key)}`)]),
    '',
  ].join('\n');
}

function faultsOf(checks: readonly CheckResult[]): string[] {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const byMessage = Map.groupBy(failed, ({ errorClass, message }) => `${errorClass}: ${message}`);
  return [...byMessage].flatMap(([sentence, same]) => {
    const answer = same[0]?.answer;
    return ['', harmless(sentence), ...(answer ? [`  S3 says: ${harmless(answer)}`] : [])];
  });
}
