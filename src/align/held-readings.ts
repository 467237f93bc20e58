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
/** Stamps of polls are not better than this, so a rhythm need not be met more closely. */
const POLL_JITTER_RATIO = 0.05;
/** One change in fifty may fall out of the rhythm: a poll that was late, a value that was skipped. */
const OUTSIDE_RATIO_MAX = 0.02;

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
  const rhythm = rhythmOf(changes, holdS, periodS);
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
    ...refreshesOf(samples, rhythm, periodS),
    holdS: rhythm.everyS,
    refresh: 'by-clock',
    phaseHalfWidthS: rhythm.halfWidthS,
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
  readonly halfWidthS: number;
}

/**
 * A period and phase such that every change has a refresh between its two polls. The polls bound it on both sides:
 * before < first + n every <= at. The period is scanned around the hold; per period the phases that all changes allow
 * are one interval, and the middle of the widest is taken. Undefined where no period allows nearly all.
 */
function rhythmOf(changes: Changes, holdS: number, periodS: number): Rhythm | undefined {
  const count = changes.atS.length;
  const [firstAtS = 0] = changes.atS;
  const lengthS = (changes.atS[count - 1] ?? 0) - firstAtS;
  const slackS = POLL_JITTER_RATIO * periodS;
  let best: Rhythm | undefined;
  let centreS = holdS;
  // Coarse to fine: over m periods a phase error of a slack is a period error of slack / m.
  for (let spanS = Math.min(lengthS, 8 * holdS); ; spanS = Math.min(lengthS, 4 * spanS)) {
    const stepS = (slackS * centreS) / spanS;
    const reachCount = Math.ceil(periodS / 2 / slackS) * 4;
    best = undefined;
    for (let step = -reachCount; step <= reachCount; step++) {
      const everyS = centreS + step * stepS;
      const found = phaseOf(changes, everyS, firstAtS, spanS, slackS);
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
  firstAtS: number,
  spanS: number,
  slackS: number,
): Rhythm | undefined {
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
  const spare = Math.floor(OUTSIDE_RATIO_MAX * lows.length);
  const low = lows.sort((a, b) => b - a)[spare] ?? 0;
  const high = highs.sort((a, b) => a - b)[spare] ?? 0;
  const halfWidthS = (high - low) / 2 - slackS;
  if (halfWidthS < 0) return undefined;
  return { everyS, firstS: (low + high) / 2, halfWidthS };
}

/** One value per refresh, also where it equals the one before: the value of the first poll behind the refresh. */
function refreshesOf(
  samples: Samples,
  rhythm: Rhythm,
  periodS: number,
): { atS: Float64Array; meanW: Float64Array } {
  const atS: number[] = [];
  const meanW: number[] = [];
  const count = samples.atS.length;
  const [startS = 0] = samples.atS;
  let number = Math.ceil((startS - rhythm.firstS) / rhythm.everyS);
  for (let poll = 0; ; number++) {
    const refreshS = rhythm.firstS + number * rhythm.everyS;
    // A poll this far behind the refresh shows it, wherever in its open interval the refresh was.
    const surelyS = refreshS + rhythm.halfWidthS;
    while (poll < count && (samples.atS[poll] ?? 0) < surelyS) poll++;
    if (poll >= count) break;
    const pollS = samples.atS[poll] ?? 0;
    if (pollS - refreshS > rhythm.everyS - rhythm.halfWidthS) continue;
    atS.push(refreshS + periodS / 2);
    meanW.push(samples.reading[poll] ?? 0);
  }
  return { atS: Float64Array.from(atS), meanW: Float64Array.from(meanW) };
}
