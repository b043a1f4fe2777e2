import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultHook } from '../../infra/local/aws/s3/faults.ts';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import type { OutputRequest } from '../../infra/local/zencoder/job.ts';
import { type JobReport, startZencoder, type Zencoder } from '../../infra/local/zencoder/zencoder.ts';
import { createZencoderApi, type ZencoderApi } from '../../lambda/shared/zencoder/api.ts';

export const BACKUP_BUCKET = 'zencoder-temp-storage-us-east-1';
export const BACKUP_KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'zencoder-backup-storage',
};
const CLIP = new URL('../fixtures/media/captions-en.vtt', import.meta.url);
const FRAMES = ['frame_0000.png', 'frame_0001.png'].map((name) => ({
  name,
  file: new URL(`../fixtures/media/${name}`, import.meta.url),
}));

/** A Zencoder with its backup storage. */
export interface StandIn {
  readonly zencoder: Zencoder;
  readonly storage: S3Server;
  /** Entry of the allow-list for its storage. */
  readonly allowed: string;
  /** A client with one of the stand-in's keys, or with one that it does not know. */
  readonly api: (access: 'full' | 'read-only' | 'unknown') => ZencoderApi;
  /** A finished job whose outputs could not be uploaded, without notification. */
  readonly failedJob: (...outputs: Partial<OutputRequest>[]) => Promise<JobReport>;
}

export interface StandInOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number;
  readonly notificationUrls?: readonly string[];
  /** What goes wrong in the backup storage. */
  readonly storageFaults?: FaultHook | undefined;
  /** Access key whose signatures the storage accepts besides its own. */
  readonly secondKey?: string | undefined;
}

/** What an output is asked with that has thumbnails. */
export const WITH_THUMBNAILS: Partial<OutputRequest> = {
  thumbnails: [{ label: 'strip', files: FRAMES, baseUrl: 'ftp://media.acme.invalid/thumbnails/' }],
};

/** Starts a Zencoder with its backup storage, until it is closed. */
export async function openStandIn({
  now = Date.now,
  notificationUrls = [],
  storageFaults,
  secondKey,
}: StandInOptions = {}): Promise<StandIn & { close(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'zencoder-stand-in-'));
  const { accessKeyId, secretAccessKey } = BACKUP_KEYS;
  const credentials = { [accessKeyId]: secretAccessKey, [secondKey ?? accessKeyId]: secretAccessKey };
  const faults = storageFaults === undefined ? {} : { faults: storageFaults };
  const storage = await startS3({ dir, buckets: [BACKUP_BUCKET], credentials, now, ...faults });
  const zencoder = await startZencoder({
    notificationUrls,
    storage: { ...BACKUP_KEYS, origin: storage.origin },
    primary: { timeout: 2_000 },
    now,
  });
  return {
    zencoder,
    storage,
    allowed: `${storage.origin}/${BACKUP_BUCKET}`,
    api: (access) => {
      const key = zencoder.apiKeys.find((known) => known.access === access)?.key ?? 'unknown';
      return createZencoderApi({
        baseUrl: zencoder.apiUrl,
        key: { read: async () => key, readAgain: async () => null },
      });
    },
    failedJob: (...outputs) =>
      zencoder.createJob({
        passThrough: 'asset:1',
        outputs: (outputs.length === 0 ? [{}] : outputs).map((output, index) => ({
          label: `output ${index}`,
          url: `ftp://render:n0t-real@media.acme.invalid/${index}.vtt`,
          file: CLIP,
          ...output,
        })),
      }),
    close: async () => {
      await zencoder.close();
      await storage.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
