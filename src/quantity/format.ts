// The one place that prints units, for people; machines get integers and RFC 3339.
import { expandedJ, type UncertaintyParts } from './uncertainty.ts';
import type { Microjoules, Watts } from './units.ts';
import { KWH_UJ } from './units.ts';

/** Exact decimal kWh: 12 digits after the point, trailing zeros cut, at least three kept. */
export function formatKwh(energyUj: Microjoules): string {
  const energy: bigint = energyUj;
  const magnitude = energy < 0n ? -energy : energy;
  // 1 kWh = 3.6e12 µJ, so kWh are seldom finite decimals: round half up at 1e-12 kWh.
  const pico = (magnitude * 1_000_000_000_000n + KWH_UJ / 2n) / KWH_UJ;
  // Less than half of that is zero, which has no sign.
  const sign = energy < 0n && pico > 0n ? '-' : '';
  const whole = pico / 1_000_000_000_000n;
  const fraction = (pico % 1_000_000_000_000n).toString().padStart(12, '0');
  return `${sign}${whole.toString()}.${fraction.replace(/0{1,9}$/, '')}`;
}

/** µJ as kWh in a double, for fields that are floats by contract. */
export const kwhOf = (energyUj: Microjoules): number => Number(energyUj) / Number(KWH_UJ);

export const kwhOfJoules = (energyJ: number): number => energyJ / 3.6e6;

export const formatWatts = (powerW: Watts): string => `${powerW.toFixed(1)} W`;

export const formatRatioPercent = (fractionRatio: number): string =>
  `${(fractionRatio * 100).toFixed(1)} %`;

/** Expanded uncertainty (95.45 %) as kWh. */
export const expandedKwh = (parts: UncertaintyParts): number => kwhOfJoules(expandedJ(parts));
