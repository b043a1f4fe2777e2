import { createHash } from 'node:crypto';
import type { Random } from './random.ts';

/** One file that Zencoder keeps. */
export interface KeptFile {
  /** Path in the backup bucket. */
  readonly path: string;
  readonly role: 'media' | 'thumbnail';
  readonly body: Buffer;
  /** Hex. */
  readonly md5: string;
}

/** A job of one output whose upload failed. */
export interface FailedJob {
  readonly jobId: number;
  readonly outputId: number;
  readonly files: readonly KeptFile[];
}

/** What a run has to end with. */
export interface Expected {
  readonly jobs: readonly FailedJob[];
  /** Ids of jobs whose first notification has URLs that the source refuses. */
  readonly refusedJobs: ReadonlySet<number>;
}

/** Signs the URL of a kept file; each time with another signature. */
export type Sign = (path: string) => string;

const FIRST_JOB = 2_000_000_000;
const THUMBNAILS = 0.15;
/** Files beyond one part, which are copied by multipart upload. */
const LARGE = 1 / 200;
const LARGE_BYTES = 18 * 2 ** 20;

/** Jobs whose files are small, but for a few. The content of each file is its own. */
export function failedJob(index: number, random: Random): FailedJob {
  const jobId = FIRST_JOB + index;
  const file = (role: KeptFile['role'], name: string): KeptFile => {
    const isLarge = role === 'media' && random.chance(LARGE);
    const body = random.bytes(isLarge ? LARGE_BYTES + random.below(1000) : 100 + random.below(4000));
    const md5 = createHash('md5').update(body).digest('hex');
    return { path: `o/20261122/${jobId}/${name}`, role, body, md5 };
  };
  const thumbnails = random.chance(THUMBNAILS)
    ? [file('thumbnail', 'frame_0000.png'), file('thumbnail', 'frame_0001.png')]
    : [];
  return { jobId, outputId: jobId * 10, files: [file('media', 'video.mp4'), ...thumbnails] };
}

/** The body of a notification of the job, of either kind, its URLs signed now. */
export function notificationOf(job: FailedJob, kind: 'output' | 'job', sign: Sign): string {
  const media = job.files.find(({ role }) => role === 'media');
  const images = job.files
    .filter(({ role }) => role === 'thumbnail')
    .map(({ path }) => ({ url: sign(path) }));
  const output = {
    id: job.outputId,
    label: 'soak',
    state: 'finished',
    type: 'standard',
    url: media === undefined ? null : sign(media.path),
    file_size_in_bytes: media?.body.length ?? null,
    md5_checksum: media?.md5 ?? null,
    ...(images.length > 0 && { thumbnails: [{ label: 'strip', images }] }),
    backup_server_used: true,
    primary_upload_error_link: 'https://app.zencoder.com/docs/errors/UploadAccessDeniedError',
    primary_upload_error_message: 'Access was denied while uploading to s3://acme-video-out/soak.mp4.',
  };
  const head = { id: job.jobId, state: 'finished', test: false, pass_through: `soak:${job.jobId}` };
  return JSON.stringify(kind === 'output' ? { output, job: head } : { outputs: [output], job: head });
}

/** One notification of the burst. */
export interface Posting {
  readonly job: FailedJob;
  readonly kind: 'output' | 'job';
  /** Whether the source refuses its URLs. A later notification of the job has good ones. */
  readonly isRefused: boolean;
}

/**
 * The burst in its order: every job at least once, then repetitions of jobs strewn in at random, before or long after
 * the first, by either kind of notification.
 *
 * @param refused share of the jobs with several notifications whose first one has URLs that the source refuses.
 */
export function burstOf(
  jobs: readonly FailedJob[],
  { count, refused, random }: { readonly count: number; readonly refused: number; readonly random: Random },
): Posting[] {
  const kind = () => (random.chance(0.5) ? ('output' as const) : ('job' as const));
  const burst = jobs.map((job): Posting => ({ job, kind: kind(), isRefused: false }));
  while (burst.length < count) {
    const job = jobs[random.below(jobs.length)];
    if (job === undefined) break;
    const at = random.below(burst.length + 1);
    burst.splice(at, 0, { job, kind: kind(), isRefused: false });
  }
  const byJob = [...Map.groupBy(burst, ({ job }) => job.jobId).values()];
  const repeated = byJob.flatMap(([first, ...later]) =>
    first !== undefined && later.length > 0 ? [first] : [],
  );
  const refusals = new Set(repeated.filter(() => random.chance(refused)));
  return burst.map((posting) => ({ ...posting, isRefused: refusals.has(posting) }));
}
