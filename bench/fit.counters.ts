// Made-up counters for the fit benchmark: a node with six chip sources on one poll and a meter on its own, both at 1 Hz
// with jitter, load steps, noise that wanders for minutes, outliers at the wall and a level per day. A file of days.
import { closeSync, openSync, writeSync } from 'node:fs';

export const CHIPS = ['cpu0', 'cpu1', 'dram', 'gpu0', 'gpu1', 'gpu2'] as const;
export const GAINS = [1.12, 1.2, 1.1, 1.05, 1.18, 1.08] as const;
export const DAY_READINGS_COUNT = 86_401;
/** Columns of a day in the file, each of `DAY_READINGS_COUNT` doubles: stamps of meter and chips, then the counts. */
export const COLUMNS_COUNT = 3 + CHIPS.length;
export const DAY_BYTES = 8 * COLUMNS_COUNT * DAY_READINGS_COUNT;
/** The chips' clock is late by so much on the first day, and by so much more on each other, s. */
export const OFFSET_S = 1.7;
export const DRIFT_S = 0.04;

const IDLE_W = [60, 55, 14, 50, 52, 48];
const LOAD_W = [120, 115, 18, 240, 230, 250];
const INTERCEPT_W = 180;

/** Marsaglia's xorshift, 2003: quick, and good enough for noise. */
class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2654435761) | 1;
  }
  /** In [0, 1). */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 4294967296;
  }
  /** Of unit variance, nearly normal. */
  noise(): number {
    return 1.4142135623730951 * (this.next() + this.next() + this.next() + this.next() + this.next() + this.next() - 3);
  }
}

export function writeCounters(path: string, daysCount: number, seed: number): void {
  const file = openSync(path, 'w');
  const bytes = new Uint8Array(DAY_BYTES);
  const cells = new Float64Array(bytes.buffer);
  const chance = new Chance(seed);
  const loads = CHIPS.map(() => chance.next());
  const powersW = new Float64Array(CHIPS.length);
  let wanderW = 0;
  for (let day = 0; day < daysCount; day++) {
    const levelW = 3 * chance.noise();
    const offsetS = OFFSET_S + DRIFT_S * day;
    const totalsJ = CHIPS.map((_, chip) => 1e7 * (chip + 1) + 4e7 * day);
    let wallJ = 1e9 + 1e8 * day;
    for (let second = 0; second < DAY_READINGS_COUNT; second++) {
      const lateMeterS = 0.03 * (chance.next() - 0.5);
      const lateChipsS = 0.05 * (chance.next() - 0.5);
      if (chance.next() < 1 / 30) loads[(CHIPS.length * chance.next()) | 0] = chance.next();
      wanderW += -wanderW / 60 + 4 * 0.18257 * chance.noise();
      let wallW = INTERCEPT_W + levelW + wanderW + 6 * chance.noise();
      if (chance.next() < 0.02) wallW += 200;
      for (let chip = 0; chip < CHIPS.length; chip++) {
        const powerW = (IDLE_W[chip] ?? 0) + (LOAD_W[chip] ?? 0) * (loads[chip] ?? 0) + 2 * chance.noise();
        powersW[chip] = powerW;
        wallW += (GAINS[chip] ?? 0) * powerW;
        const totalJ = totalsJ[chip] ?? 0;
        // Counters count whole µJ.
        cells[(3 + chip) * DAY_READINGS_COUNT + second] =
          Math.round((totalJ + powerW * lateChipsS) * 1e6) / 1e6;
        totalsJ[chip] = totalJ + powerW;
      }
      cells[second] = second + lateMeterS;
      cells[DAY_READINGS_COUNT + second] = second + lateChipsS + offsetS;
      cells[2 * DAY_READINGS_COUNT + second] = Math.round((wallJ + wallW * lateMeterS) * 1e6) / 1e6;
      wallJ += wallW;
    }
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
}
