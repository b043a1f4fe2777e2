import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import { jobPartition, TABLE_KEYS } from '../../lambda/shared/ledger/table.ts';
import { cut } from '../../lambda/shared/runtime/redact.ts';
import { FIRST_SEND_TEST_JOB } from '../../lambda/shared/zencoder/model.ts';
import { CommandFailure } from './lib/command.ts';
import type { NotificationAccess } from './notification-url.ts';

/** A job that does not exist anywhere else. */
export interface TestJob {
  readonly jobId: string;
  readonly outputId: string;
  /** Body of the notification. */
  readonly body: string;
}

/** The class that a test's primary failure has. */
export const TEST_ERROR_CLASS = 'UploadFailureError';

/**
 * An output notification of a test job whose upload failed: in the shape of a failed output without a backup, or, with a
 * signed URL, of one that is on the backup server.
 *
 * @param now epoch milliseconds.
 */
export function testNotification(url: string | undefined, now: number): TestJob {
  const [job, output] = [freshId(), freshId()];
  const at = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  const link = `https://app.zencoder.com/docs/errors/${TEST_ERROR_CLASS}`;
  const message = 'This is a test by npm run send-test: no upload has failed.';
  const error =
    url === undefined
      ? { state: 'failed', error_link: link, error_message: message }
      : {
          state: 'finished',
          url,
          backup_server_used: true,
          primary_upload_error_link: link,
          primary_upload_error_message: message,
        };
  const body = {
    output: { id: output, label: 'send-test', type: 'standard', ...error },
    job: {
      id: job,
      created_at: at,
      submitted_at: at,
      updated_at: at,
      pass_through: 'zencoder-recovery send-test',
      state: url === undefined ? 'failed' : 'finished',
      test: true,
    },
    input: { id: freshId(), state: 'finished' },
  };
  return { jobId: String(job), outputId: String(output), body: JSON.stringify(body) };
}

/** Of fifteen digits, which JSON writes without loss. */
function freshId(): number {
  return FIRST_SEND_TEST_JOB + randomInt(2 ** 46);
}

const MAX_BODY = 2000;
const RESPONSE_TIMEOUT_MS = 30_000;

/** The stack's response. */
export interface StackResponse {
  readonly status: number;
  /** The first {@link MAX_BODY} characters. */
  readonly body: string;
  readonly milliseconds: number;
}

/**
 * Posts a notification as Zencoder does: over HTTP/1.1, one connection a request, credentials of the URL as HTTP Basic
 * or the account's secret as a header. (`fetch` rejects a URL with credentials.)
 *
 * @throws {CommandFailure} without a response, or when the stack has no account secret to send.
 */
export async function postNotification(
  access: NotificationAccess,
  body: string,
  byHeader: boolean,
): Promise<StackResponse> {
  const url = new URL(access.url);
  const began = performance.now();
  const send = url.protocol === 'https:' ? requestTls : request;
  const outgoing = send(url, {
    method: 'POST',
    agent: false,
    signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Zencoder (send-test)',
      ...proofOf(access, byHeader),
    },
  });
  try {
    const responded = once(outgoing, 'response');
    outgoing.end(body);
    const [response]: IncomingMessage[] = await responded;
    if (response === undefined) throw new Error('no response');
    const chunks = await Array.fromAsync(response, (chunk: Buffer) => chunk);
    return {
      status: response.statusCode ?? 0,
      body: cut(Buffer.concat(chunks).toString(), MAX_BODY),
      milliseconds: Math.round(performance.now() - began),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`${url.origin} does not respond: ${reason}`, { cause: error });
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

/** What to do about a response that is no success. */
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

const EVERY_MS = 250;

/** How far to follow a job, and for how long. */
export interface FollowOptions {
  readonly jobId: string;
  /** Whether a recovery is to be settled, beyond the primary failure being recorded. */
  readonly untilRecovered: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  /** How long to wait for the events once the job is settled, milliseconds. */
  readonly eventPatience: number;
  readonly onLook: (records: JobRecords, elapsed: number) => Promise<void>;
}

/** State of a test job that is being followed. */
export interface Followed {
  readonly records: JobRecords;
  /** Whether the job is settled. */
  readonly isDone: boolean;
  /** Records whose event is not published yet. A topic that denies publishing keeps no file from being settled. */
  readonly owedEvents: number;
  readonly milliseconds: number;
}

/** Polls the ledger until a job is settled, and a little longer for its events. */
export async function followJob(
  ledger: Ledger,
  { jobId, untilRecovered, timeout, eventPatience, onLook }: FollowOptions,
): Promise<Followed> {
  const began = performance.now();
  let doneAfter: number | undefined;
  for (;;) {
    const records = await ledger.queries.readJob(jobId);
    const milliseconds = Math.round(performance.now() - began);
    const isDone = hasEnded(records, untilRecovered);
    if (isDone) doneAfter ??= milliseconds;
    const owedEvents = owedOf(records);
    const isEnough = owedEvents === 0 || milliseconds >= (doneAfter ?? milliseconds) + eventPatience;
    if ((isDone && isEnough) || milliseconds >= timeout) return { records, isDone, owedEvents, milliseconds };
    await onLook(records, milliseconds);
    await sleep(EVERY_MS);
  }
}

function hasEnded({ failures, recoveries }: JobRecords, untilRecovered: boolean): boolean {
  if (failures.length === 0) return false;
  const isSettled = recoveries.length > 0 && recoveries.every(({ settledAt }) => settledAt !== undefined);
  return isSettled || !untilRecovered;
}

function owedOf({ failures, recoveries }: JobRecords): number {
  return [...failures, ...recoveries].filter(({ eventOwedAt }) => eventOwedAt !== undefined).length;
}

/** Removes every record of a job; only for a job that was made up for a test. @returns how many there were. */
export async function removeRecords(
  { client, tableName }: { readonly client: DynamoDBClient; readonly tableName: string },
  jobId: string,
): Promise<number> {
  let count = 0;
  const { partitionKey, sortKey } = TABLE_KEYS;
  const pages = paginateQuery(
    { client },
    {
      TableName: tableName,
      KeyConditionExpression: '#pk = :pk',
      ProjectionExpression: '#pk, #sk',
      ExpressionAttributeNames: { '#pk': partitionKey, '#sk': sortKey },
      ExpressionAttributeValues: { ':pk': { S: jobPartition(jobId) } },
      ConsistentRead: true,
    },
  );
  for await (const { Items = [] } of pages) {
    for (const Key of Items) {
      await client.send(new DeleteItemCommand({ TableName: tableName, Key }));
      count++;
    }
  }
  return count;
}
