import * as v from 'valibot';
import { MINUTE_MS } from '../runtime/durations.ts';
import { NotJson, parseJson } from '../runtime/json.ts';
import { ApiKeyRefused, ApiRateLimited, ApiUnavailable, NotAtZencoder, ReadOnlyKey } from './api-errors.ts';
import { type JobDetails, parseJobDetails, parseOutputDetails } from './job-details.ts';
import type { NotifiedOutput } from './notification.ts';

export const DEFAULT_ZENCODER_API_URL = 'https://app.zencoder.com/api/v2';

/** What Zencoder's documentation advises. */
const TIMEOUT_MS = 30_000;
/** The most that one page of jobs may hold. */
const JOBS_PER_PAGE = 50;

/**
 * The part of Zencoder's API v2 that says where files are. Every method throws the errors of `api-errors.ts` and
 * `UnexpectedApiResponse`; none of them, and no log line, holds the key or a URL.
 */
export interface ZencoderApi {
  /**
   * One output, without its thumbnails: those are known to the job.
   *
   * @throws {ReadOnlyKey} when the output is finished and its URL is withheld.
   */
  getOutput(outputId: string): Promise<NotifiedOutput>;
  /** @throws {ReadOnlyKey} as for {@link getOutput}. */
  getJob(jobId: string): Promise<JobDetails>;
  /**
   * A page of jobs, newest first; shorter than {@link JOBS_PER_PAGE} for the last. A job that cannot be read is left out.
   *
   * @param page from 1.
   */
  listJobs(page: number): Promise<JobsPage>;
  /** How many requests the last response still allowed in this minute; null before the first. */
  readonly remaining: number | null;
}

export interface JobsPage {
  readonly jobs: readonly JobDetails[];
  readonly isLast: boolean;
}

export interface ZencoderApiOptions {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly key: ApiKey;
  /** Milliseconds until a request is given up. @default 30 s */
  readonly timeoutMs?: number;
}

/** Where the key comes from. */
export interface ApiKey {
  read(): Promise<string>;
  /** The key as it is now, after the one that was read was refused; null when it is still that one. */
  readAgain(): Promise<string | null>;
}

export function createZencoderApi({ baseUrl, key, timeoutMs = TIMEOUT_MS }: ZencoderApiOptions): ZencoderApi {
  let remaining: number | null = null;

  const request = async (path: string, apiKey: string): Promise<Response> => {
    const response = await send(`${baseUrl}${path}`, apiKey, timeoutMs);
    remaining = wholeNumber(response.headers.get('x-zencoder-rate-remaining')) ?? remaining;
    return response;
  };
  const get = async (path: string): Promise<unknown> => {
    const response = await request(path, await key.read());
    if (response.status !== 401) return await bodyOf(response);
    // The key may have been exchanged since it was read.
    const other = await key.readAgain();
    return await bodyOf(other === null ? response : await request(path, other));
  };

  return {
    get remaining() {
      return remaining;
    },
    getOutput: async (outputId) => {
      const output = parseOutputDetails(await get(`/outputs/${encodeURIComponent(outputId)}.json`));
      refuseWithheld([output]);
      return output;
    },
    getJob: async (jobId) => {
      const job = parseJobDetails(await get(`/jobs/${encodeURIComponent(jobId)}.json`));
      refuseWithheld(job.outputs);
      return job;
    },
    listJobs: async (page) => {
      const list = v.safeParse(
        v.array(v.unknown()),
        await get(`/jobs.json?page=${page}&per_page=${JOBS_PER_PAGE}`),
      );
      if (!list.success) throw new ApiUnavailable('the Zencoder API responded with no list of jobs');
      const jobs = list.output.flatMap(readable);
      refuseWithheld(jobs.flatMap(({ outputs }) => outputs));
      return { jobs, isLast: list.output.length < JOBS_PER_PAGE };
    },
  };
}

async function send(url: string, apiKey: string, timeoutMs: number): Promise<Response> {
  try {
    return await fetch(url, {
      headers: { 'zencoder-api-key': apiKey, accept: 'application/json' },
      // The key is for this host alone.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw new ApiUnavailable(`the Zencoder API did not respond: ${reasonOf(error)}`);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  if (response.status === 200) {
    try {
      return parseJson(await response.text());
    } catch (error) {
      const reason = error instanceof NotJson ? 'its response is no JSON' : reasonOf(error);
      throw new ApiUnavailable(`the Zencoder API did not respond in full: ${reason}`);
    }
  }
  // The connection can be used again only once the body is gone.
  await response.body?.cancel().catch(() => undefined);
  switch (response.status) {
    case 401:
      throw new ApiKeyRefused('Zencoder refuses the API key');
    case 403:
    case 429:
      // The limit counts by the minute, where a response does not say how long to wait.
      throw new ApiRateLimited((wholeNumber(response.headers.get('retry-after')) ?? MINUTE_MS / 1000) * 1000);
    case 404:
      throw new NotAtZencoder('Zencoder knows no such job or output');
    default:
      throw new ApiUnavailable(`the Zencoder API responded ${response.status}`);
  }
}

/** A finished output has a URL; a response in which none has one was made for a read-only key. */
function refuseWithheld(outputs: readonly NotifiedOutput[]): void {
  const finished = outputs.filter(({ state, event }) => state === 'finished' && event === null);
  const places = finished.flatMap(({ url, thumbnails }) => [
    url,
    ...thumbnails.map((thumbnail) => thumbnail.url),
  ]);
  if (finished.length === 0 || places.some((place) => place !== null && place !== '')) return;
  throw new ReadOnlyKey('the response of the Zencoder API holds no URLs: the API key is a read-only one');
}

function readable(job: unknown): JobDetails[] {
  try {
    return [parseJobDetails(job)];
  } catch {
    return [];
  }
}

/** Only names and codes: the message of an error may quote the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;
  return typeof code === 'string' ? `${error.name} (${code})` : error.name;
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^[0-9]{1,6}$/.test(text.trim()) ? Number(text) : null;
}
