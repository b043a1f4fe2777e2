import * as v from 'valibot';
import type { LocalStack } from '../../infra/local/stack.ts';
import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import { subscribeToEvents } from '../support/event-queue.ts';
import type { Expected } from './workload.ts';

/** What the verdict takes from an event. */
const heardEvent = v.object({
  type: v.picklist([
    'primary-failure',
    'recovery-recovered',
    'recovery-lost',
    'recovery-failed',
  ] satisfies RecoveryEvent['type'][]),
  id: v.string(),
  job: v.object({ id: v.string() }),
  file: v.optional(v.object({ filename: v.string() })),
  error: v.optional(v.object({ errorClass: v.string() })),
});
export type HeardEvent = v.InferOutput<typeof heardEvent>;

/** What subscribers of the stack's events got. */
export interface Heard {
  /** Different events, by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Deliveries beyond the first of each. */
  readonly repeated: number;
}

/** Subscribes to the stack's events. @returns a function that gives every delivery so far. */
export async function listenToEvents(stack: LocalStack): Promise<() => Promise<HeardEvent[]>> {
  const next = await subscribeToEvents(stack);
  const deliveries: HeardEvent[] = [];
  return async () => {
    deliveries.push(...(await next()).map((body) => v.parse(heardEvent, JSON.parse(body))));
    return deliveries;
  };
}

export function heardOf(deliveries: readonly HeardEvent[]): Heard {
  const different = distinct(deliveries);
  const types = Map.groupBy(different, ({ type }) => type);
  const events = Object.fromEntries([...types].map(([type, same]) => [type, same.length]));
  return { events, repeated: deliveries.length - different.length };
}

/**
 * Errors of the events received: there has to be one for each failed upload and for each recovered file, and no other but
 * the loss of a file whose first URL was refused, which was true until a later notification came.
 */
export function errorsOfHeard(deliveries: readonly HeardEvent[], { jobs, refusedJobs }: Expected): string[] {
  const expected = jobs.flatMap(({ jobId, files }) => [
    `primary-failure of job ${jobId}`,
    ...files.map(({ path }) => `recovery-recovered of job ${jobId}, ${path.split('/').at(-1)}`),
  ]);
  const refused = new Set([...refusedJobs].map(String));
  const known = new Set(expected);
  const heard = Map.groupBy(distinct(deliveries), subjectOf);
  const missing = expected.filter((subject) => !heard.has(subject)).map((subject) => `no event ${subject}`);
  const others = [...heard].flatMap(([subject, events]) => {
    const isRight = ({ type, job, error }: HeardEvent) =>
      known.has(subject) ||
      (type === 'recovery-lost' && error?.errorClass === 'SourceOutOfReach' && refused.has(job.id));
    const untrue = events.filter((event) => !isRight(event));
    return [
      ...untrue.map(({ error }) => `a false event ${subject}: ${error?.errorClass ?? 'without an error'}`),
      ...(events.length > 1 ? [`${events.length} different events ${subject}`] : []),
    ];
  });
  return [...missing, ...others];
}

/** What an event is about, e.g. `recovery-lost of job 7, video.mp4`. */
function subjectOf({ type, job, file }: HeardEvent): string {
  return `${type} of job ${job.id}${file === undefined ? '' : `, ${file.filename}`}`;
}

function distinct(deliveries: readonly HeardEvent[]): HeardEvent[] {
  return [...new Map(deliveries.map((event) => [event.id, event])).values()];
}
