import { type DecisionSettings, decide, passedOver } from '../shared/decide.ts';
import { encodeMessage } from '../shared/encode-message.ts';
import type { Meter } from '../shared/metrics.ts';
import { type Notification, parseNotification } from '../shared/notification.ts';
import { messagesOf } from '../shared/output-messages.ts';
import { type Answer, accepted, refusal, unauthorized, unavailable } from './answer.ts';
import { isAuthentic, type NotificationCredentials, proofIn, type RequestHeaders } from './authenticate.ts';
import { type NotificationRequest, readBody } from './body.ts';

/** What ingest needs of the world. */
export interface ReceiveDependencies {
  readonly credentials: {
    accepted(): Promise<readonly NotificationCredentials[]>;
    /** Asked only after a failed authentication; null when it is too early to ask again. */
    refreshed(): Promise<readonly NotificationCredentials[] | null>;
  };
  /** Resolves once every message is on the queue. */
  readonly send: (bodies: readonly string[]) => Promise<void>;
  readonly settings: DecisionSettings;
  readonly log: Log;
  readonly meter: Meter;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The part of a logger that is used; facts hold ids, counts and states, nothing of the body. */
export interface Log {
  info(message: string, facts: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
  error(message: string, facts: Readonly<Record<string, unknown>>): void;
}

/**
 * Takes one notification: authenticates it before anything of its body is looked at, understands it, decides, and
 * answers only when the queue has everything. Never throws.
 */
export async function receive(request: NotificationRequest, world: ReceiveDependencies): Promise<Answer> {
  try {
    if (!(await isFromZencoder(request.headers, world))) {
      world.log.warn('request refused', { status: 401 });
      return unauthorized();
    }
    return await take(parseNotification(readBody(request)), world);
  } catch (error) {
    const refused = refusal(error);
    if (refused === null) {
      world.log.error('notification not taken', { status: 503, error });
      return unavailable();
    }
    const errorClass = error instanceof Error ? error.name : 'unknown';
    world.log.warn('request refused', { status: refused.statusCode, errorClass });
    return refused;
  }
}

async function isFromZencoder(headers: RequestHeaders, world: ReceiveDependencies): Promise<boolean> {
  const proof = proofIn(headers);
  if (proof.basic === null && proof.notificationSecret === null) return false;
  if (isAuthentic(proof, await world.credentials.accepted())) return true;
  // The secret may have been rotated since it was read.
  const fresh = await world.credentials.refreshed();
  return fresh !== null && isAuthentic(proof, fresh);
}

async function take(notification: Notification, world: ReceiveDependencies): Promise<Answer> {
  const decisions = decide(notification, world.settings, world.now());
  reportPassedOver(notification, world);
  const bodies = decisions
    .flatMap((decision) => messagesOf(notification.job, decision, 'notification'))
    .map(encodeMessage);
  await world.send(bodies);
  const outcome = {
    job: notification.job.id,
    queued: bodies.length,
    failures: sum(decisions.map(({ failures }) => failures.length)),
    files: sum(decisions.map(({ files }) => files.length)),
    unreadable: notification.unreadable,
  };
  const answer = accepted(outcome);
  world.log.info('notification taken', {
    status: answer.statusCode,
    kind: notification.kind,
    jobState: notification.jobState,
    outputs: notification.outputs.length,
    jobId: notification.job.id,
    outputIds: decisions.map(({ output }) => output.id),
    ...outcome,
  });
  return answer;
}

/** These files are not fetched, and a day later they cannot be: the log says where they are and why they are left. */
function reportPassedOver(notification: Notification, { settings, log, meter }: ReceiveDependencies): void {
  const places = passedOver(notification, settings.storage);
  if (places.length === 0) return;
  log.error('files on storage that is not fetched from', { jobId: notification.job.id, places });
  for (const kind of new Set(places.map((place) => place.kind))) meter.put('unlistedStorage', 1, kind);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
