import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const ATTEMPTS = 50;
/** Zencoder waits five seconds and longer; here the waits are in real time. */
const WAIT_MS = 100;

/** Posts bodies to the notification URL, again until each is taken, as Zencoder does. */
export interface Poster {
  /** @throws {Error} when it was refused every time. */
  post(body: string): Promise<void>;
  /** Error responses, by status; `none` for broken connections. */
  readonly refused: Readonly<Record<string, number>>;
  close(): void;
}

export function createPoster(notificationUrl: string, connections: number): Poster {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = new URL(notificationUrl);
  const auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  const refused: Record<string, number> = {};
  const attemptOnce = async (body: string): Promise<number> => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      auth,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    const responded = once(outgoing, 'response');
    outgoing.end(body);
    const [response]: IncomingMessage[] = await responded;
    response?.resume();
    return response?.statusCode ?? 0;
  };
  return {
    refused,
    async post(body) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const status = await attemptOnce(body).catch(() => 0);
        if (status >= 200 && status <= 299) return;
        const kind = status === 0 ? 'none' : String(status);
        refused[kind] = (refused[kind] ?? 0) + 1;
        await sleep(WAIT_MS);
      }
      throw new Error(`a notification was refused ${ATTEMPTS} times: ${JSON.stringify(refused)}`);
    },
    close: () => agent.destroy(),
  };
}
