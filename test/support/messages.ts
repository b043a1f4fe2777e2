import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
let lastJob = 900_000;

export interface MessageOptions {
  /** Where the files are, e.g. `http://127.0.0.1:4567`. */
  readonly origin: string;
  /** Paths below the job's folder; a `.png` is a thumbnail, any other file media. */
  readonly names: readonly string[];
  /** Epoch milliseconds; the deadline is a day later. */
  readonly now: number;
  readonly signature?: string;
}

/** The message of a notification about a job of its own whose output is on the backup server. */
export function backupMessage({ origin, names, now, signature = '0' }: MessageOptions): OutputMessage {
  lastJob += 1;
  return {
    type: 'output',
    version: 1,
    job: { id: String(lastJob), passThrough: null, test: false },
    output: { id: '1', label: null, type: 'standard' },
    failures: [],
    files: names.map((name) => ({
      role: name.endsWith('.png') ? 'thumbnail' : 'media',
      url: `${origin}/o/${lastJob}/${name}?Signature=${signature}`,
      deadline: now + DAY_MS,
      filename: name.split('/').at(-1) ?? name,
      thumbnailLabel: null,
      size: null,
      md5: null,
    })),
    failedAt: now,
    origin: 'notification',
  };
}

/** The message of another notification about the same files, whose URLs are signed anew. */
export function signedAnew(message: OutputMessage, signature: string): OutputMessage {
  const files = message.files.map((file) => ({
    ...file,
    url: file.url.replace(/Signature=[^&]*/, `Signature=${signature}`),
  }));
  return { ...message, files };
}
