import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, type RunningStack, startRunningStack } from '../support/running-stack.ts';
import { sampleText } from '../support/samples.ts';

let running: RunningStack;
beforeAll(async () => {
  running = await startRunningStack();
});
afterAll(() => running?.close());

const STORAGE_URL =
  /https:\/\/zencoder-(?:temp-storage-us-east-1|live)\.s3\.amazonaws\.com(?::443)?\/([^"?]+)\?[^"]*/g;

/** The sample with its backup files really there: same paths, on the storage of this test, signed now. */
async function living(number: string): Promise<{ body: string; files: Map<string, Uint8Array> }> {
  const text = sampleText(number);
  const paths = [...text.matchAll(STORAGE_URL)].map(([, path = '']) => path);
  const files = new Map(paths.map((path) => [path, createHash('sha512').update(path).digest()]));
  for (const [path, content] of files) await running.keep(decodeURIComponent(path), content);
  // The files of the samples' sizes and checksums do not exist.
  const body = text
    .replace(STORAGE_URL, (_, path: string) => running.sign(path))
    .replaceAll(/"(file_size_in_bytes|file_size_bytes)": \d+/g, '"$1": null')
    .replaceAll(/"md5_checksum": "[0-9a-f]+"/g, '"md5_checksum": null');
  return { body, files };
}

/** What is to be seen in the ledger of a sample's job: the recovered keys and the errors. */
interface Expected {
  readonly sample: string;
  readonly status: number;
  readonly job: string;
  readonly errors: readonly string[];
  readonly keys: readonly RegExp[];
}

const EXPECTED: readonly Expected[] = [
  { sample: '01', status: 200, job: '1702336501', errors: [], keys: [] },
  {
    sample: '02',
    status: 202,
    job: '1702340023',
    errors: ['media UnableToResolveHostError'],
    keys: [/\/4310552117\/media\/d20028aa2649413275d3f2daf45ab066\.mp4$/],
  },
  {
    sample: '03',
    status: 202,
    job: '172377',
    errors: ['media UploadServerNotFoundError'],
    keys: [/\/235991\/media\/4931db747f43aba8e57319b7e0f93bca\.mp4$/],
  },
  {
    sample: '04',
    status: 202,
    job: '1702455310',
    errors: ['media UploadAccessDeniedError', 'thumbnail UploadAccessDeniedError'],
    keys: [
      /\/media\/be8cbef37e13c4a7016b51a2fbc7d973\.mp4$/,
      /\/thumbnail\/poster\/frame_0000\.png$/,
      /\/thumbnail\/strip\/frame_0000\.png$/,
      /\/thumbnail\/strip\/frame_0001\.png$/,
      /\/thumbnail\/strip\/frame_0002\.png$/,
    ],
  },
  {
    sample: '05',
    status: 202,
    job: '1702466120',
    errors: ['thumbnail S3BucketNotFoundError'],
    keys: [0, 1, 2, 3].map((frame) => new RegExp(`/thumbnail/frame_000${frame}\\.png$`)),
  },
  {
    sample: '06',
    status: 202,
    job: '1702470555',
    errors: ['thumbnail UploadTimeoutError'],
    keys: [/\/thumbnail\/strip\/frame_0002\.jpg$/, /\/thumbnail\/strip\/frame_0003\.jpg$/],
  },
  {
    sample: '07',
    status: 202,
    job: '1702588800',
    errors: ['media UploadFailureError'],
    keys: [/\/4310790002\/media\//],
  },
  {
    sample: '08',
    status: 202,
    job: '1702601010',
    errors: ['media UploadAccessDeniedError'],
    keys: [/\/4310801101\/media\//],
  },
  {
    sample: '09',
    status: 202,
    job: '1702612345',
    errors: ['media UploadTimeoutError'],
    keys: [/\/4310815512\/media\/7b739b68c8d358cf353338918ba4fcf8\.zip$/],
  },
  {
    // The job notification of the same job: the output of 09 once more, with a new signature.
    sample: '10',
    status: 202,
    job: '1702612345',
    errors: ['media UploadTimeoutError'],
    keys: [/\/4310815512\/media\/7b739b68c8d358cf353338918ba4fcf8\.zip$/],
  },
  {
    sample: '11',
    status: 202,
    job: '1702700900',
    errors: ['media AkamaiNetStorageFileSizeError'],
    keys: [/\/4310920044\/media\/ep-109\.zip$/],
  },
  {
    sample: '12',
    status: 202,
    job: '1702711220',
    errors: ['media InvalidAccessKeyIdError'],
    keys: [/\/4310930210\/media\/8566a5db8cbb13e0f9e768ae6e524d96\.vtt$/],
  },
  { sample: '13', status: 202, job: '1702722231', errors: ['media UploadServerNotFoundError'], keys: [] },
  { sample: '14', status: 200, job: '1702733342', errors: [], keys: [] },
  { sample: '15', status: 200, job: '1702744453', errors: [], keys: [] },
  { sample: '16', status: 202, job: '1702755564', errors: ['media UploadFailureError'], keys: [] },
  { sample: '17', status: 200, job: '1702766675', errors: [], keys: [] },
  { sample: '18', status: 200, job: '1702777786', errors: [], keys: [] },
  { sample: '19', status: 202, job: '335901', errors: ['media UploadAccessDeniedError'], keys: [] },
];

describe('the documented samples, posted to the running stack', () => {
  it.each(EXPECTED)('has the outcome that $sample documents', async (expected) => {
    const { body, files } = await living(expected.sample);

    const response = await running.post(body);
    await running.idle();
    const { failures, recoveries } = await running.settled(expected.job, expected.keys.length);

    expect(response.status).toBe(expected.status);
    expect(failures.map(({ role, errorClass }) => `${role} ${errorClass}`).toSorted()).toEqual(
      expected.errors,
    );
    expect(recoveries.map(({ state }) => state)).toEqual(expected.keys.map(() => 'recovered'));
    const keys = (await running.keys(`zencoder-recovery/${expected.job}/`)).toSorted();
    expect(keys).toHaveLength(expected.keys.length);
    for (const pattern of expected.keys) expect(keys).toContainEqual(expect.stringMatching(pattern));
    const digests = await Promise.all(keys.map(running.digest));
    expect(digests.toSorted()).toEqual([...files.values()].map(digestOf).toSorted().slice(0, keys.length));
  });
});
