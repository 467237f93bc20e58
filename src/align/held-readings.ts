// Meters that hold each value for several polls. When a value was refreshed is known only to the two polls around it,
// unless the meter refreshes by the clock: then all of them together pin the rhythm, and equal values are told apart.
import type { InstantNs } from '../quantity/time.ts';
import { periodOf, tidySamples, type Samples } from './series-from-samples.ts';

/** Whether refreshes keep a rhythm that explains every change (`by-clock`), or come as they like (`as-they-come`). */
export const REFRESH_HABITS = ['by-clock', 'as-they-come'] as const;

export interface HeldReadings {
  readonly originNs: InstantNs;
  /** When the value is first shown: half a poll behind its refresh, which on average is the poll that shows it first. */
  readonly atS: Float64Array;
  readonly meanW: Float64Array;
  /** How long a value is held, s. */
  readonly holdS: number;
  /** Of the polls, s. */
  readonly periodS: number;
  readonly refresh: (typeof REFRESH_HABITS)[number];
  /** The instants may all be early or late by up to this much (even distribution): polls fell between them. */
  readonly phaseHalfWidthS: number;
}

interface Changes {
  /** Last poll of the old and first of the new value. */
  readonly beforeS: Float64Array;
  readonly atS: Float64Array;
  readonly meanW: Float64Array;
}

const CHANGES_COUNT_MIN = 9;
/** Nine in ten values must stay for this many polls. */
const HELD_POLLS_COUNT_MIN = 2.5;
/** A stamp may be written before or behind its read by this share of a poll, so a rhythm need not be met more closely. */
const POLL_JITTER_RATIO = 0.5;
/** Periods are tried in steps that move the last phase by this share of the jitter. */
const STEP_RATIO = 0.05;
/**
 * Up to one change in ten may fall out of the rhythm: the meter was busy, a poll hung. The values around it are left out.
 * The fewest that leave a rhythm are tried first, since each that is let go makes it less sharp.
 */
const OUTSIDE_RATIOS = [0, 0.02, 0.1] as const;

/**
 * Tells whether polled values are held: nine in ten of the spans between two changes are at least 2.5 polls long, and
 * there are at least eight of them. Undefined for a meter that brings a new value with each poll.
 */
export function heldReadingsOf(raw: Samples): HeldReadings | undefined {
  const { samples } = tidySamples(raw);
  const periodS = periodOf(samples.atS);
  const changes = changesOf(samples);
  if (changes.atS.length < CHANGES_COUNT_MIN || periodS <= 0) return undefined;
  const spans = Float64Array.from({ length: changes.atS.length - 1 }, (_, index) => {
    return (changes.atS[index + 1] ?? 0) - (changes.atS[index] ?? 0);
  }).sort();
  if ((spans[Math.floor(spans.length / 10)] ?? 0) < HELD_POLLS_COUNT_MIN * periodS)
    return undefined;
  // Two equal values in a row look like one of double length, so the hold is the lower quartile, not the mean.
  const holdS = spans[spans.length >> 2] ?? 0;
  let rhythm: Rhythm | undefined;
  for (const outsideRatio of OUTSIDE_RATIOS) {
    rhythm ??= rhythmOf(changes, holdS, periodS, outsideRatio);
  }
  const held = { originNs: samples.originNs, periodS };
  if (!rhythm) {
    return {
      ...held,
      atS: changes.atS,
      meanW: changes.meanW,
      holdS,
      refresh: 'as-they-come',
      phaseHalfWidthS: 0,
    };
  }
  return {
    ...held,
    ...refreshesOf(samples, rhythm, periodS, outsideOf(changes, rhythm, periodS)),
    holdS: rhythm.everyS,
    refresh: 'by-clock',
    phaseHalfWidthS: Math.max(0, rhythm.halfWidthS),
  };
}

function changesOf(samples: Samples): Changes {
  const beforeS: number[] = [];
  const atS: number[] = [];
  const meanW: number[] = [];
  for (let index = 1; index < samples.atS.length; index++) {
    const reading = samples.reading[index] ?? 0;
    if (reading === samples.reading[index - 1]) continue;
    beforeS.push(samples.atS[index - 1] ?? 0);
    atS.push(samples.atS[index] ?? 0);
    meanW.push(reading);
  }
  return {
    beforeS: Float64Array.from(beforeS),
    atS: Float64Array.from(atS),
    meanW: Float64Array.from(meanW),
  };
}

interface Rhythm {
  readonly everyS: number;
  /** Middle of what the changes leave open for the first refresh. */
  readonly firstS: number;
  /** Half of what they leave open; below 0 where stamps jitter by more than that. */
  readonly halfWidthS: number;
}

/**
 * A period and phase such that every change has a refresh between its two polls. The polls bound it on both sides:
 * before < first + n every <= at. The period is scanned around the hold; per period the phases that all changes allow
 * are one interval, and the middle of the widest is taken. Undefined where no period allows nearly all.
 */
function rhythmOf(
  changes: Changes,
  holdS: number,
  periodS: number,
  outsideRatio: number,
): Rhythm | undefined {
  const count = changes.atS.length;
  const [firstAtS = 0] = changes.atS;
  const lengthS = (changes.atS[count - 1] ?? 0) - firstAtS;
  const slackS = POLL_JITTER_RATIO * periodS;
  let best: Rhythm | undefined;
  let centreS = holdS;
  // Coarse to fine: over m periods a phase error of a slack is a period error of slack / m.
  for (let spanS = Math.min(lengthS, 8 * holdS); ; spanS = Math.min(lengthS, 2 * spanS)) {
    const stepS = (STEP_RATIO * slackS * centreS) / spanS;
    // A period that fits half the span is off by at most two jitters at its end, so by four at the end of this one.
    const reachCount = Math.ceil(6 / STEP_RATIO);
    best = undefined;
    for (let step = -reachCount; step <= reachCount; step++) {
      const everyS = centreS + step * stepS;
      const found = phaseOf(changes, everyS, { firstAtS, spanS, slackS, outsideRatio });
      if (found && (!best || found.halfWidthS > best.halfWidthS + 1e-9)) best = found;
    }
    if (!best) return undefined;
    centreS = best.everyS;
    if (spanS >= lengthS) return best;
  }
}

/** The phases of one period that the changes of the first `spanS` allow. */
function phaseOf(
  changes: Changes,
  everyS: number,
  within: {
    readonly firstAtS: number;
    readonly spanS: number;
    readonly slackS: number;
    readonly outsideRatio: number;
  },
): Rhythm | undefined {
  const { firstAtS, spanS, slackS, outsideRatio } = within;
  const lows: number[] = [];
  const highs: number[] = [];
  for (let index = 0; index < changes.atS.length; index++) {
    const atS = changes.atS[index] ?? 0;
    if (atS - firstAtS > spanS) break;
    const number = Math.round((atS - firstAtS) / everyS);
    const openS = atS - (changes.beforeS[index] ?? 0);
    // Across lost polls the change may belong to any of several refreshes.
    if (openS > everyS / 2) continue;
    lows.push((changes.beforeS[index] ?? 0) - number * everyS - slackS);
    highs.push(atS - number * everyS + slackS);
  }
  if (lows.length < 3) return undefined;
  const spare = Math.floor(outsideRatio * lows.length);
  const low = lows.sort((a, b) => b - a)[spare] ?? 0;
  const high = highs.sort((a, b) => a - b)[spare] ?? 0;
  const halfWidthS = (high - low) / 2 - slackS;
  if (halfWidthS < -slackS) return undefined;
  return { everyS, firstS: (low + high) / 2, halfWidthS };
}

/** Numbers of refreshes whose value cannot be told: a change came at another time. */
function outsideOf(changes: Changes, rhythm: Rhythm, periodS: number): ReadonlySet<number> {
  const slackS = POLL_JITTER_RATIO * periodS;
  const outside = new Set<number>();
  changes.atS.forEach((atS, index) => {
    const number = (atS - rhythm.firstS) / rhythm.everyS;
    const refreshS = rhythm.firstS + Math.round(number) * rhythm.everyS;
    const isInside = refreshS <= atS + slackS && refreshS > (changes.beforeS[index] ?? 0) - slackS;
    if (isInside) return;
    outside.add(Math.floor(number));
    outside.add(Math.ceil(number));
  });
  return outside;
}

/** One value per refresh, also where it equals the one before: the value of the first poll behind the refresh. */
function refreshesOf(
  samples: Samples,
  rhythm: Rhythm,
  periodS: number,
  outside: ReadonlySet<number>,
): { atS: Float64Array; meanW: Float64Array } {
  const atS: number[] = [];
  const meanW: number[] = [];
  const count = samples.atS.length;
  const [startS = 0] = samples.atS;
  let number = Math.ceil((startS - rhythm.firstS) / rhythm.everyS);
  for (let poll = 0; ; number++) {
    const refreshS = rhythm.firstS + number * rhythm.everyS;
    // A poll this far behind the refresh shows it, wherever in its open interval the refresh was.
    const surelyS = refreshS + Math.max(0, rhythm.halfWidthS) + POLL_JITTER_RATIO * periodS;
    while (poll < count && (samples.atS[poll] ?? 0) < surelyS) poll++;
    if (poll >= count) break;
    if (outside.has(number)) continue;
    const pollS = samples.atS[poll] ?? 0;
    if (pollS - refreshS > rhythm.everyS - Math.max(0, rhythm.halfWidthS)) continue;
    atS.push(refreshS + periodS / 2);
    meanW.push(samples.reading[poll] ?? 0);
  }
  return { atS: Float64Array.from(atS), meanW: Float64Array.from(meanW) };
}
