import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Ledger } from '../../../lambda/shared/ledger/ledger.ts';
import { createLedger } from '../../../lambda/shared/ledger/ledger.ts';
import type { PrimaryFailureRecord } from '../../../lambda/shared/ledger/records.ts';
import { startS3 } from '../aws/s3/server.ts';
import { type LocalStack, startLocalStack } from '../stack.ts';
import { startDestination } from '../zencoder/destination.ts';
import { startZencoder } from '../zencoder/zencoder.ts';
import { follow, LiveView, type ScenarioRun } from './live-view.ts';
import { printReport, recoveredRows, seconds, type Terminal, terminalOf } from './report.ts';
import { behaviourOf, type Expectation, SCENARIOS } from './scenarios.ts';
import { type Check, type DemoOutcome, verify } from './verify.ts';

const USAGE = `Usage: npm run demo [-- --json]

Runs the stack on this machine, lets a stand-in for Zencoder do jobs whose uploads fail for real, and
verifies that every file arrives. Exits 0 only if all is right.

  --json   print the outcome as JSON instead of live progress and tables
  --help   this text
`;

const BACKUP_BUCKET = 'zencoder-temp-storage-us-east-1';
/** Seconds that the recoveries may take once Zencoder is done. */
const PATIENCE = 45_000;

/** What is started for the demo, closed in reverse order. */
class Closers {
  readonly #all: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#all.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#all.splice(0).toReversed()) await close();
  }
}

async function run(terminal: Terminal, closers: Closers): Promise<{ outcome: DemoOutcome; checks: Check[] }> {
  const began = Date.now();
  const directory = await mkdtemp(join(tmpdir(), 'zencoder-demo-'));
  closers.add(() => rm(directory, { recursive: true, force: true }));
  const account = { accessKeyId: 'AKIAZENCODERSTANDIN0', secretAccessKey: randomBytes(20).toString('hex') };
  const backup = await startS3({
    dir: directory,
    buckets: [BACKUP_BUCKET],
    credentials: { [account.accessKeyId]: account.secretAccessKey },
  });
  closers.add(() => backup.close());
  terminal.write('Starting the stack on embedded servers, as `cdk synth` describes it …\n');
  const allowed = `${BACKUP_BUCKET},zencoder-live,${backup.origin}/${BACKUP_BUCKET}`;
  const stack = await startLocalStack({
    environment: { ingest: { ZENCODER_STORAGE: allowed }, worker: { ZENCODER_STORAGE: allowed } },
  });
  closers.add(() => stack.close());
  terminal.write(`Running after ${seconds(Date.now() - began)}. Zencoder does ${SCENARIOS.length} jobs:\n\n`);

  const destination = await startDestination(behaviourOf);
  closers.add(() => destination.close());
  const zencoder = await startZencoder({
    notificationUrls: [stack.notificationUrl],
    storage: { ...account, origin: backup.origin, bucket: BACKUP_BUCKET },
    primary: { s3: { ...account, origin: destination.origin }, timeout: 500 },
    retrySchedule: (failed) => (failed > 5 ? null : failed * 500),
  });
  closers.add(() => zencoder.close());

  const cast = { zencoder, destination, closedPort: await closedPort() };
  const stages: ScenarioRun[] = [];
  const board = new LiveView(terminal);
  let isPlaying = true;
  const playing = (async () => {
    for (const scene of SCENARIOS) {
      const stage: ScenarioRun = { title: `${stages.length + 1} ${scene.title}`, expectation: null };
      stages.push(stage);
      stage.expectation = await scene.run(cast);
    }
  })().finally(() => {
    isPlaying = false;
  });
  const ledger = ledgerOf(stack);
  const until = Date.now() + PATIENCE;
  const followed = follow(ledger, stages, {
    until,
    isPlaying: () => isPlaying,
    show: (lines) => board.show(lines),
  });
  const [seen] = await Promise.all([followed, playing]);
  const expectations = stages.flatMap(({ expectation }) => (expectation === null ? [] : [expectation]));
  await Promise.all(expectations.map(({ delivered }) => delivered));
  const failures = await failuresOf(ledger, expectations, began);
  const outcome = { expectations, ledger: seen, failures, deliveries: zencoder.deliveries };
  return { outcome, checks: await verify(stack.clients.s3, output(stack, 'BucketName'), outcome) };
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
    Array.fromAsync(ledger.queries.failuresByTime({ since: since - 60_000 })),
    ...[...classes].map((errorClass) => Array.fromAsync(ledger.queries.failuresByClass(errorClass))),
  ]);
  const byKey = new Map(found.flat().map((failure) => [`${failure.outputId} ${failure.role}`, failure]));
  return [...byKey.values()].toSorted((a, b) => a.failedAt - b.failedAt);
}

/** A port that was free a moment ago: connections to it are refused. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = server.address();
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  if (address === null || typeof address === 'string') throw new Error('no port could be opened');
  return address.port;
}

/** What fails while everything is being closed is not worth telling. */
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
  const silent: Terminal = { ...visible, redraws: false, write: () => undefined };
  const closers = new Closers();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isInterrupted = true;
      void closers.close().finally(() => process.exit(130));
    });
  }
  try {
    const { outcome, checks } = await run(values.json === true ? silent : visible, closers);
    const ok = checks.every(({ errors }) => errors.length === 0);
    if (values.json === true) {
      const { failures } = outcome;
      const report = { ok, checks, recoveries: recoveredRows(outcome), failures };
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    } else {
      printReport(visible, outcome, checks);
      const verdict = ok ? 'All is right' : 'NOT all is right: see above';
      visible.write(`\n${verdict}, after ${seconds(Date.now() - began)}.\n`);
    }
    return ok ? 0 : 1;
  } finally {
    await closers.close();
  }
}

try {
  process.exitCode = await main();
} catch (fault) {
  if (!isInterrupted)
    process.stderr.write(
      `demo: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}\n`,
    );
  process.exitCode = 1;
}
