import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLedger, type Ledger } from '../../../lambda/shared/ledger/ledger.ts';
import type { PrimaryFailureRecord } from '../../../lambda/shared/ledger/records.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { type Terminal, terminalOf } from '../../cli/lib/terminal.ts';
import { UnsupportedPlatform } from '../aws/dynamodb.ts';
import { freePort } from '../aws/listen.ts';
import { startS3 } from '../aws/s3/server.ts';
import { type LocalStack, startLocalStack } from '../stack.ts';
import { startDestination } from '../zencoder/destination.ts';
import { startZencoder } from '../zencoder/zencoder.ts';
import { follow, LiveView, type ScenarioRun } from './live-view.ts';
import { printReport, recoveredRows, seconds } from './report.ts';
import { behaviourOf, type Expectation, SCENARIOS, type ScenarioServers } from './scenarios.ts';
import { type Check, type DemoOutcome, verify } from './verify.ts';

const USAGE = `Usage: npm run demo [-- --json]

Runs the stack on this machine, lets a stand-in for Zencoder do jobs whose uploads fail for real, and
verifies that every file arrives. Exits 0 only if all is right.

  --json   print the outcome as JSON instead of live progress and tables
  --help   this text
`;

const BACKUP_BUCKET = 'zencoder-temp-storage-us-east-1';
/** What the recoveries may take once Zencoder has begun. */
const RECOVERY_TIMEOUT_MS = 45_000;

async function run(
  terminal: Terminal,
  running: AsyncDisposableStack,
): Promise<{ outcome: DemoOutcome; checks: Check[] }> {
  const began = Date.now();
  const directory = await mkdtemp(join(tmpdir(), 'zencoder-demo-'));
  running.defer(() => rm(directory, { recursive: true, force: true }));
  const account = { accessKeyId: 'AKIAZENCODERSTANDIN0', secretAccessKey: randomBytes(20).toString('hex') };
  const backup = await startS3({
    dir: directory,
    buckets: [BACKUP_BUCKET],
    credentials: { [account.accessKeyId]: account.secretAccessKey },
  });
  running.defer(() => backup.close());
  await terminal.write('Starting the stack as `cdk synth` describes it …\n');
  const allowed = `${BACKUP_BUCKET},zencoder-live,${backup.origin}/${BACKUP_BUCKET}`;
  const stack = await startLocalStack({
    environment: { ingest: { ZENCODER_STORAGE: allowed }, worker: { ZENCODER_STORAGE: allowed } },
  });
  running.defer(() => stack.close());
  await terminal.write(
    `Running after ${seconds(Date.now() - began)}. Zencoder does ${SCENARIOS.length} jobs:\n\n`,
  );

  const destination = await startDestination(behaviourOf);
  running.defer(() => destination.close());
  const zencoder = await startZencoder({
    notificationUrls: [stack.notificationUrl],
    storage: { ...account, origin: backup.origin, bucket: BACKUP_BUCKET },
    primary: { s3: { ...account, origin: destination.origin }, timeout: 500 },
    retrySchedule: (failed) => (failed > 5 ? null : failed * 500),
  });
  running.defer(() => zencoder.close());

  const servers = { zencoder, destination, closedPort: await freePort() };
  const runs: ScenarioRun[] = [];
  const view = new LiveView(terminal, process.stdout.rows);
  let isRunning = true;
  const scenarios = runAll(servers, runs).finally(() => {
    isRunning = false;
  });
  const ledger = ledgerOf(stack);
  const until = Date.now() + RECOVERY_TIMEOUT_MS;
  const followed = follow(ledger, runs, {
    until,
    isRunning: () => isRunning,
    show: (lines) => view.show(lines),
  });
  const [seen] = await Promise.all([followed, scenarios]);
  const expectations = runs.flatMap(({ expectation }) => (expectation === null ? [] : [expectation]));
  await Promise.all(expectations.map(({ delivered }) => delivered));
  const failures = await failuresOf(ledger, expectations, began);
  const outcome = { expectations, ledger: seen, failures, deliveries: zencoder.deliveries };
  return { outcome, checks: await verify(stack.clients.s3, output(stack, 'BucketName'), outcome) };
}

/** Runs every scenario, one after the other, and adds each to `runs` as it begins. */
async function runAll(servers: ScenarioServers, runs: ScenarioRun[]): Promise<void> {
  for (const { title, run: runScenario } of SCENARIOS) {
    const started: ScenarioRun = { title: `${runs.length + 1} ${title}`, expectation: null };
    runs.push(started);
    started.expectation = await runScenario(servers);
  }
}

function ledgerOf(stack: LocalStack): Ledger {
  return createLedger({
    client: stack.clients.dynamodb,
    tableName: output(stack, 'TableName'),
    recordTtlDays: 0,
    now: Date.now,
  });
}

function output(stack: LocalStack, name: string): string {
  const value = stack.outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

/** By time for what happened during the demo, by class for what is older: the documented sample. */
async function failuresOf(
  ledger: Ledger,
  expectations: readonly Expectation[],
  since: number,
): Promise<PrimaryFailureRecord[]> {
  const classes = new Set(
    expectations.flatMap(({ failures }) => failures.map(({ errorClass }) => errorClass)),
  );
  const found = await Promise.all([
    Array.fromAsync(ledger.queries.failuresByTime({ since: since - MINUTE_MS })),
    ...[...classes].map((errorClass) => Array.fromAsync(ledger.queries.failuresByClass(errorClass))),
  ]);
  const byKey = new Map(found.flat().map((failure) => [`${failure.outputId} ${failure.role}`, failure]));
  return [...byKey.values()].toSorted((a, b) => a.failedAt - b.failedAt);
}

/** Errors of what is being closed are not reported. */
let isInterrupted = false;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const began = Date.now();
  const visible = terminalOf(process.stdout, process.env);
  const silent: Terminal = { ...visible, width: undefined, write: async () => undefined };
  await using running = new AsyncDisposableStack();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isInterrupted = true;
      void running.disposeAsync().finally(() => process.exit(130));
    });
  }
  const { outcome, checks } = await run(values.json === true ? silent : visible, running);
  const ok = checks.every(({ errors }) => errors.length === 0);
  if (values.json === true) {
    const { failures } = outcome;
    const report = { ok, checks, recoveries: recoveredRows(outcome), failures };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    await printReport(visible, outcome, checks);
    const verdict = ok ? 'All is right' : 'NOT all is right: see above';
    await visible.write(`\n${verdict}, after ${seconds(Date.now() - began)}.\n`);
  }
  return ok ? 0 : 1;
}

function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof UnsupportedPlatform ? error.message : (error.stack ?? error.message);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isInterrupted) process.stderr.write(`demo: ${explained(error)}\n`);
  process.exitCode = 1;
}
