// What a node can tell beside its chips' energy: fan speed, inlet temperature, utilisation. All are optional: a model that was
// fitted with one and is applied without it takes its mean and widens.
import { energyFromPower, type Samples } from '../align/series-from-samples.ts';
import type { EnergySeries } from '../align/energy-series.ts';
import type { ConditionKind } from '../quantity/correction.ts';
import type { GainPrior } from './chip-terms.ts';

/** A condition as it is recorded: its source, its kind, and the time integral of its effect (see `effectOf`). */
export interface Condition {
  readonly kind: ConditionKind;
  readonly series: EnergySeries;
}

/**
 * What power follows: fans by the cube of their speed (affinity law; in units of 10 000 rpm), inlet air by tens of kelvin,
 * utilisation as it is.
 */
function effectOf(kind: ConditionKind, reading: number): number {
  switch (kind) {
    case 'fan_rpm':
      return (reading / 10_000) ** 3;
    case 'temperature_c':
      return reading / 10;
    case 'utilisation_ratio':
      return reading;
  }
}

/** Samples of a condition as the integral of its effect over time; readings are snapshots. */
export function conditionOf(kind: ConditionKind, samples: Samples): Condition {
  const reading = samples.reading.map((each) => effectOf(kind, each));
  return { kind, series: energyFromPower({ ...samples, reading }, 'instant').series };
}

/**
 * What physics says of W per unit of the effect. Fans at full speed are up to 15 % of a server; ten kelvin at the inlet cost
 * about as much (fans and leakage); what utilisation adds beside energy readings is small. None of them saves power.
 */
export function conditionPrior(kind: ConditionKind, meterW: number): GainPrior {
  switch (kind) {
    case 'fan_rpm':
    case 'temperature_c':
      return { lowerRatio: 0, meanRatio: 0, sdRatio: 0.15 * meterW };
    case 'utilisation_ratio':
      return { lowerRatio: 0, meanRatio: 0, sdRatio: 0.1 * meterW };
  }
}
