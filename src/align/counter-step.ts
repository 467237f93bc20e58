// What happened between two readings of one counter: it advanced, it wrapped, or we do not know. A counter that falls
// is never taken for a wrap without evidence: that is how invented energy gets into bills.
import type { FaultCode } from '../quantity/fault.ts';
import type { CounterReading } from '../quantity/observation.ts';
import type { Microjoules, Watts } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';

export type CounterStep =
  | { readonly step: 'advanced' | 'wrapped'; readonly byUj: Microjoules }
  | { readonly step: 'unknown'; readonly because: FaultCode };

/**
 * The step from one reading to the next, which must be later.
 *
 * Evidence for a wrap: the counter is known to wrap, the power that the wrap implies is below the ceiling, and the time
 * between is too short for a second turn. Everything else that falls is unknown.
 * @param ceilingW more than this instrument can ever show; bounds an advance as well as a wrap.
 */
export function stepBetween(
  before: CounterReading,
  after: CounterReading,
  ceilingW: Watts,
): CounterStep {
  if (before.epoch !== after.epoch) return { step: 'unknown', because: 'counter.restarted' };
  const ceilingUj = mostBetweenUj(before, after, ceilingW);
  const wrapsAtUj = after.wrapsAtUj;
  const mayTurnTwice = wrapsAtUj !== undefined && ceilingUj >= wrapsAtUj;
  const differenceUj = after.energyUj - before.energyUj;
  if (differenceUj >= 0n) {
    if (mayTurnTwice || differenceUj > ceilingUj) {
      return { step: 'unknown', because: 'counter.too-fast' };
    }
    return { step: 'advanced', byUj: microjoules(differenceUj) };
  }
  if (wrapsAtUj === undefined || mayTurnTwice) return { step: 'unknown', because: 'counter.fell' };
  const throughZeroUj = wrapsAtUj + differenceUj;
  return throughZeroUj <= ceilingUj
    ? { step: 'wrapped', byUj: microjoules(throughZeroUj) }
    : { step: 'unknown', because: 'counter.fell' };
}

/** More than the counter can have counted between two readings: the ceiling of its power over the longest time between. */
export function mostBetweenUj(
  before: CounterReading,
  after: CounterReading,
  ceilingW: Watts,
): bigint {
  const elapsedNs = after.window.notAfterNs - before.window.notBeforeNs;
  // The register may lag by one quantum at either end.
  return BigInt(Math.ceil((ceilingW * Number(elapsedNs)) / 1e3)) + 2n * after.quantumUj;
}
