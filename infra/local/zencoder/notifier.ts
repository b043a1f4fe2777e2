import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Milliseconds before the next attempt, given how many have failed so far (from 1), or null to stop. Two of
 * Zencoder's pages and its API specification contradict each other; the default is the specification's.
 */
export type RetrySchedule = (failed: number) => number | null;

/** Up to 50 retries, the n-th after n x 5 s: 1 h 46 min in all, the shortest of the three documented schedules. */
export const documentedSchedule: RetrySchedule = (failed) => (failed > 50 ? null : failed * 5_000);

/** One POST of a notification. */
export interface DeliveryAttempt {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Status of the response, or null when there was none. */
  readonly status: number | null;
  /** Why there was no response. */
  readonly error: string | null;
}

/** The delivery of a notification to one URL, with its attempts. */
export interface Delivery {
  readonly kind: 'output' | 'job' | 'replay';
  /** Null for a recorded body that is replayed, which is not looked into. */
  readonly jobId: number | null;
  /** Null for a job notification, too. */
  readonly outputId: number | null;
  /** Without its credentials. */
  readonly url: string;
  readonly attempts: readonly DeliveryAttempt[];
  readonly state: 'under way' | 'delivered' | 'abandoned' | 'withheld';
}

export interface NotifierOptions {
  /** The account's own, sent with every request. */
  readonly secret: string;
  readonly schedule: RetrySchedule;
  readonly now: () => number;
  /** Milliseconds that Zencoder waits for a response; its own value is not documented. */
  readonly timeout: number;
}

/** What is to be delivered; each attempt makes its own body, with fresh signatures. */
export interface Parcel {
  readonly kind: Delivery['kind'];
  readonly jobId: number | null;
  readonly outputId: number | null;
  readonly url: string;
  readonly body: () => string;
}

/** Posts notifications as Zencoder does: HTTP/1.1, secret header, Basic credentials from the URL, retries. */
export class Notifier {
  /** Every notification so far, oldest first. */
  readonly deliveries: Delivery[] = [];
  /** While true nothing is posted: notifications are only listed, as `withheld`. */
  withhold = false;
  readonly #options: NotifierOptions;
  readonly #closing = new AbortController();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Resolves when the notification was accepted or abandoned; never rejects for the receiver's sake. */
  async deliver(parcel: Parcel): Promise<Delivery> {
    const url = new URL(parcel.url);
    const attempts: DeliveryAttempt[] = [];
    const delivery = {
      kind: parcel.kind,
      jobId: parcel.jobId,
      outputId: parcel.outputId,
      url: `${url.origin}${url.pathname}`,
      attempts,
      state: this.withhold ? ('withheld' as const) : ('under way' as const),
    } satisfies Delivery;
    const listed: { -readonly [K in keyof Delivery]: Delivery[K] } = delivery;
    this.deliveries.push(listed);
    if (this.withhold) return listed;
    listed.state = (await this.#attemptAll(url, parcel, attempts)) ? 'delivered' : 'abandoned';
    return listed;
  }

  /** Abandons deliveries that are still under way. */
  close(): void {
    this.#closing.abort();
  }

  async #attemptAll(url: URL, parcel: Parcel, attempts: DeliveryAttempt[]): Promise<boolean> {
    for (let failed = 1; !this.#closing.signal.aborted; failed += 1) {
      const attempt = await this.#attempt(url, parcel.body());
      attempts.push(attempt);
      if (attempt.status !== null && attempt.status >= 200 && attempt.status <= 299) return true;
      const wait = this.#options.schedule(failed);
      if (wait === null) return false;
      await sleep(wait, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    return false;
  }

  async #attempt(url: URL, body: string): Promise<DeliveryAttempt> {
    const at = this.#options.now();
    try {
      const status = await post(url, body, this.#options.secret, [
        this.#closing.signal,
        AbortSignal.timeout(this.#options.timeout),
      ]);
      return { at, status, error: null };
    } catch (error) {
      return { at, status: null, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

async function post(url: URL, body: string, secret: string, signals: AbortSignal[]): Promise<number> {
  const target = new URL(url);
  target.username = '';
  target.password = '';
  const signal = AbortSignal.any(signals);
  const send = url.protocol === 'https:' ? requestTls : request;
  const outgoing = send(target, {
    method: 'POST',
    agent: false,
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Zencoder (local stand-in)',
      'x-zencoder-notification-secret': secret,
    },
    ...(url.username === ''
      ? {}
      : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
  });
  const received = once(outgoing, 'response');
  outgoing.end(body);
  const [response]: IncomingMessage[] = await received;
  if (response === undefined) throw new Error('an HTTP response event without a response');
  for await (const _ of response); // a sender waits for the whole response
  return response.statusCode ?? 0;
}
