// `trueup calibrate`: which of its commands was meant.
import type { Clock } from '../quantity/clock.ts';
import { APPLY_USAGE } from './calibrate-apply-options.ts';
import { calibrateApply } from './calibrate-apply.ts';
import { calibrateFit, FIT_USAGE } from './calibrate-fit.ts';
import type { Output } from './fit-summary.ts';

/** Runs `calibrate fit ...` or `calibrate apply ...`; the arguments begin with the word fit or apply. */
export function calibrate(
  argv: readonly string[],
  io: Output,
  clock: Pick<Clock, 'nowNs'>,
): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'fit':
      return calibrateFit(rest, io, clock);
    case 'apply':
      return calibrateApply(rest, io);
    default:
      io.err(`calibrate has the commands fit and apply${command ? `, not "${command}"` : ''}`);
      io.err(`usage: ${FIT_USAGE}`);
      io.err(`       ${APPLY_USAGE}`);
      return Promise.resolve(2);
  }
}
