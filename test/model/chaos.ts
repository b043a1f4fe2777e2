import type { Random } from '../soak/random.ts';
import type { Fate, Parked } from './scheduler.ts';

/** One injected fault of a run. */
export interface Strike {
  /** Counts the chances that came up in the run, from 0; the same for the same seed until something is left out. */
  readonly index: number;
  readonly kind: string;
}

/** How much more often than usual a kind goes wrong in a run. */
const WEIGHTS = [0, 0, 1, 3, 10];

/**
 * Decides what goes wrong, by chance and up to a budget. Each run favours some kinds and leaves others out, since faults
 * that need the same kind several times would hardly ever come up in a mix of all. Single strikes can be left out, to find
 * out which of them a fault needs.
 */
export class Chaos {
  readonly strikes: Strike[] = [];
  readonly #random: Random;
  readonly #budget: number;
  readonly #leftOut: ReadonlySet<number>;
  readonly #weights = new Map<string, number>();
  #chances = 0;
  #isCalm = false;

  constructor(random: Random, budget: number, leftOut: ReadonlySet<number>) {
    this.#random = random;
    this.#budget = budget;
    this.#leftOut = leftOut;
  }

  /** Whether this goes wrong now, which it does in `share` of the cases. */
  hits(kind: string, share: number): boolean {
    if (!this.#random.chance(share * this.#weightOf(kind)) || this.#isCalm) return false;
    const index = this.#chances++;
    if (index >= this.#budget || this.#leftOut.has(index)) return false;
    this.strikes.push({ index, kind });
    return true;
  }

  #weightOf(kind: string): number {
    const known = this.#weights.get(kind);
    if (known !== undefined) return known;
    const weight = WEIGHTS[this.#random.below(WEIGHTS.length)] ?? 1;
    this.#weights.set(kind, weight);
    return weight;
  }

  /** From now on nothing goes wrong. */
  calm(): void {
    this.#isCalm = true;
  }
}

/** The fate of a call: most are done. */
export function drawFate({ fates }: Parked, chaos: Chaos): Fate {
  if (chaos.hits('dies before', 0.015)) return 'dies-before';
  if (chaos.hits('dies after', 0.015)) return 'dies-after';
  return fates.find((fate) => chaos.hits(fate, 0.02)) ?? 'done';
}
