// Two meters of one circuit over a period: what they counted in the intervals that both know may differ by the expanded
// uncertainty of the difference, and by no more.
import type { IntervalStatement } from '../../quantity/statement.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { joules, joulesToMicrojoules } from '../../quantity/units.ts';
import { later } from '../../quantity/time.ts';
import { EnergySum } from '../accounts/energy-sum.ts';
import { checkAgainstMeter, type Finding } from './interval-checks.ts';

export class MeterBeside {
  readonly #main = new EnergySum();
  readonly #other = new EnergySum();
  #count = 0;

  /** Intervals come in the order of time; one that either of them does not know is passed over. */
  add(main: IntervalStatement | undefined, other: IntervalStatement | undefined): void {
    if (main?.energyUj === undefined || other?.energyUj === undefined) return;
    this.#count += 1;
    const { startNs, durationNs } = main;
    const interval = { fromNs: startNs, untilNs: later(startNs, durationNs) };
    this.#main.add(interval, main.energyUj, main.uncertainty, main.quality);
    this.#other.add(interval, other.energyUj, other.uncertainty, other.quality);
  }

  /** Undefined where there was nothing to compare, or they agree. Two meters err independently, so U adds in quadrature. */
  finish(): Finding | undefined {
    if (this.#count === 0) return undefined;
    const expanded = Math.hypot(expandedJ(this.#main.parts), expandedJ(this.#other.parts));
    const expandedUj = joulesToMicrojoules(joules(expanded));
    return checkAgainstMeter(this.#main.energyUj, this.#other.energyUj, expandedUj);
  }
}
