// The heavy functions of a long fit by name, so that they can be called in another thread. See map-chunks.ts.
import type { DayRows } from './day-cells.ts';
import { rowsOfDay, type DayToAlign } from './day-rows.ts';
import { scoreDay, type DayScore, type DayToScore } from './score-day.ts';
import { weighDay, type DayRound, type DayWeighed } from './weigh-day.ts';

/** What each kernel takes. Days are handed over several at a time where each is quick. */
export interface ChunkOf {
  readonly align: DayToAlign;
  readonly weigh: readonly DayRound[];
  readonly score: readonly DayToScore[];
}

export interface ResultOf {
  readonly align: DayRows;
  readonly weigh: readonly DayWeighed[];
  readonly score: readonly DayScore[];
}

export type KernelName = keyof ChunkOf;

export const KERNELS: {
  readonly [Name in KernelName]: (chunk: ChunkOf[Name]) => ResultOf[Name];
} = {
  align: rowsOfDay,
  weigh: (rounds) => rounds.map(weighDay),
  score: (days) => days.map(scoreDay),
};
