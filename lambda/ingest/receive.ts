import { encodeMessage, outputMessages } from '../shared/queue/messages.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import {
  type DetectionSettings,
  findFailedOutputs,
  findUnlistedPlaces,
} from '../shared/zencoder/failed-outputs.ts';
import { isSendTestJob } from '../shared/zencoder/model.ts';
import {
  type Notification,
  type NotificationBounds,
  parseNotification,
} from '../shared/zencoder/notification.ts';
import { cachingAllowList, type StorageAllowList } from '../shared/zencoder/storage.ts';
import {
  isAuthentic,
  type NotificationCredentials,
  type PresentedCredentials,
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

/** What ingest works with. */
export interface ReceiveDependencies {
  readonly credentials: ValidCredentials;
  /** Resolves once every message is on the queue. */
  readonly send: (bodies: readonly string[]) => Promise<void>;
  /** Counts a refused notification by the status of its response; may fail. */
  readonly countRefusal: (status: number) => Promise<void>;
  /** Notes that a notification of Zencoder has come; never fails. */
  readonly noteArrival: () => Promise<void>;
  readonly settings: DetectionSettings;
  readonly log: Log;
  readonly meter: Meter;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Where the valid credentials are read from. */
export interface ValidCredentials {
  validVersions(): Promise<readonly NotificationCredentials[]>;
  /** Called only after a failed authentication; null when the last reload is too recent. */
  reload(): Promise<readonly NotificationCredentials[] | null>;
}

/** The methods of a logger that ingest calls; facts hold ids, counts and states, nothing of the body. */
export interface Log {
  info(message: string, facts: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
  error(message: string, facts: Readonly<Record<string, unknown>>): void;
}

/**
 * How much of one notification is read. Zencoder makes 20 outputs a job (more on request) and 100 thumbnails a set, and
 * sets no limit to the sets: five times the outputs, and as many images as the largest body holds with signed URLs, each
 * with a path half as long again as those of Zencoder.
 *
 * What is beyond is not refused, since Zencoder would only repeat it: the rest is queued, the response and the log say
 * how much was left out, and an alarm asks an operator to look.
 */
export const BOUNDS: NotificationBounds = { outputs: 100, thumbnails: 10_000, pathCharacters: 1_800_000 };

/**
 * Receives one notification: authenticates the request before it reads the body, parses it, decides what failed, and
 * responds only when everything is on the queue. Never throws.
 *
 * @example
 * const { statusCode } = await receive(event, dependencies); // 202: queued; 503: Zencoder sends it again
 */
export async function receive(
  request: NotificationRequest & RoutedRequest,
  dependencies: ReceiveDependencies,
): Promise<IngestResponse> {
  const { credentials, log } = dependencies;
  try {
    const presented = presentedCredentials(request.headers);
    const isAuthenticated = await isFromZencoder(presented, credentials);
    if (!isForIngest(request)) {
      // A wrong path with valid credentials is a misconfigured notification URL; one without them is a scan.
      return isAuthenticated ? await refuse(notFound(), 'UnknownPath', dependencies) : notFound();
    }
    if (isAuthenticated) return await enqueue(parseNotification(readBody(request), BOUNDS), dependencies);
    if (isPresented(presented)) return await deny(dependencies);
    log.warn('request refused', { status: 401, errorClass: 'NoCredentials' });
    return unauthorized();
  } catch (error) {
    const refused = errorResponse(error);
    if (refused !== null) {
      return await refuse(refused, error instanceof Error ? error.name : 'unknown', dependencies);
    }
    log.error('notification not queued', { status: 503, error });
    return unavailable();
  }
}

type Refusing = Pick<ReceiveDependencies, 'log' | 'meter' | 'countRefusal'>;

/**
 * Zencoder does not show its customers the responses it gets, so the refusal of an authenticated notification is logged and
 * counted here.
 */
async function refuse(
  response: IngestResponse,
  errorClass: string,
  dependencies: Refusing,
): Promise<IngestResponse> {
  dependencies.meter.add('refusedNotifications', 1, errorClass);
  return await counted(response, errorClass, dependencies);
}

/** Wrong credentials may be Zencoder's or a third party's: a count of its own, which alarms only when it goes on. */
async function deny(dependencies: Refusing): Promise<IngestResponse> {
  dependencies.meter.add('deniedNotifications', 1);
  return await counted(unauthorized(), 'WrongCredentials', dependencies);
}

async function counted(
  response: IngestResponse,
  errorClass: string,
  { log, countRefusal }: Pick<Refusing, 'log' | 'countRefusal'>,
): Promise<IngestResponse> {
  const { statusCode: status } = response;
  log.warn('request refused', { status, errorClass });
  try {
    await countRefusal(status);
  } catch (error) {
    log.warn('refusal not counted', { status, error });
  }
  return response;
}

async function isFromZencoder(
  presented: PresentedCredentials,
  credentials: ValidCredentials,
): Promise<boolean> {
  if (!isPresented(presented)) return false;
  if (isAuthentic(presented, await credentials.validVersions())) return true;
  // The secret may have been rotated since it was read.
  const reloaded = await credentials.reload();
  return reloaded !== null && isAuthentic(presented, reloaded);
}

function isPresented({ basic, notificationSecret }: PresentedCredentials): boolean {
  return basic !== null || notificationSecret !== null;
}

async function enqueue(
  notification: Notification,
  { settings, send, noteArrival, log, meter, now }: ReceiveDependencies,
): Promise<IngestResponse> {
  const noted = isSendTestJob(notification.job.id) ? undefined : noteArrival();
  const storage = cachingAllowList(settings.storage);
  const decisions = findFailedOutputs(notification, { ...settings, storage }, now());
  reportUnlistedPlaces(notification, storage, { log, meter });
  reportNotRead(notification, { log, meter });
  const bodies = decisions
    .flatMap((decision) => outputMessages(notification.job, decision, 'notification'))
    .map(encodeMessage);
  await send(bodies);
  await noted;
  const queued = {
    job: notification.job.id,
    queued: bodies.length,
    failures: sum(decisions.map(({ failures }) => failures.length)),
    files: sum(decisions.map(({ files }) => files.length)),
    unreadable: notification.unreadable,
    beyond: notification.beyond,
  };
  const response = accepted(queued);
  log.info('notification accepted', {
    status: response.statusCode,
    kind: notification.kind,
    jobState: notification.jobState,
    outputs: notification.outputs.length,
    jobId: notification.job.id,
    outputIds: decisions.map(({ output }) => output.id),
    ...queued,
  });
  return response;
}

type Reporting = Pick<ReceiveDependencies, 'log' | 'meter'>;

/** These files are not fetched, and a day later they are gone: the log says where they are and why they are left. */
function reportUnlistedPlaces(
  notification: Notification,
  storage: StorageAllowList,
  { log, meter }: Reporting,
): void {
  const places = findUnlistedPlaces(notification, storage);
  if (places.length === 0) return;
  log.error('files on storage that is not fetched from', { jobId: notification.job.id, places });
  for (const kind of new Set(places.map((place) => place.kind))) meter.add('unlistedStorage', 1, kind);
}

/** The files in these parts are recovered only if an operator looks. */
function reportNotRead({ unreadable, beyond, job }: Notification, { log, meter }: Reporting): void {
  if (unreadable + beyond === 0) return;
  log.error('parts of a notification not read', { jobId: job.id, unreadable, beyond });
  if (unreadable > 0) meter.add('partsNotRead', unreadable, 'Unreadable');
  if (beyond > 0) meter.add('partsNotRead', beyond, 'TooMany');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
