// What a rehearsed instrument has to show for a channel of its profile: register counts as exact integers, gauges as
// doubles, both in the unit that the profile names.
import type { MqttJsonProfile } from '../decode/json-profile.ts';
import type { ModbusProfile } from '../decode/profile.ts';
import type { EnergyUnit } from '../decode/profile-words.ts';
import type { CounterChannel, GaugeChannel } from '../quantity/observation.ts';
import type { Display } from './meter-works.ts';

const ENERGY_UNIT_UJ: Readonly<Record<EnergyUnit, number>> = {
  uJ: 1,
  mJ: 1e3,
  J: 1e6,
  mWh: 3.6e6,
  Wh: 3.6e9,
  kWh: 3.6e12,
  MWh: 3.6e15,
};

/** How many of the channel's unit (W, V, A, ...) one of the unit is. */
const GAUGE_UNIT_RATIO: Readonly<Record<string, number>> = {
  mW: 1e-3,
  kW: 1e3,
  mVA: 1e-3,
  kVA: 1e3,
  kvar: 1e3,
  '%': 1e-2,
  mV: 1e-3,
  mA: 1e-3,
};

export type CounterRead = Extract<
  (ModbusProfile | MqttJsonProfile)['reads'][number],
  { kind: 'counter' }
>;
export type GaugeRead = Extract<
  (ModbusProfile | MqttJsonProfile)['reads'][number],
  { kind: 'gauge' }
>;

/** µJ per step of the register. Resolutions are decimal fractions of their unit, so the product is a whole number. */
export function quantumUj(read: Pick<CounterRead, 'resolution' | 'unit'>): bigint {
  return BigInt(Math.max(1, Math.round(read.resolution * ENERGY_UNIT_UJ[read.unit])));
}

/** µJ per one of the raw number, before any resolution. */
export function rawUnitUj(read: Pick<CounterRead, 'unit' | 'scale'>): number {
  return ENERGY_UNIT_UJ[read.unit] * (read.scale?.by ?? 1);
}

/** Energy behind a counter channel, µJ, in whole quanta of that channel. */
export function counterUj(read: CounterRead, display: Display): bigint {
  const step = quantumUj(read);
  const floored = (energyUj: bigint): bigint => (energyUj / step) * step;
  const wrapped = (energyUj: bigint): bigint =>
    typeof read.wraps === 'object'
      ? energyUj % BigInt(Math.round(read.wraps.at * ENERGY_UNIT_UJ[read.unit]))
      : energyUj;
  return wrapped(floored(shareOf(read.channel, display.registerUj)));
}

function shareOf(channel: CounterChannel, registerUj: bigint): bigint {
  switch (channel) {
    case 'energy_import':
    case 'energy_import_partial':
      return registerUj;
    case 'energy_export':
      return 0n;
    case 'energy_import_l1':
      return registerUj - 2n * (registerUj / 3n);
    case 'energy_import_l2':
    case 'energy_import_l3':
      return registerUj / 3n;
  }
}

/** Reading of a gauge channel in the unit of the profile; the profile's scale is still to be taken off. */
export function gaugeReading(
  read: Pick<GaugeRead, 'channel' | 'unit'>,
  display: Display,
  phasesCount: number,
): number {
  return inChannelUnit(read.channel, display, phasesCount) / (GAUGE_UNIT_RATIO[read.unit] ?? 1);
}

function inChannelUnit(channel: GaugeChannel, display: Display, phasesCount: number): number {
  const apparentVa = display.powerW / display.powerFactorRatio;
  switch (channel) {
    case 'power_active':
      return display.powerW;
    case 'power_active_l1':
    case 'power_active_l2':
    case 'power_active_l3':
      return display.powerW / 3;
    case 'power_apparent':
      return apparentVa;
    case 'power_reactive':
      return Math.sqrt(Math.max(0, apparentVa ** 2 - display.powerW ** 2));
    case 'power_factor':
      return display.powerFactorRatio;
    case 'voltage':
    case 'voltage_l1':
    case 'voltage_l2':
    case 'voltage_l3':
      return display.voltageV;
    case 'current':
    case 'current_l1':
    case 'current_l2':
    case 'current_l3':
      return apparentVa / phasesCount / display.voltageV;
    case 'frequency':
      return display.frequencyHz;
    case 'temperature':
      // Inside a plug: room air, warmed by what goes through it; °C.
      return 31 + Math.min(20, display.powerW / 200);
    case 'fan_speed':
      return 0;
    case 'utilisation':
      return 0;
  }
}
