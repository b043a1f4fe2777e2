import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { createChaos } from '../soak/chaos.ts';
import { startSoakEnvironment } from '../soak/environment.ts';
import { errorsOfHeard, type HeardEvent, listenToEvents } from '../soak/events.ts';
import { createPoster } from '../soak/post.ts';
import { seededRandom } from '../soak/random.ts';
import { waitForEnd } from '../soak/settle.ts';
import { unprovenResponses } from '../soak/unproven.ts';
import { verify } from '../soak/verify.ts';
import { burstOf, failedJob, notificationOf } from '../soak/workload.ts';

const NOTHING = { kills: 0, errors: 0, unproven: 0, missing: 0 };
const MAIN = new URL('../soak/main.ts', import.meta.url).pathname;

/** Runs a soak; a failed one rejects with its report in the message. */
async function soak(...options: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    '--json',
    '--timeout',
    '4',
    ...options,
  ]);
  return JSON.parse(stdout);
}

it('soak recovers a burst under every kind of fault: every file once, every failure once, every event and no false one', {
  timeout: 5 * MINUTE_MS,
}, async () => {
  const shares = [
    '--kills',
    '0.1',
    '--errors',
    '0.1',
    '--unproven',
    '0.2',
    '--missing',
    '0.2',
    '--refused',
    '0.5',
  ];
  const report = await soak('--notifications', '80', ...shares, '--topic', '10', '--seed', '4711');

  expect(report).toMatchObject({
    ok: true,
    jobs: 56,
    settling: { isDone: true },
    verification: { errors: [], heard: { events: { 'primary-failure': 56 } } },
  });
  expect(report.verification.recovered).toBe(report.verification.files);
  expect(report.verification.heard.events['recovery-recovered']).toBe(report.verification.files);
  expect(Object.keys(report.injected)).toEqual(
    expect.arrayContaining([
      'workers killed',
      'errors of DynamoDB',
      'successes of PutObject without proof',
      'files missing at first',
      'signatures refused',
      'refusals of the topic',
    ]),
  );
});

it('npm run soak exits with code 2 on invalid options, without starting a stack', async () => {
  await expect(soak('--kills', '2')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--kills must be a number from 0 to 0.5'),
  });
});

it('verify reports a missing, an altered and an unexpected object, an unfinished upload, an unknown job and a missing event', async () => {
  const random = seededRandom(1);
  const environment = await startSoakEnvironment(createChaos(NOTHING, random));
  onTestFinished(() => environment.close());
  const heard = await listenToEvents(environment.stack);
  const { clients, outputs, notificationUrl } = environment.stack;
  const [missing, altered, untold] = [0, 1, 2].map((index) => failedJob(index, random));
  if (missing === undefined || altered === undefined || untold === undefined) throw new Error('no jobs');
  const poster = createPoster(notificationUrl, 2);
  onTestFinished(() => poster.close());
  for (const job of [missing, altered]) {
    for (const file of job.files) await environment.keep(file);
    await poster.post(notificationOf(job, 'output', environment.sign));
  }
  await waitForEnd(environment, Date.now() + MINUTE_MS, () => undefined);
  const Bucket = outputs.BucketName;
  const keyOf = (jobId: number) => `zencoder-recovery/${jobId}/${jobId * 10}/media/video.mp4`;
  await clients.s3.send(new DeleteObjectCommand({ Bucket, Key: keyOf(missing.jobId) }));
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: keyOf(altered.jobId), Body: 'altered' }));
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'stray', Body: 'stray' }));

  const half = { Bucket, Key: 'half' };
  const { UploadId } = await clients.s3.send(new CreateMultipartUploadCommand(half));
  await clients.s3.send(new UploadPartCommand({ ...half, UploadId, PartNumber: 1, Body: 'half' }));

  const expected = { jobs: [missing, altered, untold], refusedJobs: new Set<number>() };
  const { errors } = await verify(environment, expected, await heard());

  expect(errors).toEqual(
    expect.arrayContaining([
      `video.mp4 of job ${missing.jobId} is not in the bucket`,
      `${keyOf(altered.jobId)} is not what Zencoder kept`,
      `job ${untold.jobId} has 0 primary failures instead of 1`,
      `no event primary-failure of job ${untold.jobId}`,
      '1 multipart uploads with parts are left open',
      expect.stringMatching(/^\d+ objects are in the bucket for \d+ files$/),
    ]),
  );
});

it('verify reports an open recovery and an owed event', async () => {
  const random = seededRandom(1);
  const chaos = createChaos({ ...NOTHING, missing: 1 }, random);
  const environment = await startSoakEnvironment(chaos);
  onTestFinished(() => environment.close());
  const job = failedJob(0, random);
  const poster = createPoster(environment.stack.notificationUrl, 1);
  onTestFinished(() => poster.close());
  for (const file of job.files) await environment.keep(file);
  chaos.begin(() => false);
  chaos.refuseTopic(() => true);
  await poster.post(notificationOf(job, 'output', environment.sign));
  await vi.waitFor(async () => expect(chaos.injected['files missing at first']).toBeGreaterThan(0), 30_000);

  const { errors } = await verify(environment, { jobs: [job], refusedJobs: new Set() }, []);

  expect(errors).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^\d+ recoveries are listed as open$/),
      '1 events are owed',
      `no event recovery-recovered of job ${job.jobId}, video.mp4`,
    ]),
  );
});

describe('unprovenResponses', () => {
  const of = (operation: 'PutObject' | 'CompleteMultipartUpload', uploadId?: string) => ({
    operation,
    uploadId,
  });

  it('returns every kind, with the work not done and done, at most once for each upload', () => {
    const unproven = unprovenResponses(1, seededRandom(1));
    const completions = ['a', 'b', 'c', 'd'].map((id) => unproven(of('CompleteMultipartUpload', id)));
    expect(completions).toMatchObject([
      { response: { status: 200, body: expect.stringMatching(/^\s+<\?xml.*<Error>.*\n$/s) }, isDone: false },
      { response: { status: 200, body: expect.stringContaining('<html>') }, isDone: false },
      { response: { status: 200, body: expect.stringMatching(/^\s+<\?xml.*<Error>.*\n$/s) }, isDone: true },
      { response: { status: 200, body: expect.stringContaining('<html>') }, isDone: true },
    ]);
    expect(unproven(of('CompleteMultipartUpload', 'a'))).toBeUndefined();
    expect([1, 2].map(() => unproven(of('PutObject')))).toEqual([
      { response: { status: 200 }, isDone: false },
      { response: { status: 200 }, isDone: true },
    ]);
  });

  it('returns nothing at a share of 0', () => {
    const unproven = unprovenResponses(0, seededRandom(1));
    expect([unproven(of('PutObject')), unproven(of('CompleteMultipartUpload', 'a'))]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

it('burstOf marks only the first URLs of repeated jobs as denied, never the last ones', () => {
  const random = seededRandom(1);
  const jobs = Array.from({ length: 20 }, (_, index) => failedJob(index, random));
  const burst = burstOf(jobs, { count: 40, refused: 1, random });
  const byJob = [...Map.groupBy(burst, ({ job }) => job.jobId).values()];
  const refusals = byJob.map((postings) => postings.map(({ isRefused }) => isRefused));
  expect(refusals).toEqual(byJob.map((postings) => postings.map((_, at) => at === 0 && postings.length > 1)));
  expect(refusals.flat()).toContain(true);
});

describe('errorsOfHeard', () => {
  const random = seededRandom(1);
  const [job, refused] = [failedJob(0, random), failedJob(1, random)];
  const expected = { jobs: [job, refused], refusedJobs: new Set([refused.jobId]) };
  const right = expected.jobs.flatMap(({ jobId, files }): HeardEvent[] => [
    eventOf('primary-failure', jobId, {}),
    ...files.map(({ path }) => eventOf('recovery-recovered', jobId, { file: fileOf(path) })),
  ]);
  const lost = (jobId: number, errorClass: string) =>
    eventOf('recovery-lost', jobId, { file: { filename: 'video.mp4' }, error: { errorClass } });

  it('accepts each event once or repeatedly', () => {
    expect(errorsOfHeard([...right, ...right], expected)).toEqual([]);
  });

  it('reports a loss event of a recovered file', () => {
    const events = [...right, lost(job.jobId, 'SourceOutOfReach')];
    expect(errorsOfHeard(events, expected)).toEqual([
      `a false event recovery-lost of job ${job.jobId}, video.mp4: SourceOutOfReach`,
    ]);
  });

  it('accepts a loss event only of a file whose first URL was denied', () => {
    expect(errorsOfHeard([...right, lost(refused.jobId, 'SourceOutOfReach')], expected)).toEqual([]);
    expect(errorsOfHeard([...right, lost(refused.jobId, 'SourceNotFound')], expected)).toEqual([
      `a false event recovery-lost of job ${refused.jobId}, video.mp4: SourceNotFound`,
    ]);
  });

  it('reports a failed file, an event of an unknown job, a missing event and a duplicate', () => {
    const [, ...others] = right;
    const failed = eventOf('recovery-failed', job.jobId, { error: { errorClass: 'DestinationConflict' } });
    const stray = eventOf('primary-failure', 7, {});
    const second = { ...eventOf('primary-failure', refused.jobId, {}), id: 'second' };
    expect(errorsOfHeard([...others, failed, stray, second], expected)).toEqual([
      `no event primary-failure of job ${job.jobId}`,
      `2 different events primary-failure of job ${refused.jobId}`,
      `a false event recovery-failed of job ${job.jobId}: DestinationConflict`,
      'a false event primary-failure of job 7: without an error',
    ]);
  });
});

function eventOf(
  type: HeardEvent['type'],
  jobId: number,
  more: Pick<HeardEvent, 'file' | 'error'>,
): HeardEvent {
  const id = `${type} ${jobId} ${more.file?.filename}`;
  return { type, id, job: { id: String(jobId) }, ...more };
}

function fileOf(path: string): { filename: string } {
  return { filename: path.split('/').at(-1) ?? '' };
}
