import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, it, onTestFinished } from 'vitest';
import { createChaos } from '../soak/chaos.ts';
import { createPoster } from '../soak/post.ts';
import { seededRandom } from '../soak/random.ts';
import { waitForEnd } from '../soak/settle.ts';
import { verify } from '../soak/verify.ts';
import { failedJob, notificationOf } from '../soak/workload.ts';
import { startWorld } from '../soak/world.ts';

const MAIN = new URL('../soak/main.ts', import.meta.url).pathname;

/** Runs a soak; a failed one rejects with its report in the message. */
async function soak(...options: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    '--json',
    '--timeout',
    '1.8',
    ...options,
  ]);
  return JSON.parse(stdout);
}

it('a burst with repetitions, killed workers and failing servers: every file once, every failure once', async () => {
  const report = await soak('--notifications', '120', '--kills', '0.1', '--errors', '0.1', '--seed', '4711');

  expect(report).toMatchObject({
    ok: true,
    jobs: 84,
    settling: { isDone: true },
    verification: { faults: [], heard: { events: { 'primary-failure': 84 } } },
  });
  expect(report.verification.recovered).toBe(report.verification.files);
  expect(report.injected['workers killed']).toBeGreaterThan(0);
  expect(report.injected['errors of DynamoDB']).toBeGreaterThan(0);
});

it('what cannot be understood ends with code 2, without a stack being started', async () => {
  await expect(soak('--kills', '2')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--kills must be a number from 0 to 0.5'),
  });
});

it('its verdict notices a missing, an altered and a stray object, an unknown job and a missing event', async () => {
  const random = seededRandom(1);
  const world = await startWorld(createChaos({ kills: 0, errors: 0 }, random));
  onTestFinished(() => world.close());
  const { clients, outputs, notificationUrl } = world.stack;
  const [missing, altered, untold] = [0, 1, 2].map((index) => failedJob(index, random));
  if (missing === undefined || altered === undefined || untold === undefined) throw new Error('no jobs');
  const poster = createPoster(notificationUrl, 2);
  onTestFinished(() => poster.close());
  for (const job of [missing, altered]) {
    for (const file of job.files) await world.keep(file);
    await poster.post(notificationOf(job, 'output', world.sign));
  }
  await waitForEnd(world, Date.now() + 60_000, () => undefined);
  const Bucket = outputs.BucketName;
  const keyOf = (jobId: number) => `zencoder-recovery/${jobId}/${jobId * 10}/media/video.mp4`;
  await clients.s3.send(new DeleteObjectCommand({ Bucket, Key: keyOf(missing.jobId) }));
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: keyOf(altered.jobId), Body: 'altered' }));
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'stray', Body: 'stray' }));

  const heard = { events: { 'primary-failure': 2 }, repeated: 0 };
  const { faults } = await verify(world.stack, [missing, altered, untold], heard);

  expect(faults).toEqual(
    expect.arrayContaining([
      `video.mp4 of job ${missing.jobId} is not in the bucket`,
      `${keyOf(altered.jobId)} is not what Zencoder kept`,
      `job ${untold.jobId} has 0 primary failures instead of 1`,
      '2 different events of type primary-failure instead of 3',
      expect.stringMatching(/^\d+ objects are in the bucket for \d+ files$/),
    ]),
  );
});
