// A long fit as the correction model that everybody else knows, judged by the same gates: a day stands for a row there.
import type { CorrectionModel } from '../../quantity/correction.ts';
import { watts } from '../../quantity/units.ts';
import { coverageFactor } from '../../quantity/uncertainty.ts';
import { varianceAt } from '../bounded-regression.ts';
import { wordsByWeight, type Doubt } from '../doubts/doubts.ts';
import type { Rows } from '../rows.ts';
import type { FitFrame } from '../fit-model.ts';
import { judge } from '../gates.ts';
import { driftOf } from '../level.ts';
import type { LongFit } from './long-fit.ts';
import { modelId } from '../model-json.ts';

/** What a model says beside its fit; the clock is that of the last day, from which the next recordings go on. */
export type LongFrame = Omit<FitFrame, 'seed' | 'heldMeters' | 'doubts'> & {
  readonly doubts: readonly Doubt[];
};

export function longModel(fit: LongFit, frame: LongFrame): CorrectionModel {
  const { parameters, covariance, meterW } = fit;
  const size = parameters.length;
  const days = daysAsRows(fit);
  const level = levelBetweenDays(fit);
  const drift = driftOf(days, meterW);
  const scaleRatio = frame.meterRatio ?? 0;
  const told = wordsByWeight(frame.doubts);
  const verdict = judge(days, {
    aligned: frame.aligned,
    held: fit.heldBack,
    byApplication: [],
    byDay: fit.leftOut,
    doubts: fit.isStill
      ? told.open
      : [
          ...told.open,
          'fit: its rounds did not come to rest; look at the readings for two regimes',
        ],
  });
  const driftW = Math.hypot(drift.levelW, drift.gainRatio * meterW);
  const fitW = Math.sqrt(varianceAt(covariance, [1, ...fit.chipMeansW]));
  const model: Omit<CorrectionModel, 'id'> = {
    node: frame.node,
    fittedAtNs: frame.fittedAtNs,
    evidence: { fromNs: fit.fromNs, untilNs: fit.untilNs, intervalsCount: fit.rowsCount },
    interceptW: watts(parameters[0] ?? 0),
    terms: fit.terms.map((term, index) => ({
      name: term.name,
      sources: term.sources,
      gainRatio: parameters[index + 1] ?? 0,
      gainUncertaintyRatio: Math.sqrt(covariance[(index + 1) * (size + 1)] ?? 0),
      ...(term.less.length > 0 ? { less: term.less } : {}),
    })),
    holds: { fromW: watts(fit.holdsFromW), untilW: watts(fit.holdsUntilW) },
    offsetNs: BigInt(Math.round(frame.offsetS * 1e9)),
    residualW: watts(fit.residualW),
    intervalS: fit.coveredS / fit.rowsCount,
    systematicRatio: Math.hypot(scaleRatio, Math.hypot(fitW, level.levelW, driftW) / meterW),
    dof: Math.max(1, Math.min(fit.dof, level.levelDof)),
    ...verdict,
    ...(told.notes.length > 0 ? { notes: told.notes } : {}),
    gapRatio: 1 - fit.chipW / meterW,
    detail: {
      form: fit.form,
      shapes: [],
      conditions: [],
      covariance: [...covariance],
      covarianceDof: fit.dof,
      ...level,
      drift,
      applicationW: 0,
      scaleRatio,
      noiseW: fit.residualW,
      inflationRatio: fit.inflationRatio,
      swingW: fit.swingW,
      rateRatio: frame.rateRatio,
      offsetUncertaintyS: frame.offsetUncertaintyS,
      meterSources: frame.meterSources,
      heldMeters: [],
      chipStamp: frame.chipStamp,
      ...(frame.chipWindowS === undefined ? {} : { chipWindowS: frame.chipWindowS }),
      ...(fit.heldBack ? { heldBack: fit.heldBack } : {}),
      leftOut: { byApplication: [], byDay: fit.leftOut },
    },
  };
  return { ...model, id: modelId(model) };
}

/** As `levelBetweenRuns`: a level that was seen once may come again, so U reaches as far as the farthest. */
function levelBetweenDays(fit: LongFit): { readonly levelW: number; readonly levelDof: number } {
  const dof = Math.max(1, fit.levels.length - 1);
  const farthestW = fit.levels.reduce((most, day) => Math.max(most, Math.abs(day.levelW)), 0);
  const levelW = Math.max(fit.levelW, (1.1 * farthestW) / coverageFactor(dof));
  return { levelW, levelDof: levelW > 0 ? dof : Infinity };
}

/** Each day as one row of one run: what gates and drift ask of rows is how long they are and how many days they span. */
function daysAsRows(fit: LongFit): Rows {
  const count = fit.levels.length;
  const of = (read: (day: LongFit['levels'][number]) => number): Float64Array =>
    Float64Array.from(fit.levels, read);
  return {
    count,
    meterW: of((day) => day.meterW),
    chipW: [of((day) => day.chipW)],
    sourceW: [],
    shapeW: [],
    conditions: [],
    lengthS: of((day) => day.coveredS),
    atS: of((day) => Number(day.originNs) / 1e9 + 43_200),
    run: Int32Array.from(fit.levels.keys()),
    runsCount: count,
    application: new Int32Array(count).fill(-1),
    applications: [],
  };
}
