import type { Random } from '../soak/random.ts';

/** One thing that went wrong in a run. */
export interface Strike {
  /** Counts the chances that came up in the run, from 0; the same for the same seed until something is left out. */
  readonly index: number;
  readonly kind: string;
}

/**
 * Decides what goes wrong, by chance and up to a budget. Single strikes can be left out, to find out which of them a
 * fault needs.
 */
export class Chaos {
  readonly strikes: Strike[] = [];
  readonly #random: Random;
  readonly #budget: number;
  readonly #leftOut: ReadonlySet<number>;
  #chances = 0;
  #isCalm = false;

  constructor(random: Random, budget: number, leftOut: ReadonlySet<number>) {
    this.#random = random;
    this.#budget = budget;
    this.#leftOut = leftOut;
  }

  /** Whether this goes wrong now, which it does in `share` of the cases. */
  hits(kind: string, share: number): boolean {
    if (!this.#random.chance(share) || this.#isCalm) return false;
    const index = this.#chances++;
    if (index >= this.#budget || this.#leftOut.has(index)) return false;
    this.strikes.push({ index, kind });
    return true;
  }

  /** From now on nothing goes wrong. */
  calm(): void {
    this.#isCalm = true;
  }
}
