// Units that gauges are read in, as decimal multiples of the unit of their channel. A unit that is not of the channel's
// kind has no factor: such a profile does not load.
import { GAUGE_UNITS, type GaugeChannel, type GaugeUnit } from '../quantity/observation.ts';
import type { ReadUnit } from './profile-words.ts';

interface Multiple {
  readonly of: GaugeUnit;
  /** Reading in the channel's unit = reading x times / over; two integers, so that decimals come out as printed. */
  readonly times: number;
  readonly over: number;
}

const MULTIPLES: Readonly<Record<ReadUnit, Multiple>> = {
  mW: { of: 'W', times: 1, over: 1000 },
  W: { of: 'W', times: 1, over: 1 },
  kW: { of: 'W', times: 1000, over: 1 },
  mVA: { of: 'VA', times: 1, over: 1000 },
  VA: { of: 'VA', times: 1, over: 1 },
  kVA: { of: 'VA', times: 1000, over: 1 },
  var: { of: 'var', times: 1, over: 1 },
  kvar: { of: 'var', times: 1000, over: 1 },
  '1': { of: '1', times: 1, over: 1 },
  '%': { of: '1', times: 1, over: 100 },
  mV: { of: 'V', times: 1, over: 1000 },
  V: { of: 'V', times: 1, over: 1 },
  mA: { of: 'A', times: 1, over: 1000 },
  A: { of: 'A', times: 1, over: 1 },
  Hz: { of: 'Hz', times: 1, over: 1 },
  Cel: { of: 'Cel', times: 1, over: 1 },
  '1/min': { of: '1/min', times: 1, over: 1 },
};

/** The multiple by which a unit becomes that of the channel, or undefined where they measure different things. */
export function multipleFor(channel: GaugeChannel, unit: ReadUnit): Multiple | undefined {
  const multiple = MULTIPLES[unit];
  return multiple.of === GAUGE_UNITS[channel] ? multiple : undefined;
}

/** What a quantity can be at all, in its channel's unit: a reading beyond it is a fault of the wire or the profile. */
export function canBe(channel: GaugeChannel, reading: number): boolean {
  const [lowest, highest] = bounds(GAUGE_UNITS[channel]);
  return reading >= lowest && reading <= highest;
}

// Wide enough for a power station, narrow enough to catch a wrong word order most of the time.
function bounds(unit: GaugeUnit): readonly [number, number] {
  switch (unit) {
    case 'W':
    case 'VA':
    case 'var':
      return [-1e10, 1e10];
    case 'V':
      return [-1e6, 1e6];
    case 'A':
      return [-1e6, 1e6];
    case 'Hz':
      return [0, 1000];
    case 'Cel':
      return [-273.15, 1000];
    case '1/min':
      return [0, 1e6];
    case '1':
      return [-1, 1];
  }
}
