// `trueup calibrate`: which of its commands was meant.
import type { Clock } from '../quantity/clock.ts';
import { APPLY_USAGE } from './calibrate-apply-options.ts';
import { calibrateApply } from './calibrate-apply.ts';
import { calibrateFit, FIT_USAGE } from './calibrate-fit.ts';
import { calibrateReport, REPORT_USAGE } from './calibrate-report.ts';
import type { Output } from './fit-summary.ts';

/** Runs `calibrate fit ...`, `apply ...` or `report ...`; the arguments begin with that word. */
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
    default:
      io.err(
        `calibrate has the commands fit, apply and report${command ? `, not "${command}"` : ''}`,
      );
      io.err(`usage: ${FIT_USAGE}`);
      io.err(`       ${APPLY_USAGE}`);
      io.err(`       ${REPORT_USAGE}`);
      return Promise.resolve(2);
  }
}
