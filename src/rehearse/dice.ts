// Chance for a rack that does not exist: small, seeded, and split by label, so that the same seed gives the same rack
// and one more part in a node does not change what the others roll.

export interface Dice {
  /** Uniform in [from, until). */
  uniform(from: number, until: number): number;
  /** Whole number in [0, sidesCount). */
  whole(sidesCount: number): number;
  /** Normal, by summing twelve uniforms: bounded at six standard deviations, which physics prefers. */
  normal(mean: number, deviation: number): number;
  /** Hexadecimal digits, lower case. */
  hex(digitsCount: number): string;
  /** An independent generator; the same label gives the same one whatever was rolled before. */
  split(label: string): Dice;
}

/** Seeds a generator. Any finite seed will do; its fraction is dropped. */
export function rollDice(seed: number): Dice {
  return fromState(Math.trunc(seed) >>> 0);
}

function fromState(seed: number): Dice {
  // Mulberry32: 32 bits of state, passes gjrand's short tests; enough for load steps, never for keys.
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const dice: Dice = {
    uniform: (from, until) => from + (until - from) * next(),
    whole: (sidesCount) => Math.floor(next() * sidesCount),
    normal: (mean, deviation) => {
      let sum = -6;
      for (let roll = 0; roll < 12; roll += 1) sum += next();
      return mean + deviation * sum;
    },
    hex: (digitsCount) =>
      Array.from({ length: digitsCount }, () => Math.floor(next() * 16).toString(16)).join(''),
    split: (label) => fromState(hash(label, seed)),
  };
  return dice;
}

/** FNV-1a over the label, started from the seed and stirred once more, since neighbours in seed are alike. */
function hash(label: string, seed: number): number {
  let state = (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  for (let index = 0; index < label.length; index += 1) {
    state = Math.imul(state ^ label.charCodeAt(index), 0x01000193) >>> 0;
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b) >>> 0;
  return (state ^ (state >>> 13)) >>> 0;
}
