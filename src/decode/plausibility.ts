// Whether readings can be those of a live meter: mains has a voltage and a frequency that it cannot leave, and power, voltage
// and current of one device belong together. What does not fit was read under the wrong profile, word order or address.
import type { GaugeChannel, Observation } from '../quantity/observation.ts';

export interface Plausibility {
  /** Channels that gave a value, and of those the ones that only a right reading would give so. */
  readonly goodCount: number;
  readonly tellingCount: number;
  readonly gapsCount: number;
  /** What cannot be, for people; empty where nothing. */
  readonly strange: readonly string[];
}

/** Low voltage and one phase of it, V (IEC 60038: 100 to 690 V, less and more by a fifth). */
const VOLTAGE_V = { least: 80, most: 830 } as const;
/** Mains of 50 and 60 Hz, and what a grid may stray (EN 50160). */
const FREQUENCY_HZ = { least: 42, most: 69 } as const;
/** Apparent power may be missed by what a meter rounds, at small currents. */
const APPARENT_RATIO = 0.25;
const APPARENT_VA = 30;

export function plausibilityOf(observations: readonly Observation[]): Plausibility {
  const gauges = new Map<GaugeChannel, number>();
  const strange: string[] = [];
  let goodCount = 0;
  let tellingCount = 0;
  for (const observation of observations) {
    if (observation.kind === 'gap') continue;
    goodCount += 1;
    if (observation.kind !== 'gauge') continue;
    const { channel, reading } = observation;
    gauges.set(channel, reading);
    const bounds = channel.startsWith('voltage')
      ? VOLTAGE_V
      : channel === 'frequency'
        ? FREQUENCY_HZ
        : undefined;
    // A phase that is not wired shows 0: that is neither strange nor does it tell anything.
    if (bounds === undefined || reading === 0) continue;
    if (reading >= bounds.least && reading <= bounds.most) tellingCount += 1;
    else strange.push(`${channel} of ${String(reading)}`);
  }
  const [voltageV, currentA] = [gauges.get('voltage'), gauges.get('current')];
  const powerW = gauges.get('power_active');
  if (voltageV !== undefined && currentA !== undefined && powerW !== undefined) {
    const mostW = voltageV * Math.abs(currentA) * (1 + APPARENT_RATIO) + APPARENT_VA;
    if (Math.abs(powerW) <= mostW) tellingCount += Math.abs(powerW) > APPARENT_VA ? 1 : 0;
    else strange.push(`${String(powerW)} W from ${String(voltageV)} V and ${String(currentA)} A`);
  }
  const gapsCount = observations.length - goodCount;
  return { goodCount, tellingCount, gapsCount, strange };
}
