import type { OutputMessage, RedriveMessage } from '../../lambda/shared/queue/messages.ts';
import { DAY_MS } from '../../lambda/shared/runtime/durations.ts';
import type { BackupFile } from '../../lambda/shared/zencoder/model.ts';

let lastJob = 900_000;

export interface MessageOptions {
  /** Where the files are, e.g. `http://127.0.0.1:4567`. */
  readonly origin: string;
  /** Paths below the job's folder; a `.png` is a thumbnail, any other file media. */
  readonly names: readonly string[];
  /** Epoch milliseconds; the deadline is a day later. */
  readonly now: number;
  readonly signature?: string;
  /** @default a job that no other test uses */
  readonly jobId?: string;
  readonly outputId?: string;
  readonly passThrough?: string;
  /** Fields of every file that differ. */
  readonly file?: Partial<BackupFile>;
}

/** The message of a notification about an output whose files are on the backup server. */
export function backupMessage(options: MessageOptions): OutputMessage {
  const { origin, names, now, signature = '0', jobId = nextJobId() } = options;
  return {
    type: 'output',
    version: 1,
    job: { id: jobId, passThrough: options.passThrough ?? null, test: false },
    output: { id: options.outputId ?? '1', label: null, type: 'standard' },
    failures: [],
    files: names.map((name) => ({
      role: name.endsWith('.png') ? 'thumbnail' : 'media',
      url: `${origin}/o/${jobId}/${name}?Signature=${signature}`,
      deadline: now + DAY_MS,
      filename: name.split('/').at(-1) ?? name,
      thumbnailLabel: null,
      size: null,
      md5: null,
      ...options.file,
    })),
    failedAt: now,
    origin: 'notification',
  };
}

/** The id of a job that no other test of the file uses. */
export function nextJobId(): string {
  lastJob += 1;
  return String(lastJob);
}

/** The message of another notification about the same files, with new signatures. */
export function signedAnew(message: OutputMessage, signature: string): OutputMessage {
  const files = message.files.map((file) => ({
    ...file,
    url: file.url.replace(/Signature=[^&]*/, `Signature=${signature}`),
  }));
  return { ...message, files };
}

/** The redrive that reconcile sends for an output that no message will retry. */
export function redriveOf({ job, output }: OutputMessage): RedriveMessage {
  return { type: 'redrive', version: 1, jobId: job.id, outputId: output.id, origin: 'reconcile' };
}
