// What a counter has done, once later readings agree that it is no longer where it was: set to zero, fallen back, scaled
// anew, jumped, or back from a glitch. None of it is ever energy; the word decides what people look for.
import type { FaultCode } from '../quantity/fault.ts';
import type { CounterReading } from '../quantity/observation.ts';
import type { Watts } from '../quantity/units.ts';
import { mostBetweenUj, stepBetween } from './counter-step.ts';

export interface CounterBreak {
  /** The last good reading, and the first of those that agree with each other on another count. */
  readonly last: CounterReading;
  readonly first: CounterReading;
  /** The last good reading before the break before, where there was one. */
  readonly earlier: CounterReading | undefined;
  readonly ceilingW: Watts;
}

/** Factors by which a display or a current transformer is set anew: powers of ten. */
const FACTORS = [10n, 100n, 1000n] as const;

/**
 * The verdict on a break, by the evidence of epoch, counts, time and the ceiling of power. Evidence is taken in the order of
 * its strength: what the device says of itself, then what only one cause explains.
 */
export function verdictOn({ last, first, earlier, ceilingW }: CounterBreak): FaultCode {
  if (last.epoch !== first.epoch) return 'counter.restarted';
  if (earlier !== undefined && stepBetween(earlier, first, ceilingW).step === 'advanced')
    return 'counter.glitch';
  const mostUj = mostBetweenUj(last, first, ceilingW);
  const fell = first.energyUj < last.energyUj;
  if (fell && first.energyUj <= mostUj) return 'counter.reset';
  if (isRescaled(last.energyUj, first.energyUj, mostUj)) return 'counter.rescaled';
  // A total that only grows had every lower count before: it fell back to one of them.
  if (fell) return 'counter.rolled-back';
  // A counter that wraps may have turned twice meanwhile; any other was set, or had not shown the truth before.
  return first.wrapsAtUj === undefined ? 'counter.jumped' : 'counter.too-fast';
}

/**
 * Whether one step leads from a count that was taken for a reset back to where the counter had been before: then the zeros
 * were the glitch, and the step is no energy although its size alone might pass.
 * @param startUj the count at which the stretch began that the step would continue.
 */
export function isReturn(
  { last, first, earlier, ceilingW }: CounterBreak,
  startUj: bigint,
): boolean {
  if (earlier === undefined || last.energyUj >= earlier.energyUj) return false;
  const isBack = stepBetween(earlier, first, ceilingW).step === 'advanced';
  // Who counts up again from a true reset passes the old count in a small step some day.
  return isBack && 2n * (first.energyUj - last.energyUj) > earlier.energyUj - startUj;
}

/** Whether the new count is the old one times or over a power of ten, but for what may have been counted meanwhile. */
function isRescaled(lastUj: bigint, firstUj: bigint, mostUj: bigint): boolean {
  const [smaller, larger] = lastUj < firstUj ? [lastUj, firstUj] : [firstUj, lastUj];
  // Beside what may have been counted meanwhile, a smaller count proves nothing.
  if (smaller <= 10n * mostUj) return false;
  return FACTORS.some((factor) => {
    const missUj = larger - smaller * factor;
    return (missUj < 0n ? -missUj : missUj) <= mostUj * factor;
  });
}
