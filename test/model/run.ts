import type { OutputMessage } from '../../lambda/shared/queue/messages.ts';
import { HOUR_MS, MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import { parseStorageAllowList } from '../../lambda/shared/zencoder/storage.ts';
import { parseKeyTemplate } from '../../lambda/worker/key-template.ts';
import { type Random, seededRandom } from '../soak/random.ts';
import { Chaos, drawFate, type Strike } from './chaos.ts';
import { faultsAtEnd, faultsNow } from './checks.ts';
import { abortUploads, actAsCustomer, type ExternalEvent, externalEvents } from './external-events.ts';
import { Ledger, objectsOf } from './invariants.ts';
import { Invocations } from './invocations.ts';
import { Journal } from './journal.ts';
import { Outages } from './outages.ts';
import { Processes } from './processes.ts';
import { ModelQueue } from './queue.ts';
import { drawScenario, keyTemplateOf, notifiedMessages, type Scenario, sourceFault } from './scenario.ts';
import { type Parked, Scheduler } from './scheduler.ts';
import type { ModelServers } from './servers.ts';
import { ModelTopic } from './topic.ts';
import { modelApi } from './zencoder.ts';

/** All runs begin at the same moment of the model's time, epoch milliseconds. */
const BEGIN = Date.parse('2026-11-25T00:00:00Z');
/** A run that takes more steps has no end, which is a fault of its own. */
const MAX_STEPS = 4000;
/** How much may go wrong in a run: many small runs, and some in which the same kind comes up again and again. */
const BUDGETS = [0, 1, 2, 3, 5, 8, 15, 30];
/** After this, nothing more goes wrong. */
const CALM_AFTER_MS = 6 * HOUR_MS;
const CALM_AFTER_STEPS = 500;

export interface RunOptions {
  readonly seed: number;
  /** Strikes to leave out, by index. */
  readonly leftOut?: ReadonlySet<number>;
}

/** How a run went. */
export interface RunResult {
  /** Promises that were broken; empty when all were kept. */
  readonly faults: readonly string[];
  readonly trace: readonly string[];
  readonly strikes: readonly Strike[];
  readonly steps: number;
}

let lastJob = 5_000_000;

/** Explores one interleaving until nothing more can happen. */
export async function run(servers: ModelServers, options: RunOptions): Promise<RunResult> {
  return await new Run(servers, options).complete();
}

class Run {
  readonly #servers: ModelServers;
  readonly #random: Random;
  readonly #chaos: Chaos;
  readonly #scenario: Scenario;
  readonly #scheduler = new Scheduler();
  readonly #journal = new Journal(() => this.#age);
  readonly #outages: Outages;
  readonly #queue: ModelQueue;
  readonly #topic: ModelTopic;
  readonly #processes: Processes;
  readonly #invocations: Invocations;
  readonly #ledger: Ledger;
  readonly #jobId = String(++lastJob);
  #externalEvents: ExternalEvent[];
  #now = BEGIN;
  #hasNewRecords = false;
  #isUploadGone = false;
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
        if (!this.#ledger.hasSeen(event))
          this.#journal.fault(`${event.type} was published before it was stored`);
      },
    );
    this.#processes = new Processes(this.#scheduler, this.#random, now, (clock) => servers.engine(clock));
    this.#invocations = this.#createInvocations();
    this.#externalEvents = this.#drawExternalEvents();
  }

  /** Milliseconds of the model's time since the run began. */
  get #age(): number {
    return this.#now - BEGIN;
  }

  #createInvocations(): Invocations {
    const { media, thumbnails } = this.#servers;
    return new Invocations({
      servers: this.#servers,
      parts: {
        scheduler: this.#scheduler,
        processes: this.#processes,
        queue: this.#queue,
        topic: this.#topic,
        chaos: this.#chaos,
        random: this.#random,
        journal: this.#journal,
      },
      settings: {
        keyTemplate: parseKeyTemplate(keyTemplateOf(this.#scenario)),
        storage: parseStorageAllowList([media.origin, thumbnails.origin].join(',')),
        api: this.#scenario.hasApi
          ? modelApi(this.#scheduler, { jobId: this.#jobId, outputs: this.#messages(0), finishedAt: BEGIN })
          : null,
      },
      now: () => this.#now,
      onDone: () => {
        this.#hasNewRecords = true;
      },
    });
  }

  #drawExternalEvents(): ExternalEvent[] {
    return externalEvents(this.#scenario, {
      notify: (signature) => {
        for (const message of this.#messages(signature)) this.#queue.put(message);
      },
      redrive: () => this.#queue.put({ type: 'redrive', version: 1, jobId: this.#jobId, outputId: '1' }),
      reconcile: () => this.#invocations.reconcile(),
      customer: async () => {
        this.#customerUpload = await actAsCustomer(this.#servers.client, this.#scenario, this.#jobId);
      },
    });
  }

  async complete(): Promise<RunResult> {
    this.#begin();
    let steps = 0;
    for (; steps < MAX_STEPS; steps++) {
      await this.#check();
      if (steps > CALM_AFTER_STEPS || this.#age > CALM_AFTER_MS) this.#chaos.calm();
      if (!(await this.#step())) break;
    }
    if (steps === MAX_STEPS) this.#journal.fault('the run has no end');
    else await this.#checkEnd();
    const { faults, trace } = this.#journal;
    return { faults, trace, strikes: this.#chaos.strikes, steps };
  }

  #begin(): void {
    const { media, mediaBytes, thumbnails, hasApi, customer } = this.#scenario;
    this.#journal.log(
      `media ${media}, ${mediaBytes} bytes, ${thumbnails} thumbnails, ${hasApi ? 'with' : 'no'} API key, customer ${customer}`,
    );
    this.#servers.use(
      {
        scheduler: this.#scheduler,
        sourceFault: (request) => sourceFault(this.#scenario, request, this.#age),
        bucketFault: (operation) => this.#outages.bucketFault(operation),
        tableRefuses: () => this.#outages.tableRefuses,
        onTableWrite: () => {
          this.#hasNewRecords = true;
        },
      },
      mediaBytes,
    );
  }

  /** @returns false when nothing can happen any more. */
  async #step(): Promise<boolean> {
    for (const name of this.#processes.sweep()) this.#journal.log(`${name} times out`);
    const parked = this.#scheduler.parked();
    const visible = this.#processes.hasRoom ? this.#queue.visible() : [];
    const due = this.#externalEvents.filter(({ after }) => after <= this.#age);
    const choices: (() => Promise<void> | void)[] = [
      ...parked.map((call) => () => this.#resume(call)),
      ...visible.map((message) => () => this.#invocations.deliver(message)),
      ...due.map((event) => () => this.#act(event)),
    ];
    if (choices.length === 0) return this.#passTime();
    if (!this.#processes.areIdle && this.#chaos.hits('time passes', 0.01)) {
      this.#advanceTo(this.#now + this.#random.below(20 * MINUTE_MS));
      return true;
    }
    await choices[this.#random.below(choices.length)]?.();
    return true;
  }

  #passTime(): boolean {
    const times = [
      ...this.#queue.queued().map(({ visibleAt }) => visibleAt),
      ...this.#externalEvents.map(({ after }) => BEGIN + after),
    ];
    if (times.length === 0) return false;
    this.#advanceTo(Math.max(this.#now + 1, Math.min(...times)));
    return true;
  }

  #advanceTo(time: number): void {
    this.#now = time;
    this.#journal.log('time passes');
  }

  async #act(event: ExternalEvent): Promise<void> {
    if (event.isInvocation && !this.#processes.hasRoom) return;
    this.#externalEvents = this.#externalEvents.filter((other) => other !== event);
    this.#journal.log(event.label);
    await event.act();
  }

  #resume(call: Parked): void {
    const fate = drawFate(call, this.#chaos);
    if (fate === 'done') {
      this.#outages.mayBegin();
      const isOfUpload = /^UploadPart|^Complete|^ListParts/.test(call.label);
      if (isOfUpload && this.#chaos.hits('the upload disappears', 0.06)) this.#isUploadGone = true;
    }
    this.#journal.log(`${call.process.name} ${call.label}${fate === 'done' ? '' : ` [${fate}]`}`);
    this.#scheduler.resume(call, fate);
  }

  /** Reads the ledger when it was written to, and checks what must hold at every moment. */
  async #check(): Promise<void> {
    await this.#scheduler.quiet();
    if (this.#isUploadGone) {
      this.#isUploadGone = false;
      await abortUploads(this.#servers.client, this.#ledger.records.recoveries, this.#journal);
    }
    if (!this.#hasNewRecords) return;
    this.#hasNewRecords = false;
    await this.#ledger.read();
    const { recoveries } = this.#ledger.records;
    const isAnyLost = recoveries.some(({ state }) => state === 'lost');
    const objects = isAnyLost ? await objectsOf(this.#servers, this.#jobId) : [];
    for (const fault of faultsNow(recoveries, objects, this.#queue.queued(), this.#scenario))
      this.#journal.fault(fault);
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
    for (const fault of faults) this.#journal.fault(fault);
  }

  #messages(signature: number): OutputMessage[] {
    return notifiedMessages(this.#scenario, this.#jobId, this.#servers, { signature, begin: BEGIN });
  }
}
