import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type S3Server, startS3 } from '../../../../infra/local/aws/s3/server.ts';
import { type Destination, startDestination } from '../../../../infra/local/zencoder/destination.ts';
import { startZencoder, type Zencoder } from '../../../../infra/local/zencoder/zencoder.ts';
import { DAY_MS, HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { type PostedOutput, type Receiver, startReceiver } from './receiver.ts';

const MEDIA = new URL('../../../fixtures/media/', import.meta.url);
const CLIP = new URL('clip.mp4', MEDIA);
const BUCKET = 'zencoder-temp-storage-us-east-1';
const ACCOUNT = { accessKeyId: 'AKIAZENCODERSTANDIN0', secretAccessKey: 'secret' };
const UNRESOLVABLE = 'ftp://render:n0t-real@media.acme.invalid/shows/web.mp4';

let directory: string;
let s3: S3Server;
let destination: Destination;
let receiver: Receiver;
let zencoder: Zencoder;
let now: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zencoder-test-'));
  s3 = await startS3({
    dir: directory,
    buckets: [BUCKET],
    credentials: { [ACCOUNT.accessKeyId]: ACCOUNT.secretAccessKey },
    now: () => now,
  });
  destination = await startDestination((path) => (path.endsWith('frame_0001.png') ? 'denies' : 'takes'));
});

afterAll(async () => {
  await Promise.all([s3.close(), destination.close()]);
  await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  now = Date.parse('2026-03-14T10:00:58Z');
  receiver = await startReceiver(() => 202);
  zencoder = await startZencoder({
    notificationUrls: [receiver.url],
    storage: { ...ACCOUNT, origin: s3.origin },
    primary: { s3: { ...ACCOUNT, origin: destination.origin }, timeout: 1_000 },
    now: () => now,
    retrySchedule: () => 1,
  });
});

afterEach(async () => {
  await zencoder.close();
  await receiver.close();
});

describe('an output whose upload failed', () => {
  test('is stored under a random key of the day and can be fetched by its signed URL', async () => {
    const { delivered, files } = await zencoder.createJob({
      outputs: [{ url: UNRESOLVABLE, file: CLIP, md5: true }],
    });
    await delivered;

    const { output } = receiver.posted();
    const url = new URL(output.url);
    const fetched = await fetch(output.url);
    const bytes = Buffer.from(await fetched.arrayBuffer());

    expect(url.pathname).toMatch(new RegExp(`^/${BUCKET}/o/20260314/[0-9a-f]{32}/[0-9a-f]{32}\\.mp4$`));
    expect(bytes.equals(await readFile(CLIP))).toBe(true);
    expect(output.md5_checksum).toBe(createHash('md5').update(bytes).digest('hex'));
    expect(output.file_size_in_bytes).toBe(bytes.length);
    expect(files[0]).toMatchObject({ role: 'media', address: `${s3.origin}${url.pathname}` });
  });

  test('is finished, with flag, link and message of the failure', async () => {
    const { delivered } = await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] });
    await delivered;

    expect(receiver.posted()).toMatchObject({
      job: { state: 'finished' },
      output: {
        state: 'finished',
        backup_server_used: true,
        primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UnableToResolveHostError',
        primary_upload_error_message: expect.stringContaining('ftp://media.acme.invalid'),
      },
    });
  });

  test('sends its remaining files to the backup storage too: one set of thumbnails on two hosts', async () => {
    const { delivered } = await zencoder.createJob({
      outputs: [
        {
          url: `${destination.origin}/web.mp4`,
          file: CLIP,
          thumbnails: [{ label: 'strip', baseUrl: `${destination.origin}/strip`, files: frames(3) }],
        },
      ],
    });
    await delivered;

    const { output } = receiver.posted();
    const hosts = imagesOf(output).map((url) => url.origin);
    expect(hosts).toEqual([destination.origin, s3.origin, s3.origin]);
    expect(output.url).toBe(`${destination.origin}/web.mp4`);
    expect(output).not.toHaveProperty('primary_upload_error_link');
    expect(output.primary_thumbnail_upload_error_link).toMatch(/UploadAccessDeniedError$/);
    expect(imagesOf(output)[2]?.pathname).toMatch(/\/[0-9a-f]{32}\/frame_0002\.png$/);
  });

  test('sends later thumbnails to the backup without an error of their own, unless both go at once', async () => {
    const output = {
      url: UNRESOLVABLE,
      file: CLIP,
      thumbnails: [{ baseUrl: 'ftp://media.acme.invalid/thumbs', files: frames(1) }],
    };
    await (await zencoder.createJob({ outputs: [output] })).delivered;
    await (await zencoder.createJob({ outputs: [{ ...output, transfers: 'at-once' }] })).delivered;

    const [inTurn, atOnce] = [receiver.posted(0), receiver.posted(1)];
    expect(inTurn.output).not.toHaveProperty('primary_thumbnail_upload_error_link');
    expect(atOnce.output.primary_thumbnail_upload_error_link).toMatch(/UnableToResolveHostError$/);
  });

  test('is stored as one ZIP when it is segmented; the stated size is that of the media, not the ZIP', async () => {
    const segments = ['init.mp4', 'hls-180_00000.m4s', 'hls-180_00001.m4s', 'hls-180_00002.m4s'];
    const { delivered, files } = await zencoder.createJob({
      outputs: [
        {
          type: 'segmented',
          url: 'ftp://media.acme.invalid/hls-180.m3u8',
          file: new URL('hls/hls-180.m3u8', MEDIA),
          segments: segments.map((name) => ({ name, file: new URL(`hls/${name}`, MEDIA) })),
          package: new URL('hls.zip', MEDIA),
        },
      ],
    });
    await delivered;

    const { output } = receiver.posted();
    const zip = Buffer.from(await (await fetch(output.url)).arrayBuffer());
    expect(new URL(output.url).pathname).toMatch(/\.zip$/);
    expect(zip.subarray(0, 2).toString()).toBe('PK');
    expect(output.file_size_in_bytes).toBe(52_320);
    expect(files[0]?.size).toBe(zip.length);
  });

  test('is uploaded to the secondary URL first, if there is one', async () => {
    const secondaryUrl = `${destination.origin}/second/web.mp4`;
    const { delivered } = await zencoder.createJob({
      outputs: [{ url: UNRESOLVABLE, secondaryUrl, file: CLIP }],
    });
    await delivered;

    expect(receiver.posted().output).toMatchObject({ url: secondaryUrl, backup_server_used: true });
  });

  test('fails as a whole when the backup storage fails too', async () => {
    s3.setFaults(() => ({ status: 500, code: 'InternalError' }));
    const { job } = await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] });
    s3.setFaults(undefined);

    expect(job.state).toBe('failed');
    expect(job.outputs[0]).toMatchObject({
      state: 'failed',
      backupServerUsed: false,
      file: null,
      failure: { errorClass: 'UnableToResolveHostError' },
    });
  });
});

test('an output that reached its destination has no backup fields at all', async () => {
  const { delivered } = await zencoder.createJob({
    outputs: [{ url: 's3://acme-video-out/web.mp4', file: CLIP }],
  });
  await delivered;

  const { output } = receiver.posted();
  expect(output.url).toBe('http://acme-video-out.s3.amazonaws.com/web.mp4');
  expect(Object.keys(output).filter((name) => /backup|primary/.test(name))).toEqual([]);
});

test('an output without a destination is on the temporary storage, which is no failure', async () => {
  const { delivered } = await zencoder.createJob({ outputs: [{ file: CLIP }] });
  await delivered;

  const { output } = receiver.posted();
  expect(output.url).toContain(`/${BUCKET}/o/`);
  expect(output).not.toHaveProperty('backup_server_used');
});

test('a job notification lists all outputs and follows those of the outputs', async () => {
  const { delivered, job } = await zencoder.createJob({
    notifications: 'both',
    passThrough: 'asset:1',
    outputs: [
      { label: 'a', url: UNRESOLVABLE, file: CLIP },
      { label: 'b', url: `${destination.origin}/b.mp4`, file: CLIP },
    ],
  });
  await delivered;

  const whole = receiver.posted(receiver.received.findIndex(({ body }) => body.startsWith('{"outputs"')));
  expect(whole.outputs.map(({ label }) => label)).toEqual(['a', 'b']);
  expect(whole.job).toMatchObject({ id: job.id, pass_through: 'asset:1', state: 'finished' });
  expect(zencoder.deliveries.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
    'output delivered',
    'output delivered',
    'job delivered',
  ]);
});

describe('the documented fields', () => {
  test('are those of an output notification', async () => {
    const { delivered } = await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] });
    await delivered;

    const ours = receiver.posted();
    const documented = await sample('02-v2-output-backup-video-host-unresolved.json');
    expect(shape(ours)).toEqual(shape(documented));
  });

  test('are those of both error pairs and thumbnails', async () => {
    const { delivered } = await zencoder.createJob({
      outputs: [
        {
          url: UNRESOLVABLE,
          file: CLIP,
          transfers: 'at-once',
          thumbnails: [{ label: 'poster', baseUrl: 'ftp://media.acme.invalid/thumbs', files: frames(1) }],
        },
      ],
    });
    await delivered;

    const documented = await sample('04-v2-output-backup-video-and-thumbnails.json');
    expect(shape(receiver.posted())).toEqual(shape(documented));
  });

  test('are those of the API response for a job', async () => {
    const { job } = await zencoder.createJob({
      notifications: 'none',
      outputs: [{ url: UNRESOLVABLE, file: CLIP }],
    });

    const response = await fetch(`${zencoder.apiUrl}/jobs/${job.id}?api_key=${zencoder.apiKeys[0]?.key}`);

    const documented = await sample('20-api-get-job-details-after-backup-url-resigned.json');
    expect(shape(await response.json())).toEqual(shape(documented));
  });
});

describe('signed URLs', () => {
  test('expire 24 h after the output finished, however late they are signed', async () => {
    const { job } = await zencoder.createJob({
      notifications: 'none',
      outputs: [{ url: UNRESOLVABLE, file: CLIP }],
    });
    now += 4 * HOUR_MS;
    await zencoder.notifyAgain(job);

    const url = new URL(receiver.posted().output.url);
    expect(url.searchParams.get('X-Amz-Date')).toBe('20260314T140058Z');
    expect(url.searchParams.get('X-Amz-Expires')).toBe(String(20 * 3600));
    expect((await fetch(url)).status).toBe(200);
    now += 20 * HOUR_MS + 1_000;
    expect((await fetch(url)).status).toBe(403);
  });

  test('state 86399 seconds at first, as recorded URLs do', async () => {
    await (await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] })).delivered;

    expect(new URL(receiver.posted().output.url).searchParams.get('X-Amz-Expires')).toBe('86399');
  });

  test('can have version 2 signatures', async () => {
    await (await zencoder.createJob({ signature: 'v2', outputs: [{ url: UNRESOLVABLE, file: CLIP }] }))
      .delivered;

    const url = new URL(receiver.posted().output.url);
    expect([...url.searchParams.keys()].toSorted()).toEqual(['AWSAccessKeyId', 'Expires', 'Signature']);
    expect((await fetch(url)).status).toBe(200);
  });

  test('cannot be fetched once the files are deleted', async () => {
    const { job } = await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] });
    now += DAY_MS;

    expect(await zencoder.removeExpired()).toBe(1);
    const [output] = job.outputs;
    if (output?.file == null) throw new Error('no file');
    expect((await fetch(zencoder.urlOf(job, output, output.file))).ok).toBe(false);
    expect(await zencoder.removeExpired()).toBe(0);
  });
});

test('withheld notifications never arrive, and the API still returns the output with a fresh URL', async () => {
  zencoder.withholdNotifications = true;
  const { job } = await zencoder.createJob({ outputs: [{ url: UNRESOLVABLE, file: CLIP }] });
  now += HOUR_MS;

  const response = await fetch(`${zencoder.apiUrl}/outputs/${job.outputs[0]?.id}`, {
    headers: { 'zencoder-api-key': zencoder.apiKeys[0]?.key ?? '' },
  });
  const output: unknown = await response.json();

  expect(receiver.received).toEqual([]);
  expect(zencoder.deliveries).toMatchObject([{ state: 'withheld' }]);
  expect(output).toMatchObject({
    backup_server_used: true,
    file_size_in_bytes: 111_776,
    url: expect.stringContaining('X-Amz-Expires=82800'),
  });
});

function imagesOf(output: PostedOutput): URL[] {
  return (output.thumbnails ?? []).flatMap(({ images }) => images.map(({ url }) => new URL(url)));
}

async function sample(name: string): Promise<unknown> {
  return JSON.parse(
    await readFile(new URL(`../../../fixtures/notifications/${name}`, import.meta.url), 'utf8'),
  );
}

/** Paths of all fields; the elements of a list count as one. */
function shape(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value)
    ? value.flatMap((element) => shape(element, `${path}[]`))
    : Object.entries(value).flatMap(([name, field]) => shape(field, path === '' ? name : `${path}.${name}`));
  return [...new Set(inner)].toSorted();
}

function frames(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    name: `frame_000${index}.png`,
    file: new URL(`frame_000${index}.png`, MEDIA),
  }));
}
