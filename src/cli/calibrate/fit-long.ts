// `trueup calibrate fit` of recordings longer than two days of seconds: days are read one after the other, aligned and kept as
// rows by worker threads, then fitted together. Memory does not grow with the files, but by 28 bytes a row.
import { alignmentOfDays } from '../../calibrate/figures/alignment-figure.ts';
import { figuresOf } from '../../calibrate/figures/figures-of-fit.ts';
import type { FitFigures } from '../../calibrate/figures/fit-figures.ts';
import type { DayRows } from '../../calibrate/long/day-cells.ts';
import { drawnRows } from '../../calibrate/long/drawn-rows.ts';
import { fitDays, storeDays } from '../../calibrate/long/long-fit.ts';
import { longModel } from '../../calibrate/long/long-model.ts';
import { doubtWords } from '../../calibrate/doubts/doubts.ts';
import type { Clock } from '../../quantity/clock.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { formatInstant, instantNs } from '../../quantity/time.ts';
import { provenanceOf, type FitAsked } from './fit-provenance.ts';
import type { Fitted, Output } from './fit-summary.ts';
import { startChunkWorkers } from './chunk-workers.ts';
import { longDays, type LongEvidence } from './long-recording.ts';

export interface LongFitOptions extends FitAsked {
  readonly node: string;
  readonly meterRatio: number | undefined;
}

export async function fitLongFolders(
  options: LongFitOptions,
  io: Output,
  clock: Pick<Clock, 'nowNs'>,
): Promise<Fitted | Refusal> {
  const evidence: LongEvidence = {
    terms: [],
    meterSources: [],
    chipStamp: 'end',
    chipWindowS: undefined,
    doubts: [],
    clocks: [],
    rehearsed: false,
    flawsCount: 0,
  };
  const workers = startChunkWorkers();
  try {
    io.err(
      `a recording of more than two days: it is read day by day, with ${workers.workersCount} worker threads`,
    );
    const days = await storeDays(longDays(options.folders, evidence, io), workers.mapChunks);
    for (const words of evidence.doubts.map(doubtWords)) io.err(`doubt  ${words}`);
    const daysCount = evidence.clocks.length;
    const last = evidence.clocks.at(-1);
    if (!last) {
      return refuse(
        'align.overlap',
        'no day has a meter and chips of one machine',
        'check the source names, and that the stamps of both files are UTC',
      );
    }
    io.err(`fitting ${daysCount} days`);
    const plan = { terms: evidence.terms, seed: options.seed, form: 'chosen' } as const;
    const fit = await fitDays(days, plan, workers.mapChunks);
    if (isRefusal(fit)) return fit;
    io.err(
      `fitted ${fit.rowsCount} rows in ${fit.roundsCount} rounds; the level moves by ${fit.levelW.toFixed(1)} W from day to day`,
    );
    const { found } = last;
    const model = longModel(fit, {
      node: options.node,
      fittedAtNs: instantNs(clock.nowNs()),
      offsetS: found.clock.offsetS,
      rateRatio: found.clock.rateRatio,
      offsetUncertaintyS: found.offsetUncertaintyS,
      aligned: evidence.clocks.some((each) => each.found.trace !== undefined),
      meterRatio: options.meterRatio,
      meterSources: evidence.meterSources,
      chipStamp: evidence.chipStamp,
      chipWindowS: evidence.chipWindowS,
      doubts: evidence.doubts,
    });
    return {
      set: { models: [model], unmetered: undefined },
      aligned: [],
      flawsCount: evidence.flawsCount,
      runsCount: daysCount,
      tornRuns: [],
      figures: [await drawnFit(model, days, evidence, options)],
    };
  } finally {
    await workers.close();
  }
}

/** What a report draws: minutes instead of all rows, each day a run, and the clocks day by day. */
async function drawnFit(
  model: CorrectionModel,
  days: readonly DayRows[],
  evidence: LongEvidence,
  options: LongFitOptions,
): Promise<FitFigures> {
  const withRows = days.filter((day) => day.count > 0);
  return figuresOf({
    model,
    rows: drawnRows(withRows, evidence.terms.length),
    terms: evidence.terms,
    runs: withRows.map((day) => ({ node: '', run: formatInstant(day.originNs).slice(0, 10) })),
    nodesCount: 1,
    alignment: alignmentOfDays(
      evidence.clocks.map(({ day, dayNs, found }) => ({
        day,
        atS: Number(dayNs) / 1e9 + found.clock.pivotS,
        offsetS: found.clock.offsetS,
        uncertaintyS: found.offsetUncertaintyS,
        trace: found.trace,
      })),
    ),
    provenance: await provenanceOf(options, evidence.rehearsed),
  });
}
