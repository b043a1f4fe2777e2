import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startS3 } from '../aws/s3/server.ts';
import type { Clock } from '../clock.ts';
import type { JobRequest } from '../zencoder/job.ts';
import { outputNotification } from '../zencoder/payload.ts';
import { startZencoder } from '../zencoder/zencoder.ts';

const BUCKET = 'zencoder-temp-storage-us-east-1';
const CLIP = new URL('../../../test/fixtures/media/clip.mp4', import.meta.url);
/** `.invalid` resolves nowhere: the upload fails for real. */
const DESTINATION = 'ftp://encoder:secret@media.acme.invalid/videos/clip.mp4';

/** A Zencoder that fails to upload. It runs before the stack, whose settings name its storage and its API. */
export interface ZencoderSide {
  /** For `ZENCODER_STORAGE`: the documented buckets and this one. */
  readonly allowList: string;
  readonly apiUrl: string;
  /** An API key with full access. */
  readonly apiKey: string;
  /** A job whose upload fails; Zencoder notifies of it by itself. @returns the job's id */
  runJob(notificationUrl: string): Promise<string>;
  /** The notification of such a job, kept back: the user posts it. */
  keptNotification(): Promise<string>;
  close(): Promise<void>;
}

/** Starts the Zencoder stand-in with its backup storage. */
export async function startZencoderSide(directory: string, clock: Clock): Promise<ZencoderSide> {
  await using starting = new AsyncDisposableStack();
  const account = { accessKeyId: 'AKIAZENCODERSTANDIN0', secretAccessKey: randomBytes(20).toString('hex') };
  const s3 = await startS3({
    dir: join(directory, 'zencoder'),
    buckets: [BUCKET],
    credentials: { [account.accessKeyId]: account.secretAccessKey },
    now: clock.now,
  });
  starting.defer(() => s3.close());
  const zencoder = await startZencoder({
    storage: { ...account, origin: s3.origin, bucket: BUCKET },
    primary: { timeout: 5000 },
    now: clock.now,
  });
  const job = (request: Pick<JobRequest, 'notifications' | 'notificationUrls'>) =>
    zencoder.createJob({
      ...request,
      passThrough: JSON.stringify({ title: 'A clip' }),
      outputs: [{ label: 'web', url: DESTINATION, file: CLIP }],
    });
  starting.defer(() => zencoder.close());
  const running = starting.move();
  return {
    allowList: `${BUCKET},zencoder-live,${s3.origin}/${BUCKET}`,
    apiUrl: zencoder.apiUrl,
    apiKey: zencoder.apiKeys.find(({ access }) => access === 'full')?.key ?? '',
    async runJob(notificationUrl) {
      const { job: done } = await job({ notifications: 'both', notificationUrls: [notificationUrl] });
      return String(done.id);
    },
    async keptNotification() {
      const { job: done } = await job({ notifications: 'none' });
      const [output] = done.outputs;
      if (output === undefined) throw new Error('the job has no output');
      return JSON.stringify(outputNotification(done, output, zencoder.urlOf), null, 2);
    },
    close: () => running.disposeAsync(),
  };
}
