import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';
import { DEFAULT_KEY_TEMPLATE } from '../../lambda/worker/key-template.ts';
import type { Random } from '../soak/random.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MiB = 2 ** 20;

/** How Zencoder's storage answers for the media file. */
export type MediaSource =
  /** As it should. */
  | 'there'
  /** Not found at first, since the notification was ahead of the object. */
  | 'late'
  /** The signature of the first notification is refused. */
  | 'first-signature-refused'
  /** It answers 400 to the signature of the first notification. */
  | 'first-signature-invalid'
  /** Never found. */
  | 'gone';

/** What a run is about: drawn from its seed before anything happens. */
export interface Scenario {
  readonly media: MediaSource;
  /** Bytes of the media file; above one part it is copied by a multipart upload, a part a segment. */
  readonly mediaBytes: number;
  readonly thumbnails: number;
  readonly hasApi: boolean;
  /** Notifications beyond the first: after how many milliseconds, and with which signature. */
  readonly later: readonly { readonly after: number; readonly signature: number }[];
  /** Milliseconds after which a person redrives the output; null for never. */
  readonly redriveAfter: number | null;
  /** Milliseconds after which reconcile runs, besides its runs after the deadline. */
  readonly reconcileAfter: readonly number[];
  /** What the customer does at the key of the media file. */
  readonly customer: 'nothing' | 'uploads' | 'has-object';
  /** Whether the job has another output, under a key template that does not tell the two apart. */
  readonly hasTwin: boolean;
}

/** Milliseconds for which the media file is not there, when it is late. */
export const LATE_MS = 25 * MINUTE;
/** Milliseconds from the notification to the end of its signed URLs. */
export const LIFETIME_MS = 24 * HOUR;
/** Bytes of the smallest part, and of a segment. */
export const PART_BYTES = 5 * MiB;
export const THUMBNAIL_BYTES = 900;

export function drawScenario(random: Random): Scenario {
  const pick = <T>(choices: readonly [T, ...T[]]): T => choices[random.below(choices.length)] ?? choices[0];
  const media = pick<MediaSource>([
    ...(['there', 'there', 'there', 'there', 'late', 'gone'] as const),
    ...(['first-signature-refused', 'first-signature-invalid'] as const),
  ]);
  const hasApi = random.chance(0.4);
  const later = [
    ...(random.chance(0.6) ? [{ after: 0, signature: 0 }] : []),
    ...(random.chance(0.4) ? [{ after: 0, signature: 1 }] : []),
    ...(random.chance(0.4) ? [{ after: random.below(3 * HOUR), signature: 2 }] : []),
  ];
  return {
    media,
    mediaBytes: pick([
      500,
      500,
      PART_BYTES + 700,
      PART_BYTES + 700,
      2 * PART_BYTES + 300,
      4 * PART_BYTES + 1,
    ]),
    thumbnails: pick([0, 0, 2]),
    hasApi,
    later,
    redriveAfter: random.chance(0.25) ? random.below(2 * HOUR) : null,
    reconcileAfter: Array.from({ length: random.below(3) }, () => random.below(3 * HOUR)),
    customer: random.chance(0.15) ? 'uploads' : random.chance(0.05) ? 'has-object' : 'nothing',
    hasTwin: random.chance(0.2),
  };
}

/** Whether the source answers for the media file under this signature; `missing` is 404. */
export function mediaAnswer(
  { media }: Scenario,
  signature: number,
  age: number,
): 'file' | 'missing' | 'refused' | 'invalid' {
  if (age > LIFETIME_MS) return 'refused';
  if (media === 'gone' || (media === 'late' && age < LATE_MS)) return 'missing';
  if (media === 'first-signature-refused' && signature === 0) return 'refused';
  if (media === 'first-signature-invalid' && signature === 0) return 'invalid';
  return 'file';
}

/** How often a file can be lost at most: once to each notification, to the API and to a redrive. */
export function maxLosses({ later, hasApi, redriveAfter }: Scenario): number {
  return 1 + later.length + (hasApi ? 1 : 0) + (redriveAfter === null ? 0 : 1);
}

/** What the recovery of the media file has to come to. */
export function expectedState({ media, hasApi, later, customer }: Scenario): 'recovered' | 'lost' | 'failed' {
  if (media === 'gone') return 'lost';
  const isRefused = media === 'first-signature-refused' || media === 'first-signature-invalid';
  if (isRefused && !hasApi && later.every(({ signature }) => signature === 0)) return 'lost';
  return customer === 'has-object' ? 'failed' : 'recovered';
}

/** The template of a run. */
export function keyTemplateOf({ hasTwin }: Scenario): string {
  return hasTwin ? 'zencoder-recovery/{job_id}/{filename}' : DEFAULT_KEY_TEMPLATE;
}

/** The key that the media file of the first output gets. */
export function mediaKey({ hasTwin }: Scenario, jobId: string): string {
  return `zencoder-recovery/${jobId}/${hasTwin ? '' : '1/media/'}big.mov`;
}

/** Ids of the job's outputs. */
export function outputsOf({ hasTwin }: Scenario): string[] {
  return hasTwin ? ['1', '2'] : ['1'];
}

/** The queue message of a notification whose URLs bear this signature. */
export function notifiedMessage(
  { thumbnails }: Scenario,
  jobId: string,
  origins: { readonly media: string; readonly thumbnails: string },
  {
    outputId,
    signature,
    begin,
  }: { readonly outputId: string; readonly signature: number; readonly begin: number },
): OutputMessage {
  const names = ['big.mov', ...Array.from({ length: thumbnails }, (_, index) => `t${index}.png`)];
  return {
    type: 'output',
    version: 1,
    job: { id: jobId, passThrough: null, test: false },
    output: { id: outputId, label: null, type: 'standard' },
    failures: [
      { role: 'media', errorClass: 'UploadFailureError', message: null, link: null, destinationHost: null },
    ],
    files: names.map((filename) => {
      const role = filename === 'big.mov' ? ('media' as const) : ('thumbnail' as const);
      const origin = role === 'media' ? origins.media : origins.thumbnails;
      return {
        role,
        url: `${origin}/o/${jobId}/${outputId}/${filename}?Signature=${signature}`,
        deadline: begin + LIFETIME_MS,
        filename,
        thumbnailLabel: null,
        size: null,
        md5: null,
      };
    }),
    failedAt: begin,
    origin: 'notification',
  };
}
