// An observation: one quantity of one instrument at one time, decoded. A counter is energy and exact; a gauge is a
// double; a gap says that there is nothing and why. Absence is data: never 0, NaN or null for "don't know".
import type { SourceId } from './exchange.ts';
import type { FaultCode } from './fault.ts';
import type { TimeWindow } from './time.ts';
import type { Microjoules } from './units.ts';

export const COUNTER_CHANNELS = [
  'energy_import',
  'energy_export',
  'energy_import_l1',
  'energy_import_l2',
  'energy_import_l3',
  'energy_import_partial',
] as const;

export const GAUGE_UNITS = {
  power_active: 'W',
  power_active_l1: 'W',
  power_active_l2: 'W',
  power_active_l3: 'W',
  power_apparent: 'VA',
  power_reactive: 'var',
  power_factor: '1',
  voltage: 'V',
  voltage_l1: 'V',
  voltage_l2: 'V',
  voltage_l3: 'V',
  current: 'A',
  current_l1: 'A',
  current_l2: 'A',
  current_l3: 'A',
  frequency: 'Hz',
  temperature: 'Cel',
  fan_speed: '1/min',
  utilisation: '1',
} as const;

export type CounterChannel = (typeof COUNTER_CHANNELS)[number];
export type GaugeChannel = keyof typeof GAUGE_UNITS;
/** Closed: what a profile may name. Units are UCUM codes. */
export type Channel = CounterChannel | GaugeChannel;
export type GaugeUnit = (typeof GAUGE_UNITS)[GaugeChannel];

/**
 * Chip sources of a node message have one channel per source: their `component` names it (`rapl:package-0`,
 * `nvml:<uuid>`); it is the empty string for instruments that measure one thing.
 */
interface Observed {
  readonly source: SourceId;
  readonly component: string;
  readonly window: TimeWindow;
}

export interface CounterReading extends Observed {
  readonly kind: 'counter';
  readonly channel: CounterChannel;
  /** count x quantum, in whole µJ; not unwrapped. */
  readonly energyUj: Microjoules;
  /** The step of the register in µJ: what the reading may be short of the truth by. */
  readonly quantumUj: Microjoules;
  /** Where the counter starts again at 0: its value never reaches this; undefined where it is not known to wrap. */
  readonly wrapsAtUj: Microjoules | undefined;
  /** Changes when the counter restarted (boot id, reset time); empty where the device does not tell. */
  readonly epoch: string;
}

export interface GaugeReading extends Observed {
  readonly kind: 'gauge';
  readonly channel: GaugeChannel;
  /** In the unit of the channel (GAUGE_UNITS); finite. */
  readonly reading: number;
}

export interface Gap extends Observed {
  readonly kind: 'gap';
  readonly channel: Channel;
  readonly fault: FaultCode;
}

export type Observation = CounterReading | GaugeReading | Gap;
