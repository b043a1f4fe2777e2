import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { startS3 } from '../s3/server.ts';
import { outputNotification } from '../zencoder/payload.ts';
import { startZencoder } from '../zencoder.ts';

const BUCKET = 'zencoder-temp-storage-us-east-1';
const CLIP = new URL('../../../test/fixtures/media/clip.mp4', import.meta.url);
/** `.invalid` resolves nowhere: the upload fails for real. */
const DESTINATION = 'ftp://encoder:secret@media.acme.invalid/videos/clip.mp4';

/** Zencoder's backup storage, before the stack runs: its address belongs on the stack's allow-list. */
export interface BackupStorage {
  /** For `ZENCODER_STORAGE`: the documented buckets and this one. */
  readonly allowList: string;
  /** Starts the stand-in once it is known where notifications go. */
  connect(notificationUrl: string): Promise<ZencoderSide>;
  close(): Promise<void>;
}

/** A Zencoder that fails to upload. */
export interface ZencoderSide {
  readonly apiUrl: string;
  /** A job whose upload fails; Zencoder notifies of it by itself. Gives the job's id. */
  runJob(): Promise<string>;
  /** The notification of such a job, kept back: somebody else is to post it. */
  keptNotification(): Promise<string>;
  close(): Promise<void>;
}

/** Starts the storage part of the Zencoder stand-in. */
export async function startBackupStorage(directory: string, clock: Clock): Promise<BackupStorage> {
  const account = { accessKeyId: 'AKIAZENCODERSTANDIN0', secretAccessKey: randomBytes(20).toString('hex') };
  const s3 = await startS3({
    dir: join(directory, 'zencoder'),
    buckets: [BUCKET],
    credentials: { [account.accessKeyId]: account.secretAccessKey },
    now: clock.now,
  });
  return {
    allowList: `${BUCKET},zencoder-live,${s3.origin}/${BUCKET}`,
    close: () => s3.close(),
    async connect(notificationUrl) {
      const zencoder = await startZencoder({
        notificationUrls: [notificationUrl],
        storage: { ...account, origin: s3.origin, bucket: BUCKET },
        primary: { timeout: 5000 },
        now: clock.now,
      });
      const job = (notifications: 'both' | 'none') =>
        zencoder.createJob({
          notifications,
          passThrough: JSON.stringify({ title: 'A clip' }),
          outputs: [{ label: 'web', url: DESTINATION, file: CLIP }],
        });
      return {
        apiUrl: zencoder.apiUrl,
        async runJob() {
          const { job: done } = await job('both');
          return String(done.id);
        },
        async keptNotification() {
          const { job: done } = await job('none');
          const [output] = done.outputs;
          if (output === undefined) throw new Error('the job has no output');
          return JSON.stringify(outputNotification(done, output, zencoder.urlOf), null, 2);
        },
        close: () => zencoder.close(),
      };
    },
  };
}
