import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { stalledAfterMs } from '../../lambda/reconcile/open-recoveries.ts';
import { reconcile } from '../../lambda/reconcile/reconcile.ts';
import { parseStorageAllowList } from '../../lambda/shared/zencoder/storage.ts';
import { invocationOf } from '../../lambda/worker/invocation.ts';
import { parseKeyTemplate } from '../../lambda/worker/key-template.ts';
import { processMessage } from '../../lambda/worker/process-message.ts';
import { type Random, seededRandom } from '../soak/random.ts';
import type { SourceFault, SourceRequest } from '../support/source-server.ts';
import { Chaos, type Strike } from './chaos.ts';
import { faultsAtEnd, faultsNow } from './checks.ts';
import { Ledger, objectsOf } from './invariants.ts';
import { Outages } from './outages.ts';
import { INVOCATION_MS, type Invocation, Processes } from './processes.ts';
import { ModelQueue, type QueuedMessage, VISIBILITY_MS } from './queue.ts';
import {
  drawScenario,
  keyTemplateOf,
  mediaAnswer,
  mediaKey,
  notifiedMessage,
  outputsOf,
  type Scenario,
} from './scenario.ts';
import { type Fate, type Parked, Scheduler } from './scheduler.ts';
import { ModelTopic } from './topic.ts';
import { BUCKET, type ModelServers } from './world.ts';
import { modelApi } from './zencoder.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** All runs begin at the same moment of the model's time, epoch milliseconds. */
const BEGIN = Date.parse('2026-11-25T00:00:00Z');
/** Reconcile runs at these times in any case: once deadlines are over it settles what nothing else did. */
const LATE_RECONCILES = [25, 26, 42, 43].map((hours) => hours * HOUR);
/** More than what a day of retries costs, one in fifteen minutes and as many of a message in reserve. */
const MANY_DELIVERIES = 220;
/** A run without an end is a fault of its own. */
const MAX_STEPS = 4000;
/** How much may go wrong in a run: many small runs, and some in which the same kind comes up again and again. */
const BUDGETS = [0, 1, 2, 3, 5, 8, 15, 30];
/** After this, nothing more goes wrong. */
const CALM_AFTER_MS = 6 * HOUR;
const CALM_AFTER_STEPS = 500;

export interface RunOptions {
  readonly seed: number;
  /** Strikes to leave out, by index. */
  readonly leftOut?: ReadonlySet<number>;
}

/** How a run went. */
export interface RunResult {
  /** What is not as it has to be; empty when all is well. */
  readonly faults: readonly string[];
  readonly trace: readonly string[];
  readonly strikes: readonly Strike[];
  readonly steps: number;
}

let lastJob = 5_000_000;

/** Explores one interleaving, to its end. */
export async function run(servers: ModelServers, options: RunOptions): Promise<RunResult> {
  return await new Run(servers, options).toEnd();
}

/** Something that happens from outside at a time. */
interface Happening {
  readonly at: number;
  readonly label: string;
  readonly act: () => Promise<void> | void;
}

class Run {
  readonly #servers: ModelServers;
  readonly #random: Random;
  readonly #chaos: Chaos;
  readonly #scenario: Scenario;
  readonly #scheduler = new Scheduler();
  readonly #outages: Outages;
  readonly #queue: ModelQueue;
  readonly #topic: ModelTopic;
  readonly #processes: Processes;
  readonly #ledger: Ledger;
  readonly #jobId = String(++lastJob);
  readonly #storage;
  readonly #keyTemplate;
  readonly #api;
  readonly #trace: string[] = [];
  readonly #faults = new Set<string>();
  #happenings: Happening[];
  #now = BEGIN;
  #wrote = false;
  #customerUpload: string | undefined;

  constructor(servers: ModelServers, { seed, leftOut = new Set() }: RunOptions) {
    this.#servers = servers;
    this.#random = seededRandom(seed);
    this.#scenario = drawScenario(this.#random);
    this.#chaos = new Chaos(
      seededRandom(seed + 1),
      BUDGETS[this.#random.below(BUDGETS.length)] ?? 0,
      leftOut,
    );
    const now = () => this.#now;
    this.#outages = new Outages(this.#chaos, this.#random, now);
    this.#queue = new ModelQueue(this.#scheduler, now);
    this.#ledger = new Ledger(servers, this.#jobId);
    this.#topic = new ModelTopic(
      this.#scheduler,
      () => this.#outages.topicRefuses,
      (event) => {
        if (!this.#ledger.hasSeen(event)) this.#fault(`${event.type} was published before it was so`);
      },
    );
    this.#processes = new Processes(this.#scheduler, this.#random, now, (clock) => servers.engine(clock));
    this.#keyTemplate = parseKeyTemplate(keyTemplateOf(this.#scenario));
    this.#storage = parseStorageAllowList([servers.media.origin, servers.thumbnails.origin].join(','));
    this.#api = this.#scenario.hasApi
      ? modelApi(this.#scheduler, { jobId: this.#jobId, outputs: this.#messages(0), finishedAt: BEGIN })
      : null;
    this.#happenings = this.#drawHappenings();
  }

  async toEnd(): Promise<RunResult> {
    this.#begin();
    let steps = 0;
    for (; steps < MAX_STEPS; steps++) {
      await this.#look();
      if (steps > CALM_AFTER_STEPS || this.#now > BEGIN + CALM_AFTER_MS) this.#chaos.calm();
      if (!(await this.#step())) break;
    }
    if (steps === MAX_STEPS) this.#fault('the run has no end');
    else await this.#checkEnd();
    return { faults: [...this.#faults], trace: this.#trace, strikes: this.#chaos.strikes, steps };
  }

  #begin(): void {
    const { media, mediaBytes, thumbnails, hasApi, customer } = this.#scenario;
    this.#say(
      `media ${media}, ${mediaBytes} bytes, ${thumbnails} thumbnails, ${hasApi ? 'with' : 'no'} API key, customer ${customer}`,
    );
    this.#servers.use(
      {
        scheduler: this.#scheduler,
        sourceFault: (request) => this.#sourceFault(request),
        bucketFault: (operation) => this.#outages.bucketFault(operation),
        tableRefuses: () => this.#outages.tableRefuses,
        onTableWrite: () => {
          this.#wrote = true;
        },
      },
      mediaBytes,
    );
  }

  #drawHappenings(): Happening[] {
    const { later, redriveAfter, reconcileAfter, customer } = this.#scenario;
    const at = (after: number, label: string, act: Happening['act']): Happening => ({
      at: BEGIN + after,
      label,
      act,
    });
    const notified = (after: number, signature: number) =>
      at(after, `a notification, signature ${signature}`, () => {
        for (const message of this.#messages(signature)) this.#queue.put(message);
      });
    const redrive = { type: 'redrive', version: 1, jobId: this.#jobId, outputId: '1' } as const;
    return [
      ...[{ after: 0, signature: 0 }, ...later].map(({ after, signature }) => notified(after, signature)),
      ...(redriveAfter === null ? [] : [at(redriveAfter, 'a redrive', () => this.#queue.put(redrive))]),
      ...[...reconcileAfter, ...LATE_RECONCILES].map((after) =>
        at(after, 'reconcile begins', () => this.#beginReconcile()),
      ),
      ...(customer === 'nothing' ? [] : [at(0, `the customer ${customer}`, () => this.#customerActs())]),
    ];
  }

  /** @returns false when nothing can happen any more. */
  async #step(): Promise<boolean> {
    for (const name of this.#processes.sweep()) this.#say(`${name} times out`);
    const parked = this.#scheduler.parked();
    const visible = this.#processes.hasRoom ? this.#queue.visible() : [];
    const due = this.#happenings.filter(({ at }) => at <= this.#now);
    const choices: (() => Promise<void> | void)[] = [
      ...parked.map((call) => () => this.#resume(call)),
      ...visible.map((message) => () => this.#deliver(message)),
      ...due.map((happening) => () => this.#happen(happening)),
    ];
    if (choices.length === 0) return this.#passTime();
    if (!this.#processes.areIdle && this.#chaos.hits('time passes', 0.01)) {
      this.#advanceTo(this.#now + this.#random.below(20 * MINUTE));
      return true;
    }
    await choices[this.#random.below(choices.length)]?.();
    return true;
  }

  #passTime(): boolean {
    const times = [
      ...this.#queue.queued().map(({ visibleAt }) => visibleAt),
      ...this.#happenings.map(({ at }) => at),
    ];
    if (times.length === 0) return false;
    this.#advanceTo(Math.max(this.#now + 1, Math.min(...times)));
    return true;
  }

  #advanceTo(time: number): void {
    this.#now = time;
    this.#say('time passes');
  }

  async #happen(happening: Happening): Promise<void> {
    if (happening.label === 'reconcile begins' && !this.#processes.hasRoom) return;
    this.#happenings = this.#happenings.filter((other) => other !== happening);
    this.#say(happening.label);
    await happening.act();
  }

  #resume(call: Parked): void {
    const fate = this.#fateOf(call);
    this.#say(`${call.process.name} ${call.label}${fate === 'done' ? '' : ` [${fate}]`}`);
    this.#scheduler.resume(call, fate);
  }

  #fateOf({ fates, label }: Parked): Fate {
    if (this.#chaos.hits('dies before', 0.015)) return 'dies-before';
    if (this.#chaos.hits('dies after', 0.015)) return 'dies-after';
    for (const fate of fates) if (this.#chaos.hits(fate, 0.02)) return fate;
    this.#outages.mayBegin();
    const upload = /^UploadPart|^Complete|^ListParts/.test(label);
    if (upload && this.#chaos.hits('the upload vanishes', 0.06)) this.#vanishing = true;
    return 'done';
  }

  #vanishing = false;

  /** Reads the ledger when it was written to, and checks what must hold at every moment. */
  async #look(): Promise<void> {
    await this.#scheduler.quiet();
    if (this.#vanishing) {
      this.#vanishing = false;
      await this.#abortUploads();
    }
    if (!this.#wrote) return;
    this.#wrote = false;
    await this.#ledger.look();
    const { recoveries } = this.#ledger.records;
    const isAnyLost = recoveries.some(({ state }) => state === 'lost');
    const objects = isAnyLost ? await objectsOf(this.#servers, this.#jobId) : [];
    for (const fault of faultsNow(recoveries, objects, this.#queue.queued(), this.#scenario))
      this.#fault(fault);
  }

  async #abortUploads(): Promise<void> {
    const { recoveries } = this.#ledger.records;
    for (const { upload } of recoveries) {
      if (upload === undefined) continue;
      this.#say(`upload ${upload.uploadId.slice(0, 6)} vanishes`);
      const { key: Key, uploadId: UploadId } = upload;
      await this.#servers.client
        .send(new AbortMultipartUploadCommand({ Bucket: BUCKET, Key, UploadId }))
        .catch(() => undefined);
    }
  }

  #deliver(message: QueuedMessage): void {
    const received = this.#queue.receive(message);
    if (received === null) {
      this.#fault('a message went to the dead-letter queue');
      return;
    }
    if (received.receiveCount === MANY_DELIVERIES)
      this.#fault(`a message was delivered ${MANY_DELIVERIES} times`);
    const invocation = this.#processes.begin('worker ');
    const { process, engine, now } = invocation;
    const kind = /"type":"(\w+)"/.exec(message.body)?.[1] ?? '';
    this.#say(`${process.name} takes ${message.id} (${kind}, delivery ${message.receives})`);
    if (this.#chaos.hits('delivered twice', 0.03)) message.visibleAt = this.#now;
    const finished = this.#scheduler.as(process, () =>
      processMessage(received, invocationOf(process.name, now(), INVOCATION_MS), {
        ledger: this.#servers.ledger.with({ now }),
        engine,
        queue: this.#queue.adapter(now),
        bucket: BUCKET,
        keyTemplate: this.#keyTemplate,
        storage: this.#storage,
        api: this.#api,
        events: this.#topic,
        meter: { add: () => undefined },
        logger: this.#logger(process.name),
        now,
        random: () => this.#random.next(),
      }),
    );
    this.#finish(invocation, finished, (isDone) => {
      const isBack = message.visibleAt <= this.#now;
      this.#say(`${process.name} ${isDone ? 'is done with' : 'keeps'} ${message.id}`);
      if (!isDone) return;
      if (this.#chaos.hits('not deleted', 0.02))
        message.visibleAt = isBack ? this.#now : this.#now + VISIBILITY_MS;
      else if (message.state === 'queued') message.state = 'deleted';
      this.#wrote = true;
    });
  }

  #beginReconcile(): void {
    const invocation = this.#processes.begin('reconcile ');
    const { process, now } = invocation;
    const finished = this.#scheduler.as(process, () =>
      reconcile(
        {
          ledger: this.#servers.ledger.with({ now }),
          api: this.#api,
          send: (messages) => this.#queue.send(messages),
          backlog: async () => this.#queue.visible().length,
          events: this.#topic,
          settings: { storage: this.#storage, collectUnsentOutputs: false },
          atRiskMs: 6 * HOUR,
          stalledAfterMs: stalledAfterMs(VISIBILITY_MS / 1000),
          meter: { add: () => undefined },
          logger: this.#logger(process.name),
          now,
        },
        now() + 5 * MINUTE,
      ),
    );
    this.#finish(invocation, finished, () => this.#say(`${process.name} is at its end`));
  }

  #finish<T>(invocation: Invocation, finished: Promise<T>, then: (result: T) => void): void {
    finished
      .then(then, (error: unknown) => {
        this.#say(`${invocation.process.name} threw ${String(error)}`);
      })
      .finally(() => this.#processes.end(invocation));
  }

  #sourceFault({ target }: SourceRequest): SourceFault | undefined {
    if (!target.includes('/big.mov')) return undefined;
    const signature = Number(/Signature=(\d+)/.exec(target)?.[1]);
    switch (mediaAnswer(this.#scenario, signature, this.#now - BEGIN)) {
      case 'file':
        return undefined;
      case 'missing':
        return { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };
      case 'refused':
        return { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' };
      case 'invalid':
        return { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' };
    }
  }

  async #customerActs(): Promise<void> {
    const place = { Bucket: BUCKET, Key: mediaKey(this.#scenario, this.#jobId) };
    if (this.#scenario.customer === 'has-object') {
      await this.#servers.client.send(new PutObjectCommand({ ...place, Body: 'of the customer' }));
      return;
    }
    const { UploadId } = await this.#servers.client.send(new CreateMultipartUploadCommand(place));
    this.#customerUpload = UploadId;
  }

  async #checkEnd(): Promise<void> {
    const faults = await faultsAtEnd(this.#servers, {
      scenario: this.#scenario,
      jobId: this.#jobId,
      records: this.#ledger.records,
      published: this.#topic.published,
      files: this.#messages(0).flatMap((message) => message.files).length,
      customerUpload: this.#customerUpload,
    });
    for (const fault of faults) this.#fault(fault);
  }

  /** The messages of a notification: one for each output. */
  #messages(signature: number) {
    const { media, thumbnails } = this.#servers;
    const origins = { media: media.origin, thumbnails: thumbnails.origin };
    return outputsOf(this.#scenario).map((outputId) =>
      notifiedMessage(this.#scenario, this.#jobId, origins, { outputId, signature, begin: BEGIN }),
    );
  }

  #logger(name: string) {
    const log =
      (level: string) =>
      (input: unknown, ...details: unknown[]) => {
        this.#say(`  ${name} ${level}: ${String(input)} ${JSON.stringify(details)}`.slice(0, 260));
      };
    return {
      info: () => undefined,
      warn: log('warns'),
      error: log('reports'),
      appendKeys: () => undefined,
      resetKeys: () => undefined,
    };
  }

  #say(line: string): void {
    const seconds = Math.round((this.#now - BEGIN) / 1000);
    this.#trace.push(`+${seconds} s  ${line}`);
  }

  #fault(fault: string): void {
    if (!this.#faults.has(fault)) this.#say(`FAULT: ${fault}`);
    this.#faults.add(fault);
  }
}
