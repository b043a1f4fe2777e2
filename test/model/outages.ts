import { accessDenied, type Fault } from '../../infra/local/aws/s3/faults.ts';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { Random } from '../soak/random.ts';
import type { Chaos } from './chaos.ts';
import { BUCKET } from './servers.ts';

/** Outages of table, topic and bucket, for some time each. */
export class Outages {
  readonly #chaos: Chaos;
  readonly #random: Random;
  readonly #now: () => number;
  #table = 0;
  #topic = 0;
  #bucket = 0;
  #completions = 0;

  constructor(chaos: Chaos, random: Random, now: () => number) {
    this.#chaos = chaos;
    this.#random = random;
    this.#now = now;
  }

  get tableRefuses(): boolean {
    return this.#now() < this.#table;
  }

  get topicRefuses(): boolean {
    return this.#now() < this.#topic;
  }

  /** @param operation as the SDK names the command. */
  bucketFault(operation: string): Fault | undefined {
    const until = operation.startsWith('Complete') ? Math.max(this.#completions, this.#bucket) : this.#bucket;
    return this.#now() < until ? accessDenied('s3:PutObject', BUCKET) : undefined;
  }

  /** Begins outages, by chance. */
  mayBegin(): void {
    if (this.#chaos.hits('the table refuses for a while', 0.002)) this.#table = this.#end(10);
    if (this.#chaos.hits('the topic refuses for a while', 0.004)) this.#topic = this.#end(90);
    if (this.#chaos.hits('the bucket denies for a while', 0.006)) this.#bucket = this.#end(5 * 60);
    if (this.#chaos.hits('completions are denied for a while', 0.006)) this.#completions = this.#end(5 * 60);
  }

  #end(maxMinutes: number): number {
    return this.#now() + Math.ceil(this.#random.next() * maxMinutes * MINUTE_MS);
  }
}
