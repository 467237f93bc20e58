// `trueup calibrate`: which of its commands was meant.
import type { Clock } from '../../quantity/clock.ts';
import { APPLY_USAGE } from './apply-options.ts';
import { calibrateApply } from './apply.ts';
import { calibrateFit, FIT_USAGE } from './fit.ts';
import { calibrateReport, REPORT_USAGE } from './report.ts';
import { calibrateWatch, WATCH_USAGE } from './watch.ts';
import type { Output } from './fit-summary.ts';
import { calibrateStaircase, STAIRCASE_USAGE } from './staircase.ts';

/** Runs `calibrate fit ...` and its sisters; the arguments begin with the word of the command. */
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
    case 'report':
      return Promise.resolve(calibrateReport(rest, io));
    case 'watch':
      return calibrateWatch(rest, io);
    case 'staircase':
      return calibrateStaircase(rest, io, clock);
    default:
      io.err(
        `calibrate has the commands fit, apply, report, watch and staircase${command ? `, not "${command}"` : ''}`,
      );
      io.err(`usage: ${FIT_USAGE}`);
      io.err(`       ${APPLY_USAGE}`);
      io.err(`       ${REPORT_USAGE}`);
      io.err(`       ${WATCH_USAGE}`);
      io.err(`       ${STAIRCASE_USAGE}`);
      return Promise.resolve(2);
  }
}
