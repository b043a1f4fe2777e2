import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';
import {
  type CheckResult,
  PREFLIGHT_EVENT,
  type PreflightReport,
  preflightReport,
} from '../../lambda/shared/runtime/preflight.ts';
import {
  type CommandContext,
  CommandFailure,
  isEntryPoint,
  NeedsAttention,
  readOptions,
  runCommand,
} from './lib/command.ts';
import { type ConcurrencyResult, readConcurrency } from './lib/concurrency.ts';
import { checkTable, type TableReport } from './lib/ledger-table.ts';
import {
  outputOf,
  resolveTarget,
  STACK_HELP,
  STACK_OPTIONS,
  type Target,
  toCommandFailure,
} from './lib/target.ts';
import { type Colour, progressOn, sanitize, type Terminal } from './lib/terminal.ts';

export const HELP = `Usage: npm run preflight -- [options]

Tests every bucket permission that a recovery needs, with the worker's role: create, look up, refuse to overwrite,
upload in parts, abort. It uses probe objects of a few bytes under
zencoder-recovery-preflight/, removes them, and says which permission, key policy or region is wrong. It publishes an
event of type "preflight" on the events topic. Then compares the concurrent executions of the account with what the
stack needs, and the ledger's table with the keys and indexes that it must have, and says what to change. Run it after
each change of bucket, policy, key, table or concurrency.

  --json            the report as one JSON object

${STACK_HELP}
Exit codes: 0 recoveries into this bucket work, 1 the check could not be made, 2 not understood,
3 something is wrong with the bucket, the topic or the table, or the account has too little concurrency.

Examples:
  npm run preflight
  npm run preflight -- --stack ZencoderRecoveryStaging
  npm run preflight -- --local --json | jq '.checks[] | select(.outcome == "failed")'
`;

const functionError = v.object({ errorType: v.string(), errorMessage: v.string() });

/**
 * Invokes the worker for a preflight and waits for its report.
 *
 * @throws {CommandFailure} when there is no such function, or it cannot run, or is of a version without preflight.
 */
export async function invokePreflight(target: Target, functionName: string): Promise<PreflightReport> {
  const client = new LambdaClient(target.clientConfig('lambda'));
  try {
    const response = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(PREFLIGHT_EVENT) }),
    );
    const payload: unknown = JSON.parse(response.Payload?.transformToString() || 'null');
    if (response.FunctionError !== undefined) throw toFailure(functionName, payload);
    return reportIn(payload);
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      throw new CommandFailure(`${target.name} has no function ${functionName}`, { cause: error });
    }
    throw toCommandFailure(error);
  } finally {
    client.destroy();
  }
}

function reportIn(payload: unknown): PreflightReport {
  const result = v.safeParse(preflightReport, payload);
  if (result.success) return result.output;
  throw new CommandFailure(
    'the worker returned something else than a report: deploy this version of the stack first',
  );
}

function toFailure(functionName: string, payload: unknown): CommandFailure {
  const { output, success } = v.safeParse(functionError, payload);
  const said = success ? `${output.errorType}: ${output.errorMessage}` : 'without a reason';
  return new CommandFailure(`the worker cannot run, ${said}; see the logs of ${functionName}`);
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
export async function preflight({ argv, out, err }: CommandContext): Promise<void> {
  const { json, ...which } = readOptions(argv, {
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const target = await resolveTarget(which);
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
  if (!report.ok) throw new NeedsAttention(`preflight: bucket ${report.bucket} or the topic needs a change`);
  if ('fits' in concurrency && !concurrency.fits)
    throw new NeedsAttention(`preflight: ${concurrency.advice}`);
  if (ledger.errors.length > 0) throw new NeedsAttention(`preflight: ${ledger.errors.join('\n           ')}`);
}

async function checkedTable(target: Target): Promise<TableReport> {
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  try {
    return await checkTable(client, outputOf(target, 'TableName'));
  } catch (error) {
    throw toCommandFailure(error);
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
export function tableText(
  terminal: Pick<Terminal, 'paint'>,
  { table, errors, warnings }: TableReport,
): string {
  const outcome = errors.length === 0 ? 'passed' : 'failed';
  const mark = terminal.paint(COLOURS[outcome], MARKS[outcome].padEnd(8));
  const lines = [`Table ${table}:`, `  ${mark}has the keys and indexes of the ledger`];
  return [...lines, ...warnings.map((warning) => `  ${warning}`), ''].join('\n');
}

async function asked(target: Target, functionName: string, err: Terminal): Promise<PreflightReport> {
  const progress = progressOn(err);
  await progress.show(`Asking ${functionName} to try the bucket …`);
  try {
    return await invokePreflight(target, functionName);
  } finally {
    await progress.clear();
  }
}

if (isEntryPoint(import.meta)) await runCommand('preflight', HELP, preflight);
