// Chance for the bootstrap, from a seed that the caller passes in: the same evidence and seed give the same model.

/** Uniform in [0, 1). xoshiro-like 32-bit generator `sfc32` (Chris Doty-Humphrey, PractRand), seeded from one number. */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9 ^ (seed | 0);
  let b = 0x243f6a88 ^ Math.trunc(seed / 2 ** 32);
  let c = 0xb7e15162;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 15; round++) next();
  return next;
}
