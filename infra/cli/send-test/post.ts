import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { cut } from '../../../lambda/shared/text.ts';
import { CommandFailure } from '../command.ts';
import type { NotificationAccess } from '../notification-secret.ts';

const LONGEST_ANSWER = 2000;
const PATIENCE_MS = 30_000;

/** What the stack answered. */
export interface Answer {
  readonly status: number;
  /** The first {@link LONGEST_ANSWER} characters. */
  readonly body: string;
  readonly milliseconds: number;
}

/**
 * Posts a notification as Zencoder does: over HTTP/1.1, one connection a request, credentials of the URL as HTTP Basic
 * or the account's secret as a header. (`fetch` would refuse a URL with credentials.)
 *
 * @throws {CommandFailure} when nobody answers, or the stack knows no account secret to send.
 */
export async function postNotification(
  access: NotificationAccess,
  body: string,
  byHeader: boolean,
): Promise<Answer> {
  const url = new URL(access.url);
  const began = performance.now();
  const send = url.protocol === 'https:' ? requestTls : request;
  const outgoing = send(url, {
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(PATIENCE_MS),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Zencoder (send-test)',
      ...proofOf(access, byHeader),
    },
  });
  try {
    const answered = once(outgoing, 'response');
    outgoing.end(body);
    const [answer]: IncomingMessage[] = await answered;
    if (answer === undefined) throw new Error('no answer');
    const chunks = await Array.fromAsync(answer, (chunk: Buffer) => chunk);
    return {
      status: answer.statusCode ?? 0,
      body: cut(Buffer.concat(chunks).toString(), LONGEST_ANSWER),
      milliseconds: Math.round(performance.now() - began),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`${url.origin} does not answer: ${reason}`, { cause: error });
  }
}

function proofOf(access: NotificationAccess, byHeader: boolean): Record<string, string> {
  if (!byHeader) {
    const credentials = Buffer.from(`${access.username}:${access.password}`).toString('base64');
    return { authorization: `Basic ${credentials}` };
  }
  if (access.notificationSecret) return { 'x-zencoder-notification-secret': access.notificationSecret };
  throw new CommandFailure(
    'the stack does not know the secret of your Zencoder account: add it as "notificationSecret" to the notification secret',
  );
}

/** What an answer that is no success means, and what to do. */
export function adviceFor(status: number): string {
  if (status === 401) {
    return 'the credentials are not accepted: a changed secret counts within seconds, so look whether the URL is of another stack';
  }
  if (status === 403 || status === 404)
    return 'this is not the address of the stack: deploy it again, or look at its outputs';
  if (status === 429) return 'the API throttles: try again in a moment';
  if (status >= 500) return 'ingest fails: see the logs of its function, and npm run status';
  return 'the stack does not take the notification: it may be of another version than this command';
}
