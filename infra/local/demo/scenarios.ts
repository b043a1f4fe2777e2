import { readFile } from 'node:fs/promises';
import type { Role } from '../../../lambda/shared/zencoder/model.ts';
import { fileIdOf } from '../../../lambda/shared/zencoder/signed-url.ts';
import type { Destination } from '../zencoder/destination.ts';
import type { JobRequest, NamedFile, Output } from '../zencoder/job.ts';
import { pseudoRandom } from '../zencoder/source.ts';
import type { JobReport, Zencoder } from '../zencoder/zencoder.ts';

const FIXTURES = new URL('../../../test/fixtures/', import.meta.url);
const CLIP = new URL('media/clip.mp4', FIXTURES);
const POSTER = new URL('media/poster.jpg', FIXTURES);
const SAMPLE = new URL('notifications/02-v2-output-backup-video-host-unresolved.json', FIXTURES);
const LARGE = 80 * 2 ** 20;

/** What the scenarios run against. */
export interface ScenarioServers {
  readonly zencoder: Zencoder;
  /** The customer's own server; see {@link behaviourOf}. */
  readonly destination: Destination;
  /** A port of this machine on which nothing listens. */
  readonly closedPort: number;
}

/** A file that the scenario expects in the ledger, and in the bucket if it is to be recovered. */
export interface ExpectedFile {
  readonly jobId: string;
  readonly outputId: string;
  readonly role: Role;
  readonly fileId: string;
  readonly name: string;
  readonly outcome: 'recovered' | 'lost';
  readonly size: number;
  /** What Zencoder uploaded, lower-case hex; null for a file that no longer exists. */
  readonly sha256: string | null;
}

export interface ExpectedFailure {
  readonly jobId: string;
  readonly outputId: string;
  readonly role: Role;
  readonly errorClass: string;
}

/** What has to be true after a scenario. */
export interface Expectation {
  readonly jobId: string;
  readonly files: readonly ExpectedFile[];
  readonly failures: readonly ExpectedFailure[];
  /** Files that reached the customer's own destination and so need no recovery. */
  readonly onPrimary: number;
  /** Settled once every notification is delivered or abandoned. */
  readonly delivered: Promise<unknown>;
}

export interface Scenario {
  readonly title: string;
  readonly run: (servers: ScenarioServers) => Promise<Expectation>;
}

/** How the customer's server treats an upload, by its path. */
export function behaviourOf(path: string) {
  if (path.includes('/locked/') || path.endsWith('/strip/frame_0002.png')) return 'denies';
  if (path.includes('/overloaded/')) return 'breaks';
  return path.includes('/stuck/') ? 'hangs' : 'takes';
}

export const SCENARIOS: readonly Scenario[] = [
  job('All well: the primary takes everything', ({ destination }) => ({
    passThrough: 'asset:ep-101',
    outputs: [
      {
        label: 'web',
        url: 's3://acme-video-out/shows/ep-101/web.mp4',
        file: CLIP,
        thumbnails: [{ label: 'poster', baseUrl: `${destination.origin}/ep-101`, files: frames(1) }],
      },
    ],
  })),
  job('Video failed: the FTP host does not resolve', () => ({
    passThrough: '{"asset":"ep-102","tenant":"acme"}',
    outputs: [
      {
        label: 'web',
        url: 'ftp://render:n0t-real@media.acme.invalid/shows/ep-102/web.mp4',
        file: CLIP,
        md5: true,
        thumbnails: [
          { label: 'poster', baseUrl: 'ftp://media.acme.invalid/shows/ep-102', files: [poster()] },
        ],
      },
    ],
  })),
  job('Thumbnails only: connection refused, access denied', ({ destination, closedPort }) => ({
    passThrough: 'asset:ep-103',
    outputs: [
      {
        label: 'sd',
        url: `${destination.origin}/shows/ep-103/sd.mp4`,
        file: CLIP,
        thumbnails: [{ baseUrl: `http://127.0.0.1:${closedPort}/shows/ep-103`, files: frames(2) }],
      },
      {
        label: 'hd',
        url: `${destination.origin}/shows/ep-103/hd.mp4`,
        file: CLIP,
        thumbnails: [
          { label: 'strip', baseUrl: `${destination.origin}/shows/ep-103/strip`, files: frames(3) },
        ],
      },
    ],
  })),
  job('Job notification: one of three outputs on backup', () => ({
    passThrough: 'asset:ep-104',
    notifications: 'job',
    outputs: [
      { label: '1080', url: 's3://acme-video-out/shows/ep-104/1080.mp4', file: CLIP },
      { label: '720', url: 's3://acme-archive/locked/ep-104/720.mp4', file: CLIP },
      { label: '360', url: 's3://acme-video-out/shows/ep-104/360.mp4', file: CLIP },
    ],
  })),
  { title: 'Documented sample, months too late', run: runSample },
  job('HLS as one ZIP after a timeout; captions after a 503', ({ destination }) => ({
    passThrough: 'asset:ep-106',
    notifications: 'both',
    outputs: [
      {
        label: 'hls-180',
        type: 'segmented',
        url: `${destination.origin}/stuck/ep-106/hls-180.m3u8`,
        file: new URL('media/hls/hls-180.m3u8', FIXTURES),
        segments: ['init.mp4', 'hls-180_00000.m4s', 'hls-180_00001.m4s', 'hls-180_00002.m4s'].map((name) => ({
          name,
          file: new URL(`media/hls/${name}`, FIXTURES),
        })),
        package: new URL('media/hls.zip', FIXTURES),
      },
      {
        label: 'captions-en',
        type: 'captions',
        url: `${destination.origin}/overloaded/ep-106/captions-en.vtt`,
        file: new URL('media/captions-en.vtt', FIXTURES),
      },
    ],
  })),
  job('A larger file, copied in parts', ({ closedPort }) => ({
    passThrough: 'asset:ep-107',
    outputs: [
      {
        label: 'mezzanine',
        type: 'transfer-only',
        url: `http://127.0.0.1:${closedPort}/ep-107/mezzanine.mov`,
        file: pseudoRandom(LARGE, 'mezzanine'),
      },
    ],
  })),
];

function job(title: string, request: (servers: ScenarioServers) => JobRequest): Scenario {
  return { title, run: async (servers) => expectationOf(await servers.zencoder.createJob(request(servers))) };
}

function expectationOf({ job: done, files, delivered }: JobReport): Expectation {
  const jobId = String(done.id);
  const backups = files.filter(({ place }) => place.kind === 'storage');
  return {
    jobId,
    delivered,
    onPrimary: files.length - backups.length,
    files: backups.map(({ outputId, role, address, name, size, sha256 }) => ({
      jobId,
      outputId,
      role,
      fileId: fileIdOf(address),
      name,
      outcome: 'recovered',
      size,
      sha256,
    })),
    failures: done.outputs.flatMap((output) => failuresOf(jobId, output)),
  };
}

function failuresOf(jobId: string, output: Output): ExpectedFailure[] {
  const about = { jobId, outputId: String(output.id) };
  return [
    ...(output.mediaFailure === null
      ? []
      : [{ ...about, role: 'media' as const, errorClass: output.mediaFailure.errorClass }]),
    ...(output.thumbnailFailure === null
      ? []
      : [{ ...about, role: 'thumbnail' as const, errorClass: output.thumbnailFailure.errorClass }]),
  ];
}

/** Its URL expired long ago, so the file cannot be recovered: the ledger has to say so. */
async function runSample({ zencoder }: ScenarioServers): Promise<Expectation> {
  const body = await readFile(SAMPLE, 'utf8');
  const { job: sampleJob, output }: SamplePayload = JSON.parse(body);
  const about = { jobId: String(sampleJob.id), outputId: String(output.id), role: 'media' as const };
  const url = new URL(output.url);
  return {
    jobId: about.jobId,
    delivered: zencoder.replay(body),
    onPrimary: 0,
    files: [
      {
        ...about,
        fileId: fileIdOf(output.url),
        name: url.pathname.slice(url.pathname.lastIndexOf('/') + 1),
        outcome: 'lost',
        size: output.file_size_in_bytes,
        sha256: null,
      },
    ],
    failures: [{ ...about, errorClass: 'UnableToResolveHostError' }],
  };
}

interface SamplePayload {
  readonly job: { readonly id: number };
  readonly output: { readonly id: number; readonly url: string; readonly file_size_in_bytes: number };
}

function frames(count: number): NamedFile[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `frame_000${index}.png`;
    return { name, file: new URL(`media/${name}`, FIXTURES) };
  });
}

function poster(): NamedFile {
  return { name: 'frame_0000.jpg', file: POSTER };
}
