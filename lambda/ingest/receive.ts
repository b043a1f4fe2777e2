import { encodeMessage, outputMessages } from '../shared/queue/messages.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import { type DecisionSettings, decide, passedOver } from '../shared/zencoder/failed-outputs.ts';
import {
  type Notification,
  type NotificationBounds,
  parseNotification,
} from '../shared/zencoder/notification.ts';
import { remembering, type StorageAllowList } from '../shared/zencoder/storage.ts';
import {
  isAuthentic,
  type NotificationCredentials,
  type PresentedProof,
  presentedCredentials,
} from './authenticate.ts';
import { isForIngest, type NotificationRequest, type RoutedRequest, readBody } from './request.ts';
import {
  accepted,
  errorResponse,
  type IngestResponse,
  notFound,
  unauthorized,
  unavailable,
} from './response.ts';

/** What ingest needs of the world. */
export interface ReceiveDependencies {
  readonly credentials: {
    validVersions(): Promise<readonly NotificationCredentials[]>;
    /** Asked only after a failed authentication; null when it is too early to ask again. */
    reload(): Promise<readonly NotificationCredentials[] | null>;
  };
  /** Resolves once every message is on the queue. */
  readonly send: (bodies: readonly string[]) => Promise<void>;
  /** Keeps count of refused notifications by the status that they were answered with; may fail. */
  readonly countRefusal: (status: number) => Promise<void>;
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
 * How much of one notification is taken. Zencoder makes 20 outputs a job (more on request) and 100 thumbnails a set, and
 * sets no limit to the sets: five times the outputs, and as many images as the largest body holds with signed URLs, each
 * with a path half as long again as those of Zencoder.
 *
 * What is beyond is not refused, since Zencoder would only repeat it: the rest is taken, the answer and the log say how
 * much was left, and an alarm asks a person to look.
 */
export const BOUNDS: NotificationBounds = { outputs: 100, thumbnails: 10_000, pathCharacters: 1_800_000 };

/**
 * Takes one notification: authenticates it before anything of its body is looked at, understands it, decides, and
 * answers only when the queue has everything. Never throws.
 */
export async function receive(
  request: NotificationRequest & RoutedRequest,
  world: ReceiveDependencies,
): Promise<IngestResponse> {
  try {
    const proof = presentedCredentials(request.headers);
    const isAuthenticated = await isFromZencoder(proof, world);
    if (!isForIngest(request)) {
      // Only who has the credentials meant to notify: anything else that looks around is of no interest.
      return isAuthenticated ? await refuse(notFound(), 'UnknownPath', world) : notFound();
    }
    if (isAuthenticated) return await enqueue(parseNotification(readBody(request), BOUNDS), world);
    if (isPresented(proof)) return await refuse(unauthorized(), 'WrongCredentials', world);
    world.log.warn('request refused', { status: 401, errorClass: 'NoCredentials' });
    return unauthorized();
  } catch (error) {
    const refused = errorResponse(error);
    if (refused !== null)
      return await refuse(refused, error instanceof Error ? error.name : 'unknown', world);
    world.log.error('notification not taken', { status: 503, error });
    return unavailable();
  }
}

/** Zencoder does not show its customers what it was answered, so a refusal has to be found here. */
async function refuse(
  answer: IngestResponse,
  errorClass: string,
  world: ReceiveDependencies,
): Promise<IngestResponse> {
  const { statusCode: status } = answer;
  world.log.warn('request refused', { status, errorClass });
  world.meter.add('refusedNotifications', 1, errorClass);
  try {
    await world.countRefusal(status);
  } catch (error) {
    world.log.warn('refusal not counted', { status, error });
  }
  return answer;
}

async function isFromZencoder(proof: PresentedProof, world: ReceiveDependencies): Promise<boolean> {
  if (!isPresented(proof)) return false;
  if (isAuthentic(proof, await world.credentials.validVersions())) return true;
  // The secret may have been rotated since it was read.
  const fresh = await world.credentials.reload();
  return fresh !== null && isAuthentic(proof, fresh);
}

function isPresented({ basic, notificationSecret }: PresentedProof): boolean {
  return basic !== null || notificationSecret !== null;
}

async function enqueue(notification: Notification, world: ReceiveDependencies): Promise<IngestResponse> {
  const storage = remembering(world.settings.storage);
  const decisions = decide(notification, { ...world.settings, storage }, world.now());
  reportPassedOver(notification, storage, world);
  reportNotRead(notification, world);
  const bodies = decisions
    .flatMap((decision) => outputMessages(notification.job, decision, 'notification'))
    .map(encodeMessage);
  await world.send(bodies);
  const outcome = {
    job: notification.job.id,
    queued: bodies.length,
    failures: sum(decisions.map(({ failures }) => failures.length)),
    files: sum(decisions.map(({ files }) => files.length)),
    unreadable: notification.unreadable,
    beyond: notification.beyond,
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
function reportPassedOver(
  notification: Notification,
  storage: StorageAllowList,
  { log, meter }: ReceiveDependencies,
): void {
  const places = passedOver(notification, storage);
  if (places.length === 0) return;
  log.error('files on storage that is not fetched from', { jobId: notification.job.id, places });
  for (const kind of new Set(places.map((place) => place.kind))) meter.add('unlistedStorage', 1, kind);
}

/** What is in these parts is recovered only if somebody looks. */
function reportNotRead(notification: Notification, { log, meter }: ReceiveDependencies): void {
  const { unreadable, beyond, job } = notification;
  if (unreadable + beyond === 0) return;
  log.error('parts of a notification not read', { jobId: job.id, unreadable, beyond });
  if (unreadable > 0) meter.add('partsNotRead', unreadable, 'Unreadable');
  if (beyond > 0) meter.add('partsNotRead', beyond, 'TooMany');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
