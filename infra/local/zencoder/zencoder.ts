import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type LocalServer, listen } from '../aws/listen.ts';
import { type ApiKey, RateLimit, respond } from './api.ts';
import { filesOf, type Job, type JobRequest, newJob, type Output } from './job.ts';
import { type Delivery, documentedSchedule, Notifier, type RetrySchedule } from './notifier.ts';
import { placeOutput, type ReportedFile, reportFiles } from './outputs.ts';
import { jobNotification, outputNotification, type UrlOf } from './payload.ts';
import { BackupStorage, LIFETIME, type StorageOptions } from './storage.ts';
import type { PrimaryOptions } from './uploads.ts';

export interface ZencoderOptions {
  /** Where notifications of jobs go that name no URL of their own, with Basic credentials. @default none */
  readonly notificationUrls?: readonly string[];
  /** Sent as `X-Zencoder-Notification-Secret` with every notification. @default a random one */
  readonly notificationSecret?: string;
  /** The backup storage: an S3 that has the bucket. */
  readonly storage: StorageOptions;
  /** How destinations are reached; `timeout` is 10 s by default. */
  readonly primary?: Partial<Omit<PrimaryOptions, 'now'>>;
  /** Epoch milliseconds. @default the machine's time */
  readonly now?: () => number;
  /** @default the linear schedule of Zencoder's API specification */
  readonly retrySchedule?: RetrySchedule;
  /** Milliseconds that a receiver of notifications has to respond. @default 30 s */
  readonly responseTimeout?: number;
  /** @default one full key and one read-only key, both random */
  readonly apiKeys?: readonly ApiKey[];
}

/** What became of a job. */
export interface JobReport {
  readonly job: Job;
  /** Every file that was placed somewhere, with what is needed to recognise its copy. */
  readonly files: readonly ReportedFile[];
  /** Resolves when all notifications of the job have been accepted, abandoned or withheld. */
  readonly delivered: Promise<readonly Delivery[]>;
}

/**
 * A stand-in for Zencoder (API v2): uploads for real, keeps on its own storage what it could not upload, notifies, and
 * serves the part of its API that describes jobs. Where the documentation is open, a comment states the decision.
 */
export class Zencoder {
  /** Every notification so far, oldest first, with the status of each attempt. */
  readonly deliveries: readonly Delivery[];
  readonly apiKeys: readonly ApiKey[];
  readonly notificationSecret: string;
  /** Status with which the API responds to everything while it is set, e.g. 503 for maintenance. */
  apiOutage: number | null = null;
  readonly #options: ZencoderOptions;
  readonly #now: () => number;
  readonly #storage: BackupStorage;
  readonly #notifier: Notifier;
  readonly #limit: RateLimit;
  readonly #jobs: Job[] = [];
  readonly #removed = new Set<string>();
  readonly #server: Server;
  #listening: LocalServer | undefined;
  /** Begins with the time, so that two stand-ins after each other give no number twice. */
  #lastId = Date.now();

  constructor(options: ZencoderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#storage = new BackupStorage(options.storage);
    this.notificationSecret = options.notificationSecret ?? randomBytes(20).toString('hex');
    this.#notifier = new Notifier({
      secret: this.notificationSecret,
      schedule: options.retrySchedule ?? documentedSchedule,
      now: this.#now,
      timeout: options.responseTimeout ?? 30_000,
    });
    this.deliveries = this.#notifier.deliveries;
    this.#limit = new RateLimit(this.#now);
    this.apiKeys = options.apiKeys ?? [
      { key: randomBytes(16).toString('hex'), access: 'full' },
      { key: randomBytes(16).toString('hex'), access: 'read-only' },
    ];
    this.#server = this.#serveApi();
  }

  /** Opens the API on a free port. */
  async listen(): Promise<void> {
    this.#listening = await listen(this.#server);
  }

  /** Base of the API, e.g. `http://127.0.0.1:4567/api/v2`. */
  get apiUrl(): string {
    if (this.#listening === undefined) throw new Error('the API is not listening');
    return `${this.#listening.endpoint}/api/v2`;
  }

  /** Oldest first. */
  get jobs(): readonly Job[] {
    return this.#jobs;
  }

  /** While true, notifications are only listed as `withheld`, never posted. */
  get withholdNotifications(): boolean {
    return this.#notifier.withhold;
  }

  set withholdNotifications(withhold: boolean) {
    this.#notifier.withhold = withhold;
  }

  /** Does the job: uploads every file, then notifies. Resolves after the uploads. */
  async createJob(request: JobRequest): Promise<JobReport> {
    const job = newJob(request, this.#now(), () => this.#nextId());
    this.#jobs.push(job);
    const kinds = request.notifications ?? 'output';
    const deliveries: Promise<Delivery>[] = [];
    job.state = 'processing';
    for (const [index, output] of job.outputs.entries()) {
      const asked = request.outputs[index];
      if (asked === undefined) continue;
      await placeOutput(asked, output, this.#transfers());
      job.updatedAt = this.#now();
      if (index === job.outputs.length - 1) this.#finish(job);
      if (kinds === 'output' || kinds === 'both')
        deliveries.push(...this.#notifyOutput(job, output, request));
    }
    if (kinds === 'job' || kinds === 'both') deliveries.push(...this.#notifyJob(job, request));
    return { job, files: reportFiles(job, this.#storage), delivered: Promise.all(deliveries) };
  }

  /** Posts both kinds of notification of a finished job once more, with fresh signatures. */
  async notifyAgain(
    job: Job,
    request: Pick<JobRequest, 'notificationUrls'> = {},
  ): Promise<readonly Delivery[]> {
    const outputs = job.outputs.flatMap((output) => this.#notifyOutput(job, output, request));
    return Promise.all([...outputs, ...this.#notifyJob(job, request)]);
  }

  /** Posts a recorded body as it is. Its job need not be one of this stand-in. */
  async replay(
    body: string,
    request: Pick<JobRequest, 'notificationUrls'> = {},
  ): Promise<readonly Delivery[]> {
    return Promise.all(
      this.#urls(request).map((url) =>
        this.#notifier.deliver({ kind: 'replay', jobId: null, outputId: null, url, body: () => body }),
      ),
    );
  }

  /** The address of a file as a notification of this moment would state it. */
  urlOf: UrlOf = (job, output, file) => {
    const { place } = file;
    if (place.kind !== 'storage') return place.url;
    return this.#storage.sign(place.key, job.signature, output.finishedAt ?? this.#now(), this.#now());
  };

  /** Deletes files whose 24 hours are over, as Zencoder's storage does; returns their number. */
  async removeExpired(): Promise<number> {
    const now = this.#now();
    const over = this.#jobs
      .flatMap((job) => job.outputs)
      .filter(({ finishedAt }) => finishedAt !== null && now >= finishedAt + LIFETIME * 1000)
      .flatMap(filesOf)
      .flatMap(({ place }) => (place.kind === 'storage' && !this.#removed.has(place.key) ? [place.key] : []));
    for (const key of over) {
      await this.#storage.remove(key, now);
      this.#removed.add(key);
    }
    return over.length;
  }

  /** Abandons notifications that are still under way and closes the API. */
  async close(): Promise<void> {
    this.#notifier.close();
    await this.#listening?.close();
  }

  #transfers() {
    return {
      primary: { timeout: 10_000, ...this.#options.primary, now: this.#now },
      storage: this.#storage,
      now: this.#now,
    };
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #finish(job: Job): void {
    job.state = job.outputs.some((output) => output.state === 'failed') ? 'failed' : 'finished';
    job.finishedAt = this.#now();
  }

  #notifyOutput(
    job: Job,
    output: Output,
    request: Pick<JobRequest, 'notificationUrls'>,
  ): Promise<Delivery>[] {
    const body = () => JSON.stringify(outputNotification(job, output, this.urlOf));
    return this.#urls(request).map((url) =>
      this.#notifier.deliver({ kind: 'output', jobId: job.id, outputId: output.id, url, body }),
    );
  }

  #notifyJob(job: Job, request: Pick<JobRequest, 'notificationUrls'>): Promise<Delivery>[] {
    const body = () => JSON.stringify(jobNotification(job, this.urlOf));
    return this.#urls(request).map((url) =>
      this.#notifier.deliver({ kind: 'job', jobId: job.id, outputId: null, url, body }),
    );
  }

  #urls(request: Pick<JobRequest, 'notificationUrls'>): readonly string[] {
    return request.notificationUrls ?? this.#options.notificationUrls ?? [];
  }

  #serveApi(): Server {
    return createServer((request, response) => {
      request.resume();
      const key = request.headers['zencoder-api-key'];
      const state = { jobs: this.#jobs, keys: this.apiKeys, limit: this.#limit, urlOf: this.urlOf };
      const { status, headers, body } =
        this.apiOutage === null
          ? respond(
              {
                method: request.method ?? 'GET',
                target: request.url ?? '/',
                key: typeof key === 'string' ? key : undefined,
              },
              state,
            )
          : { status: this.apiOutage, headers: {}, body: { errors: ['Zencoder is not available'] } };
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    });
  }
}

/** Starts a stand-in for Zencoder; its API listens on `apiUrl`. */
export async function startZencoder(options: ZencoderOptions): Promise<Zencoder> {
  const zencoder = new Zencoder(options);
  await zencoder.listen();
  return zencoder;
}
