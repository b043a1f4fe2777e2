import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { LogLine } from '../aws/lambda/protocol.ts';
import { createClock } from '../clock.ts';
import { type LocalStack, startLocalStack } from '../stack.ts';
import { mirrorBucket, prettyLine } from './mirror.ts';
import { startZencoderSide } from './zencoder.ts';

const USAGE = `Usage: npm start [-- options]

Runs the stack on this machine until Ctrl-C: the template that cdk synth writes, on embedded servers.

  --port N      port of the HTTP API; another one if it is taken        (3000)
  --dir PATH    folder for everything that is kept while it runs        (.local)
  -c KEY=VALUE  a setting, as with cdk; can be repeated
  --raw         print the functions' logs as they are written: JSON
  --help        this text
`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '3000' },
    dir: { type: 'string', default: '.local' },
    context: { type: 'string', short: 'c', multiple: true, default: [] },
    raw: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** The stand-in's API key, as a customer would keep theirs. */
const API_KEY_SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:zencoder-api-key-Ab12Cd';

const running = new AsyncDisposableStack();
const print = (text: string) => void process.stdout.write(`${text}\n`);

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const started = run();
  process.once('SIGINT', () => void stop(started));
  process.once('SIGTERM', () => void stop(started));
  try {
    await started;
  } catch (error) {
    process.stderr.write(`npm start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    await running.disposeAsync();
  }
}

async function run(): Promise<void> {
  const began = performance.now();
  const data = join(values.dir, 'data');
  const recovered = join(values.dir, 'recovered');
  for (const folder of [data, recovered]) await rm(folder, { recursive: true, force: true });
  await mkdir(recovered, { recursive: true });
  running.defer(() => rm(data, { recursive: true, force: true }));

  const clock = createClock();
  const zencoder = await startZencoderSide(data, clock);
  running.defer(() => zencoder.close());
  print('Synthesizing the stack and starting it …');
  const ingest = { ZENCODER_STORAGE: zencoder.allowList };
  const worker = { ...ingest, ZENCODER_API_URL: zencoder.apiUrl };
  const stack = await startLocalStack({
    context: { zencoderApiKeySecretArn: API_KEY_SECRET, ...contextOf(values.context) },
    secrets: [{ arn: API_KEY_SECRET, value: zencoder.apiKey }],
    environment: { ingest, worker, reconcile: worker },
    dir: data,
    clock,
    port: await freePort(Number(values.port)),
    stateFile: join(values.dir, 'stack.json'),
    onLog: printLog,
  });
  running.defer(() => stack.close());
  const bucket = stack.outputs.BucketName ?? '';
  running.defer(
    mirrorBucket(stack.clients.s3, bucket, recovered, {
      mirrored: (path, key, isShortened) =>
        print(
          `recovered  ${relative('.', path)}${isShortened ? `\n           (too long a name for a file: the key is ${JSON.stringify(key)})` : ''}`,
        ),
      notMirrored: (key, reason) =>
        print(`recovered, but only in the bucket  ${JSON.stringify(key)}: ${reason}`),
    }),
  );

  const sample = join(values.dir, 'notification.json');
  await writeFile(sample, `${await zencoder.keptNotification()}\n`);
  print(`Running after ${((performance.now() - began) / 1000).toFixed(1)} s.\n`);
  explain(stack, sample, recovered);
  const input = createInterface({ input: process.stdin });
  running.defer(() => input.close());
  input.on('line', () => {
    zencoder.runJob(stack.notificationUrl).then(
      (id) => print(`Zencoder did job ${id}; its upload failed, it has notified.`),
      (error: unknown) => print(`The Zencoder stand-in failed: ${String(error)}`),
    );
  });
}

function explain(stack: LocalStack, sample: string, recovered: string): void {
  const rows = [
    ['Notification URL', stack.notificationUrl],
    ...dashboardRows(stack.dashboardUrl),
    ['Recovered files', `${recovered}/`],
    ['Ledger table', stack.outputs.TableName ?? ''],
    ['Failed uploads', 'npm run failures -- --local'],
  ];
  for (const [name = '', value = ''] of rows) print(`${name.padEnd(18)}${value}`);
  print(`
Try it: the notification of a job whose upload failed is in ${sample}

  curl -i -H 'Content-Type: application/json' -d @${sample} '${stack.notificationUrl}'

Press Enter to let the Zencoder stand-in do another such job and notify by itself. Ctrl-C stops everything.
`);
}

/** User name and password beside the address: browsers do not fill those of an address into a form. */
function dashboardRows(address: string | undefined): readonly (readonly [string, string])[] {
  if (address === undefined) return [['Dashboard', 'none (setting dashboard is false)']];
  const { origin, username, password } = new URL(address);
  return [
    ['Dashboard', `${origin}/`],
    ['  user name', decodeURIComponent(username)],
    ['  password', decodeURIComponent(password)],
  ];
}

function printLog(line: LogLine): void {
  const text = values.raw ? line.text : prettyLine(line);
  if (text !== undefined) print(text);
}

function contextOf(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.map((setting) => {
      const [key = '', value] = setting.split(/=(.*)/s);
      if (value === undefined) throw new Error(`-c ${setting}: expected KEY=VALUE`);
      return [key, value];
    }),
  );
}

/** The wanted port, or 0 (any) with a message about it. */
async function freePort(wanted: number): Promise<number> {
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535)
    throw new Error(`--port ${values.port}: no port`);
  const probe = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
  if (!isFree) print(`Port ${wanted} is taken: using another one.`);
  return isFree ? wanted : 0;
}

async function stop(started: Promise<void>): Promise<void> {
  print('\nStopping …');
  // A second Ctrl-C ends it without waiting.
  process.once('SIGINT', () => process.exit(130));
  await started.catch(() => undefined);
  await running.disposeAsync();
}
