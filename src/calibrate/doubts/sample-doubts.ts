// What single samples of one source cannot be: full-scale codes and spikes, a sign turned round, a sensor that stopped, two
// logs that contradict each other. Such samples are taken out, so that a hole stands where no reading is; nothing is mended.
import { periodOf, tidySamples, type Samples } from '../../align/series-from-samples.ts';
import type { Doubt } from './doubts.ts';

export interface JudgedSamples {
  readonly samples: Samples;
  readonly doubts: readonly Doubt[];
  /** Samples taken out here; those that series themselves drop (negative, not finite, repeated) are counted there. */
  readonly removedCount: number;
  /** Above this a counter step of the source is no power of it; undefined for gauges and short recordings. */
  readonly ceilingW: number | undefined;
}

/** No node draws more; the same limit as for counters. */
const CEILING_W = 1e6;
/** What instruments say that have no value: all ones in 16, 31 or 32 bits, in W and in mW. */
const FULL_SCALE_W = [65535, 6553.5, 65.535, 2147483647, 2147483.647, 4294967295, 4294967.295];
const JUDGED_COUNT_MIN = 50;
/** A power that no more than one sample in two hundred comes near, by a factor of ten, is a spike. */
const USUAL_SHARE = 0.995;
const SPIKE_RATIO = 10;
/** A live sensor does not show one value for half a minute; one that is coarse or held does, and is told by its habits. */
const STUCK_S_MIN = 30;
const STUCK_COUNT_MIN = 20;
const LIVE_REPEATS_MAX = 3;
const LIVE_SHARE = 0.95;
const OFF_RATIO = 0.02;
/** A step of this share of the reading is worth a word. */
const COARSE_RATIO = 0.01;
/** At a coarse step an idle load may truly stand still; at one of 0.02 % of the reading it never does. */
const FINE_STEP_RATIO = 2e-4;
/** More repeated stamps than this with other values are two logs in one file. */
const CONTRADICTING_SHARE_MAX = 0.01;
/** What is wrong in more samples than this is wrong in all: a sign, a unit. */
const FAULTY_SHARE_MAX = 0.2;

/** Judges a gauge in W or a counter in J. Pure; the samples come back sorted where anything was taken out. */
export function judgeSamples(
  source: string,
  quantity: 'power_w' | 'energy_j',
  raw: Samples,
  role: 'meter' | 'chips' = 'chips',
): JudgedSamples {
  const doubts: Doubt[] = [...signDoubt(source, quantity, raw), ...repeatDoubt(source, raw)];
  const { samples } = tidySamples(raw);
  if (role === 'meter' && quantity === 'power_w') doubts.push(...coarseDoubt(source, samples));
  const kept = new Uint8Array(samples.atS.length).fill(1);
  let ceilingW: number | undefined;
  if (quantity === 'power_w') dropSpikes(source, samples, kept, doubts);
  else ceilingW = dropGlitches(source, samples, kept, doubts);
  dropStuck(source, quantity, samples, kept, doubts);
  let removedCount = 0;
  for (const each of kept) removedCount += 1 - each;
  return {
    samples: removedCount === 0 ? raw : chosen(samples, kept),
    doubts,
    removedCount,
    ceilingW,
  };
}

function chosen(samples: Samples, kept: Uint8Array): Samples {
  const keep = (_: number, index: number): boolean => kept[index] === 1;
  return {
    originNs: samples.originNs,
    atS: samples.atS.filter(keep),
    reading: samples.reading.filter(keep),
  };
}

function signDoubt(source: string, quantity: string, raw: Samples): readonly Doubt[] {
  let negativeCount = 0;
  for (const reading of raw.reading) if (reading < 0) negativeCount++;
  if (negativeCount === 0) return [];
  const share = negativeCount / raw.reading.length;
  const isSign = quantity === 'power_w' && share > FAULTY_SHARE_MAX;
  return [
    {
      code: 'negative-reading',
      weight: isSign ? 'refuse' : 'note',
      source,
      because: `reads below 0 in ${negativeCount} of ${raw.reading.length} samples`,
      remedy: isSign
        ? 'turn the current transformer round, or the sign of the channel'
        : 'they are sentinels or faults of the meter and were left out',
    },
  ];
}

function repeatDoubt(source: string, raw: Samples): readonly Doubt[] {
  const first = new Map<number, number>();
  let contradictingCount = 0;
  raw.atS.forEach((atS, index) => {
    const reading = raw.reading[index] ?? 0;
    const before = first.get(atS);
    if (before === undefined) first.set(atS, reading);
    else if (Math.abs(reading - before) > 0.01 * Math.abs(before)) contradictingCount++;
  });
  if (contradictingCount <= CONTRADICTING_SHARE_MAX * raw.atS.length) return [];
  return [
    {
      code: 'contradicting-repeat',
      weight: 'gate',
      source,
      because: `has ${contradictingCount} stamps twice with other values`,
      remedy: 'two logs lie in one file: keep the right one',
    },
  ];
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

function dropSpikes(source: string, samples: Samples, kept: Uint8Array, doubts: Doubt[]): void {
  const { reading } = samples;
  const usualW =
    reading.length < JUDGED_COUNT_MIN
      ? Infinity
      : quantile(reading.filter((each) => !isFullScale(each)).sort(), USUAL_SHARE);
  // What is beyond the ceiling as a rule is a unit, which the fit names; what is there now and then is a fault.
  const beyondCount = reading.reduce((sum, each) => sum + (each >= CEILING_W ? 1 : 0), 0);
  const ceilingW = beyondCount > FAULTY_SHARE_MAX * reading.length ? Infinity : CEILING_W;
  let droppedCount = 0;
  let worstW = 0;
  reading.forEach((powerW, index) => {
    const isCode = isFullScale(powerW) && powerW > 2 * usualW;
    if (powerW < ceilingW && !isCode && !(usualW > 0 && powerW > SPIKE_RATIO * usualW)) return;
    kept[index] = 0;
    droppedCount++;
    worstW = Math.max(worstW, powerW);
  });
  if (droppedCount > 0) doubts.push(absurd(source, droppedCount, `${worstW.toPrecision(6)} W`));
}

const isFullScale = (powerW: number): boolean => FULL_SCALE_W.includes(powerW);

const absurd = (source: string, droppedCount: number, worst: string): Doubt => ({
  code: 'absurd-reading',
  weight: 'note',
  source,
  because: `reads up to ${worst} in ${droppedCount} samples, which no power of it can be`,
  remedy: 'they were left out; look for what the instrument sends when it has no value',
});

/** A counter reading far above its neighbours on both sides is none; the usual rate also gives the ceiling of a step. */
function dropGlitches(
  source: string,
  samples: Samples,
  kept: Uint8Array,
  doubts: Doubt[],
): number | undefined {
  const { atS, reading } = samples;
  if (reading.length < JUDGED_COUNT_MIN) return undefined;
  const rateW = (index: number): number =>
    ((reading[index] ?? 0) - (reading[index - 1] ?? 0)) /
    ((atS[index] ?? 0) - (atS[index - 1] ?? 0));
  const rates = Float64Array.from({ length: reading.length - 1 }, (_, index) => rateW(index + 1));
  const usualW = quantile(rates.filter((each) => each >= 0).sort(), USUAL_SHARE);
  // An idle counter has no usual rate: then only the general limit holds.
  if (usualW <= 0) return undefined;
  const ceilingW = Math.min(CEILING_W, Math.max(SPIKE_RATIO * usualW, 100));
  let droppedCount = 0;
  for (let index = 1; index + 1 < reading.length; index++) {
    const rises = rateW(index) > ceilingW && rateW(index + 1) < 0;
    const falls = rateW(index) < 0 && rateW(index + 1) > ceilingW;
    const before = reading[index - 1] ?? 0;
    const around = (reading[index + 1] ?? 0) - before;
    const lengthS = (atS[index + 1] ?? 0) - (atS[index - 1] ?? 0);
    if ((!rises && !falls) || around < 0 || around / lengthS > ceilingW) continue;
    kept[index] = 0;
    droppedCount++;
  }
  if (droppedCount > 0) doubts.push(absurd(source, droppedCount, 'counts'));
  return ceilingW;
}

/**
 * Takes out all but the first sample of a stretch in which a live sensor shows one value. Live is a sensor whose readings
 * repeat at most three times in 95 of 100 cases, in fine steps; meters that hold their values and coarse ones are not.
 */
function dropStuck(
  source: string,
  quantity: 'power_w' | 'energy_j',
  samples: Samples,
  kept: Uint8Array,
  doubts: Doubt[],
): void {
  const { atS, reading } = samples;
  const stretches: { from: number; until: number }[] = [];
  for (let from = 0; from < reading.length;) {
    let until = from + 1;
    while (until < reading.length && reading[until] === reading[from]) until++;
    stretches.push({ from, until });
    from = until;
  }
  if (stretches.length < JUDGED_COUNT_MIN) return;
  const counts = Float64Array.from(stretches, ({ from, until }) => until - from).sort();
  if (quantile(counts, LIVE_SHARE) > LIVE_REPEATS_MAX) return;
  const step = quantity === 'power_w' ? leastStep(reading) : 0;
  const periodS = periodOf(atS);
  const usualW = quantile(reading.slice().sort(), 0.5);
  let stuckS = 0;
  let stuckAt = '';
  for (const { from, until } of stretches) {
    const lengthS = (atS[until - 1] ?? 0) - (atS[from] ?? 0) + periodS;
    if (until - from < STUCK_COUNT_MIN || lengthS < STUCK_S_MIN) continue;
    if (step > FINE_STEP_RATIO * (reading[from] ?? 0)) continue;
    // A node that is off stands still rightly.
    if (quantity === 'power_w' && (reading[from] ?? 0) < OFF_RATIO * usualW) continue;
    // With its repeats gone the step behind a counter's standstill spans a hole, so no catching up becomes power.
    for (let index = from + 1; index < until; index++) kept[index] = 0;
    stuckS += lengthS;
    stuckAt = `${(reading[from] ?? 0).toPrecision(6)} ${quantity === 'power_w' ? 'W' : 'J'}`;
  }
  if (stuckS === 0) return;
  doubts.push({
    code: 'stuck',
    weight: 'note',
    source,
    because: `stood at ${stuckAt} for ${stuckS.toFixed(0)} s, though it usually changes with each sample`,
    remedy: 'that time was left out; restart what reads the sensor',
  });
}

/** A meter whose step is more than 1 % of what it reads on average. */
function coarseDoubt(source: string, { reading }: Samples): readonly Doubt[] {
  const stepW = leastStep(reading);
  let meanW = 0;
  for (const each of reading) meanW += each / reading.length;
  if (stepW <= COARSE_RATIO * meanW) return [];
  return [
    {
      code: 'coarse-meter',
      weight: 'note',
      source,
      because: `reads in steps of ${stepW.toPrecision(3)} W, ${((100 * stepW) / meanW).toFixed(1)} % of its mean`,
      remedy:
        'the scatter holds it while the load moves; use a meter of finer resolution for steady loads',
    },
  ];
}

/** The smallest change from one sample to the next; 0 where there is none. */
function leastStep(reading: Float64Array): number {
  let least = Infinity;
  for (let index = 1; index < reading.length; index++) {
    const step = Math.abs((reading[index] ?? 0) - (reading[index - 1] ?? 0));
    if (step > 0) least = Math.min(least, step);
  }
  return Number.isFinite(least) ? least : 0;
}
