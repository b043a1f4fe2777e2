import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';
import {
  CHECKS,
  type CheckResult,
  checkResult,
  KEEP_PROBE_EVENT,
  PASSED_EVENT,
  PREFLIGHT_EVENT,
  type PreflightReport,
  preflightReport,
  probe,
} from '../../lambda/shared/runtime/preflight.ts';
import { toCommandFailure } from './lib/aws-errors.ts';
import { type CommandContext, isEntryPoint, NeedsAttention, readOptions, runCommand } from './lib/command.ts';
import { type ConcurrencyResult, readConcurrency } from './lib/concurrency.ts';
import { invokeFunction } from './lib/invoke.ts';
import { checkTable, type TableReport } from './lib/ledger-table.ts';
import { announce, outputOf, resolveTarget, STACK_HELP, STACK_OPTIONS, type Target } from './lib/target.ts';
import { type Colour, progressOn, sanitize, type Terminal } from './lib/terminal.ts';

export const HELP = `Usage: npm run preflight -- [options]

Tests every bucket permission that a recovery needs, with the worker's role: create, look up, refuse to overwrite,
upload in parts, abort. It uses probe objects of a few bytes under zencoder-recovery-preflight/, removes them, and says
which permission, key policy or region is wrong. It publishes an event of type "preflight" on the events topic, and has
the dashboard download a probe with its own role. Then compares the concurrent executions of the account with what the
stack needs, and the ledger's table with the keys and indexes that it must have, and says what to change. When all of
this passes, the worker notes so in the ledger, for npm run status. Run it after each change of bucket, policy, key,
table or concurrency.

  --json            the report as one JSON object

${STACK_HELP}
Exit codes: 0 recoveries into this bucket work, 1 the check could not be made, 2 not understood,
3 something is wrong with the bucket, the topic or the table, or the account has too little concurrency.

Examples:
  npm run preflight
  npm run preflight -- --stack ZencoderRecoveryStaging
  npm run preflight -- --local --json | jq '.checks[] | select(.outcome == "failed")'
`;

/**
 * Invokes the worker for a preflight and waits for its report.
 *
 * @throws {CommandFailure} when there is no such function, or it cannot run, or is of a version without preflight.
 */
export async function invokePreflight(target: Target, functionName: string): Promise<PreflightReport> {
  return await invokeFunction(target, functionName, PREFLIGHT_EVENT, preflightReport);
}

/**
 * Has the dashboard download a probe object that the worker keeps for it.
 *
 * @returns the check, skipped where the worker could put no object, with the probe where it could not be removed; null
 * where there is no dashboard.
 * @throws {CommandFailure} as `invokePreflight`.
 */
export async function checkDownload(
  target: Target,
  report: PreflightReport,
): Promise<{ readonly check: CheckResult; readonly leftBehind: readonly string[] } | null> {
  const { WorkerFunctionName: worker, DashboardFunctionName: dashboard } = target.outputs;
  if (worker === undefined || dashboard === undefined) return null;
  if (!report.checks.some(({ name, outcome }) => name === 'create' && outcome === 'passed')) {
    const none = { errorClass: null, message: null, answer: null };
    return { check: { name: 'download', ...CHECKS.download, outcome: 'skipped', ...none }, leftBehind: [] };
  }
  const { key } = await invokeFunction(target, worker, KEEP_PROBE_EVENT, probe);
  // That a bucket refuses to delete has a check of its own; here it must not hide the other results.
  const remove = () =>
    invokeFunction(target, worker, { preflight: 'remove', key }, v.null()).then(
      () => [],
      () => [key],
    );
  let check: CheckResult;
  try {
    check = await invokeFunction(target, dashboard, { preflight: 'download', key }, checkResult);
  } catch (error) {
    await remove();
    throw error;
  }
  return { check, leftBehind: await remove() };
}

const MARKS = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' } as const;
const COLOURS: Record<CheckResult['outcome'], Colour> = { passed: 'green', failed: 'red', skipped: 'dim' };

/** The report as text: all checks, then each distinct error once, with what to change. */
export function textOf(
  terminal: Pick<Terminal, 'paint'>,
  { bucket, region, checks, leftBehind }: PreflightReport,
  role: string | undefined,
): string {
  const width = Math.max(...checks.map(({ does }) => does.length));
  const lines = checks.map(({ does, permission, outcome }) => {
    const mark = terminal.paint(COLOURS[outcome], MARKS[outcome].padEnd(8));
    return `  ${mark}${sanitize(does).padEnd(width)}  ${sanitize(permission)}`;
  });
  return [
    `Bucket ${sanitize(bucket)}, tried from ${sanitize(region)}${role === undefined ? '' : ` as ${sanitize(role)}`}:`,
    ...lines,
    ...errorsOf(checks),
    ...(leftBehind.length === 0
      ? []
      : ['', 'Probe objects left behind:', ...leftBehind.map((key) => `  ${sanitize(key)}`)]),
    '',
  ].join('\n');
}

function errorsOf(checks: readonly CheckResult[]): string[] {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const byMessage = Map.groupBy(failed, ({ errorClass, message }) => `${errorClass}: ${message}`);
  return [...byMessage].flatMap(([sentence, same]) => {
    const answer = same[0]?.answer;
    return ['', sanitize(sentence), ...(answer ? [`  AWS says: ${sanitize(answer)}`] : [])];
  });
}

/** `npm run preflight`: see its help. */
export async function preflight({ argv, environment, out, err }: CommandContext): Promise<void> {
  const { json, ...which } = readOptions(argv, {
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const target = await resolveTarget(which, { environment });
  await announce(target, err);
  const functionName = outputOf(target, 'WorkerFunctionName');
  const report = await asked(target, functionName, err);
  const concurrency = await checkedConcurrency(target);
  const ledger = await checkedTable(target);
  const role = target.outputs.WorkerRoleArn;
  await out.write(
    json
      ? `${JSON.stringify({ role: role ?? null, ...report, concurrency, ledger })}\n`
      : `${textOf(out, report, role)}${concurrencyText(out, concurrency)}${tableText(out, ledger)}`,
  );
  const wrong = [
    ...(report.ok ? [] : [`bucket ${report.bucket} or the topic needs a change`]),
    ...('fits' in concurrency && !concurrency.fits && concurrency.advice !== null
      ? [concurrency.advice]
      : []),
    ...ledger.errors,
  ];
  if (wrong.length > 0) throw new NeedsAttention(`preflight: ${wrong.join('\n           ')}`);
  await invokeFunction(target, functionName, PASSED_EVENT, v.null());
}

async function checkedTable(target: Target): Promise<TableReport> {
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    return await checkTable(client, outputOf(target, 'TableName'));
  } catch (error) {
    throw toCommandFailure(error, target.name);
  } finally {
    client.destroy();
  }
}

async function checkedConcurrency(target: Target): Promise<ConcurrencyResult> {
  const client = new LambdaClient(target.clientConfig('lambda'));
  try {
    return await readConcurrency(target, client);
  } finally {
    client.destroy();
  }
}

/** What Lambda says of the account as text; what does not fit is the command's error. */
export function concurrencyText(terminal: Pick<Terminal, 'paint'>, result: ConcurrencyResult): string {
  const mark = (outcome: CheckResult['outcome']) =>
    terminal.paint(COLOURS[outcome], MARKS[outcome].padEnd(8));
  if ('notChecked' in result) {
    return `Concurrency of the account:\n  ${mark('skipped')}not checked: ${sanitize(result.notChecked)}\n`;
  }
  const { limit, unreserved, needed, fits, advice } = result;
  return [
    'Concurrency of the account:',
    `  ${mark(fits ? 'passed' : 'failed')}${needed} needed of ${unreserved} unreserved (${limit} in all)`,
    ...(fits && advice !== null ? [`  ${advice}`] : []),
    '',
  ].join('\n');
}

/** The report on the table as text; what is wrong with it is the command's error. */
function tableText(terminal: Pick<Terminal, 'paint'>, { table, errors, warnings }: TableReport): string {
  const outcome = errors.length === 0 ? 'passed' : 'failed';
  const mark = terminal.paint(COLOURS[outcome], MARKS[outcome].padEnd(8));
  const lines = [`Table ${table}:`, `  ${mark}has the keys and indexes of the ledger`];
  return [...lines, ...warnings.map((warning) => `  ${warning}`), ''].join('\n');
}

async function asked(target: Target, functionName: string, err: Terminal): Promise<PreflightReport> {
  const progress = progressOn(err);
  await progress.show(`Asking ${functionName} to try the bucket …`);
  try {
    const report = await invokePreflight(target, functionName);
    await progress.show('Asking the dashboard to download …');
    const download = await checkDownload(target, report);
    if (download === null) return report;
    return {
      ...report,
      checks: [...report.checks, download.check],
      leftBehind: [...report.leftBehind, ...download.leftBehind],
      ok: report.ok && download.check.outcome !== 'failed',
    };
  } finally {
    await progress.clear();
  }
}

if (isEntryPoint(import.meta)) await runCommand('preflight', HELP, preflight);
