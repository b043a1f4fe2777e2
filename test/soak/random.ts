/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** From 0 to 1, 1 excluded. */
  next(): number;
  /** A whole number below `end`. */
  below(end: number): number;
  /** True in this share of cases. */
  chance(share: number): boolean;
  bytes(count: number): Buffer;
}

/** A 32-bit generator: a counter whose bits are mixed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const bits = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const next = () => bits() / 2 ** 32;
  return {
    next,
    below: (end) => Math.floor(next() * end),
    chance: (share) => next() < share,
    bytes(count) {
      const words = new Uint32Array(Math.ceil(count / 4)).map(bits);
      return Buffer.from(words.buffer, 0, count);
    },
  };
}
