import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  type Endpoint,
  endpointOf,
  type ForeignOptions,
  foreignOptions,
  HELP,
  UsageError,
} from './options.ts';
import { openPrograms } from './processes.ts';
import { runSteps, type StepResult, stepsOf } from './steps.ts';
import { type Settings, type Surroundings, updatesOf } from './updates.ts';

const { stdout, stderr } = process;

try {
  const options = foreignOptions(process.argv.slice(2));
  if (options.help) stdout.write(HELP);
  else process.exitCode = await foreign(options, endpointOf(process.env));
} catch (error) {
  const isUsage = error instanceof UsageError;
  stderr.write(`foreign: ${isUsage ? error.message : String(error)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}

/** @returns the exit code. */
async function foreign(options: ForeignOptions, endpoint: Endpoint): Promise<number> {
  const id = randomBytes(4).toString('hex');
  const around = await makeSurroundings(endpoint, id);
  const updates = selectedUpdates(around, options.only);
  const folder = await mkdtemp(join(tmpdir(), 'foreign-'));
  try {
    await using programs = await openPrograms(
      options.log,
      // A folder of the CDK's own for this run: it keeps the account of an access key, and each server has another.
      { ...process.env, HOME: folder, CDK_HOME: folder, AWS_PROFILE: undefined, NO_COLOR: '1' },
      options.timeout,
    );
    const steps = stepsOf(
      programs,
      {
        base: { stackName: `Foreign${id}`, terminationProtection: 'false' },
        output: join(folder, 'cdk.out'),
        environment: `aws://${around.account}/${around.region}`,
      },
      updates,
    );
    stdout.write(`${steps.length} steps on ${endpoint.AWS_ENDPOINT_URL}; log: ${options.log}\n`);
    const results = await runSteps(steps, (result) => stdout.write(`${lineOf(result)}\n`));
    stdout.write(summaryOf(results));
    return results.every(({ outcome }) => outcome === 'passed') ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws {UsageError} when there is no setting of a name. */
function selectedUpdates(
  around: Surroundings,
  only: readonly string[] | undefined,
): ReadonlyMap<string, Settings> {
  const all = new Map<string, Settings>(Object.entries(updatesOf(around)));
  const unknown = only?.find((name) => !all.has(name));
  if (unknown !== undefined) throw new UsageError(`--only names ${unknown}, which is no setting to update`);
  return only === undefined ? all : new Map([...all].filter(([name]) => only.includes(name)));
}

/** Makes what some settings name. The account is the one in the ARN of the secret. */
async function makeSurroundings({ AWS_REGION: region }: Endpoint, id: string): Promise<Surroundings> {
  const bucket = `foreign-${id}`;
  const s3 = new S3Client({ forcePathStyle: true });
  const secrets = new SecretsManagerClient({});
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const { ARN: secretArn = '' } = await secrets.send(
      new CreateSecretCommand({ Name: `foreign-${id}`, SecretString: randomBytes(16).toString('hex') }),
    );
    const [, , , , account = ''] = secretArn.split(':');
    return { account, region, bucket, secretArn };
  } finally {
    s3.destroy();
    secrets.destroy();
  }
}

function lineOf({ name, outcome, seconds, note }: StepResult): string {
  const time = outcome === 'skipped' ? '' : `${seconds.toFixed(1)} s`;
  return `${outcome.padEnd(8)}${name.padEnd(34)}${time.padStart(8)}  ${note}`.trimEnd();
}

function summaryOf(results: readonly StepResult[]): string {
  const bad = results.filter(({ outcome }) => outcome !== 'passed');
  const counts = Map.groupBy(results, ({ outcome }) => outcome);
  const total = [...counts].map(([outcome, { length }]) => `${length} ${outcome}`).join(', ');
  return `\n${[...bad.map(lineOf), `${results.length} steps: ${total}`].join('\n')}\n`;
}
