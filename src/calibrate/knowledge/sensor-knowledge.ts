// What is known of counters of chips by their names: where a RAPL counter wraps, and how long that takes. Everything else
// that is known is in calibration/sensors.yaml, which device profiles refer to.
import { RAPL_RANGES_J } from './sensor-table.ts';

/** Seconds until a counter of a range wraps at a steady power: poll at least twice within it. */
export const timeToWrapS = (rangeJ: number, powerW: number): number => rangeJ / powerW;

/** A counter is taken for one of a range only where it was seen within a tenth of its end. */
const NEAR_END_RATIO = 0.9;

/**
 * Where the counter of this source starts again at 0, J: the known range just above its largest reading, for RAPL only.
 * Undefined where nothing says so; whether a fall was a wrap is then still judged by the step through it.
 */
export function wrapRangeJ(source: string, readingsJ: Float64Array): number | undefined {
  if (!/rapl/i.test(source)) return undefined;
  let mostJ = 0;
  for (const each of readingsJ) mostJ = Math.max(mostJ, each);
  const rangeJ = RAPL_RANGES_J.find((range) => range >= mostJ);
  return rangeJ !== undefined && mostJ >= NEAR_END_RATIO * rangeJ ? rangeJ : undefined;
}
