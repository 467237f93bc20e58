// `trueup calibrate fit` of recordings longer than two days of seconds: days are read one after the other, aligned and kept as
// rows by worker threads, then fitted together. Memory does not grow with the files, but by 28 bytes a row.
import { fitDays, storeDays } from '../../calibrate/long/long-fit.ts';
import { longModel } from '../../calibrate/long/long-model.ts';
import { doubtWords } from '../../calibrate/doubts/doubts.ts';
import type { Clock } from '../../quantity/clock.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { instantNs } from '../../quantity/time.ts';
import type { Fitted, Output } from './fit-summary.ts';
import { startChunkWorkers } from './chunk-workers.ts';
import { longDays, type LongEvidence } from './long-recording.ts';

export interface LongFitOptions {
  readonly folders: readonly string[];
  readonly node: string;
  readonly meterRatio: number | undefined;
  readonly seed: number;
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
    daysCount: 0,
    unseenDaysCount: 0,
    flawsCount: 0,
    lastClock: undefined,
  };
  const workers = startChunkWorkers();
  try {
    io.err(
      `a recording of more than two days: it is read day by day, with ${workers.workersCount} worker threads`,
    );
    const days = await storeDays(longDays(options.folders, evidence, io), workers.mapChunks);
    for (const words of evidence.doubts.map(doubtWords)) io.err(`doubt  ${words}`);
    if (!evidence.lastClock) {
      return refuse(
        'align.overlap',
        'no day has a meter and chips of one machine',
        'check the source names, and that the stamps of both files are UTC',
      );
    }
    io.err(`fitting ${evidence.daysCount} days`);
    const plan = { terms: evidence.terms, seed: options.seed, form: 'chosen' } as const;
    const fit = await fitDays(days, plan, workers.mapChunks);
    if (isRefusal(fit)) return fit;
    io.err(
      `fitted ${fit.rowsCount} rows in ${fit.roundsCount} rounds; the level moves by ${fit.levelW.toFixed(1)} W from day to day`,
    );
    const { found } = evidence.lastClock;
    const model = longModel(fit, {
      node: options.node,
      fittedAtNs: instantNs(clock.nowNs()),
      offsetS: found.clock.offsetS,
      rateRatio: found.clock.rateRatio,
      offsetUncertaintyS: found.offsetUncertaintyS,
      aligned: evidence.unseenDaysCount < evidence.daysCount,
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
      runsCount: evidence.daysCount,
      tornRuns: [],
      // A node-year is fitted from sums: there are no rows to draw.
      figures: [],
    };
  } finally {
    await workers.close();
  }
}
