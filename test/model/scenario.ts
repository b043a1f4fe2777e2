import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';
import { HOUR_MS, MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { DEFAULT_KEY_TEMPLATE } from '../../lambda/worker/key-template.ts';
import type { Random } from '../soak/random.ts';
import { backupMessage } from '../support/messages.ts';
import type { SourceFault, SourceRequest, SourceServer } from '../support/source-server.ts';

/** How Zencoder's storage responds to requests for the media file. */
export type MediaSource =
  /** With the file. */
  | 'there'
  /** Not found at first, since the notification preceded the object. */
  | 'late'
  /** The signature of the first notification is refused. */
  | 'first-signature-refused'
  /** It responds 400 to the signature of the first notification. */
  | 'first-signature-invalid'
  /** Never found. */
  | 'gone';

/** The conditions of a run: drawn from its seed before it begins. */
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
  /** Whether the job has another output, under a key template that gives both the same key. */
  readonly hasTwin: boolean;
}

/** Milliseconds for which the media file is not there, when it is late. */
export const LATE_MS = 25 * MINUTE_MS;
/** Milliseconds from the notification to the end of its signed URLs. */
export const LIFETIME_MS = 24 * HOUR_MS;
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
    ...(random.chance(0.4) ? [{ after: random.below(3 * HOUR_MS), signature: 2 }] : []),
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
    redriveAfter: random.chance(0.25) ? random.below(2 * HOUR_MS) : null,
    reconcileAfter: Array.from({ length: random.below(3) }, () => random.below(3 * HOUR_MS)),
    customer: random.chance(0.15) ? 'uploads' : random.chance(0.05) ? 'has-object' : 'nothing',
    hasTwin: random.chance(0.2),
  };
}

const NOT_FOUND: SourceFault = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };
const REFUSED: SourceFault = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
const INVALID: SourceFault = { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' };

/** The error of the source for a request; undefined when it serves the file. @param age milliseconds since the notification. */
export function sourceFault(
  { media }: Scenario,
  { target }: SourceRequest,
  age: number,
): SourceFault | undefined {
  if (!target.includes('/big.mov')) return undefined;
  const isFirst = /Signature=0(?!\d)/.test(target);
  if (age > LIFETIME_MS) return REFUSED;
  if (media === 'gone' || (media === 'late' && age < LATE_MS)) return NOT_FOUND;
  if (media === 'first-signature-refused' && isFirst) return REFUSED;
  return media === 'first-signature-invalid' && isFirst ? INVALID : undefined;
}

/** How often a file can be lost at most: once to each notification, to the API and to a redrive. */
export function maxLosses({ later, hasApi, redriveAfter }: Scenario): number {
  return 1 + later.length + (hasApi ? 1 : 0) + (redriveAfter === null ? 0 : 1);
}

/** The final state that the recovery of the media file must have. */
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

interface Notified {
  readonly signature: number;
  /** Epoch milliseconds at which the job failed. */
  readonly begin: number;
}

/** The queue messages of a notification whose URLs have this signature: one for each output. */
export function notifiedMessages(
  scenario: Scenario,
  jobId: string,
  sources: Readonly<Record<'media' | 'thumbnails', Pick<SourceServer, 'origin'>>>,
  { signature, begin }: Notified,
): OutputMessage[] {
  const images = Array.from({ length: scenario.thumbnails }, (_, index) => `t${index}.png`);
  return outputsOf(scenario).map((outputId) => {
    const messageOf = (origin: string, names: readonly string[]) =>
      backupMessage({
        origin,
        names: names.map((name) => `${outputId}/${name}`),
        now: begin,
        signature: String(signature),
        jobId,
        outputId,
      });
    const { media, thumbnails } = sources;
    return {
      ...messageOf(media.origin, []),
      failures: [
        { role: 'media', errorClass: 'UploadFailureError', message: null, link: null, destinationHost: null },
      ],
      files: [...messageOf(media.origin, ['big.mov']).files, ...messageOf(thumbnails.origin, images).files],
    };
  });
}
