// The fit of one node while the service runs: from about a minute of both instruments on, within tens of milliseconds
// for an hour. The clocks are searched first; where the load shows no edge they are taken as equal, and said to be.
import { findClock } from '../align/clock-search.ts';
import { lastS, firstS, type EnergySeries } from '../align/energy-series.ts';
import { rowsOfSeries } from '../align/meter-rows.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { judgeSources } from './doubts/source-doubts.ts';
import { componentTerms, type ChipLayout } from './chip-terms.ts';
import { chipTotalOf, rowsOfRuns, type Phase } from './evidence-rows.ts';
import { fitModel } from './fit-model.ts';

export interface NodeFitEvidence {
  readonly node: string;
  readonly wall: EnergySeries;
  readonly chips: ReadonlyMap<string, EnergySeries>;
  readonly fittedAtNs: InstantNs;
  readonly seed: number;
  /** Relative standard uncertainty of the meter (class / sqrt 3); without it U is relative to the meter. */
  readonly meterRatio?: number;
  readonly layout?: ChipLayout;
  /** What ran when, in order of time, where somebody said so. */
  readonly phases?: readonly Phase[];
}

/** Both instruments are stamped by hosts that know the time: more than this is no offset of theirs. */
const OFFSET_S_MAX = 60;

/**
 * Fits one node from cumulative energy of meter and chips. Provisional from about a minute on, accepted once its gates
 * are passed. Refuses `calibrate.few`, `calibrate.flat`, `calibrate.implausible` and `align.overlap`.
 */
export function fitNode(evidence: NodeFitEvidence): CorrectionModel | Refusal {
  const { node, wall, layout } = evidence;
  const declared = new Set([...(layout?.sumOf ?? []), ...(layout?.partOf?.keys() ?? [])]);
  const judged = judgeSources([evidence.chips], declared);
  const [chips = evidence.chips] = judged.chips;
  const terms = componentTerms([...chips.keys()], layout);
  const total = chipTotalOf(chips, terms);
  if (isRefusal(total)) return total;
  const coveredS = (wall.coveredS[wall.coveredS.length - 1] ?? 0) - (wall.coveredS[0] ?? 0);
  if (wall.atS.length < 12 || coveredS < 30) {
    return refuse(
      'calibrate.few',
      `the meter covers ${coveredS.toFixed(0)} s`,
      'wait for at least one minute of both instruments',
    );
  }
  const blockS = blockFor(coveredS);
  const rangeS = Math.min(OFFSET_S_MAX, (lastS(wall) - firstS(wall)) / 8);
  const clock = findClock(rowsOfSeries(wall, Math.min(blockS, 5)), total, {
    rangeS,
    seekRate: false,
  });
  const aligned = !isRefusal(clock);
  const offsetS = aligned ? clock.offsetS : 0;
  const rows = rowsOfRuns(
    [
      {
        evidence: {
          run: node,
          feeds: [{ source: node, series: wall, held: undefined }],
          chips,
          phases: evidence.phases ?? [],
        },
        clock: { offsetS, rateRatio: 0, pivotS: 0 },
      },
    ],
    terms,
    [],
    blockS,
  );
  if (isRefusal(rows)) return rows;
  return fitModel(rows, terms, {
    node,
    fittedAtNs: evidence.fittedAtNs,
    seed: evidence.seed,
    offsetS,
    rateRatio: 0,
    offsetUncertaintyS: aligned ? clock.offsetUncertaintyS : 1,
    aligned,
    meterRatio: evidence.meterRatio,
    meterSources: [],
    heldMeters: [],
    chipStamp: 'end',
    chipWindowS: undefined,
    doubts: judged.doubts,
  });
}

/** Blocks long enough that timing does not matter, short enough that there are many. */
export function blockFor(coveredS: number): number {
  if (coveredS < 150) return 2;
  if (coveredS < 1200) return 5;
  return coveredS < 86_400 ? 10 : 60;
}
