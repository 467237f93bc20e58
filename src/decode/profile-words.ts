// The closed words of device profiles. What is not listed here cannot be said in a profile.
import type { GaugeChannel } from '../quantity/observation.ts';
import type { PushCheck, PushProtocol } from '../transport/transport.ts';

/** Integers and IEEE 754 floats as registers hold them. */
export const REGISTER_TYPES = [
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];

/**
 * Order of bytes over registers, A being the most significant byte: ABCD plain, CDAB least significant register first,
 * BADC bytes swapped within registers, DCBA both. The same four for 64 bits (CDAB: all four registers reversed).
 */
export const BYTE_ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type ByteOrder = (typeof BYTE_ORDERS)[number];

export const ENERGY_UNITS = ['uJ', 'mJ', 'J', 'mWh', 'Wh', 'kWh', 'MWh'] as const;
export type EnergyUnit = (typeof ENERGY_UNITS)[number];

/** Units that gauges may be read in; each is a decimal multiple of the unit of its channel (unit-scale.ts). */
export const READ_UNITS = [
  'mW',
  'W',
  'kW',
  'mVA',
  'VA',
  'kVA',
  'var',
  'kvar',
  '1',
  '%',
  'mV',
  'V',
  'mA',
  'A',
  'Hz',
  'Cel',
  '1/min',
] as const;
export type ReadUnit = (typeof READ_UNITS)[number];

export const GAUGE_CHANNELS = [
  'power_active',
  'power_active_l1',
  'power_active_l2',
  'power_active_l3',
  'power_apparent',
  'power_reactive',
  'power_factor',
  'voltage',
  'voltage_l1',
  'voltage_l2',
  'voltage_l3',
  'current',
  'current_l1',
  'current_l2',
  'current_l3',
  'frequency',
  'temperature',
  'fan_speed',
  'utilisation',
] as const satisfies readonly GaugeChannel[];

export const ACCURACY_SCHEMES = [
  'EN 50470-3',
  'IEC 62053-21',
  'IEC 62053-22',
  'IEC 61557-12',
  'ANSI C12.20',
  'manufacturer',
  'unknown',
] as const;

/** Numbers as SNMP carries them (RFC 2578 §7.1): INTEGER, Gauge32 or Unsigned32 (one type), Counter32, Counter64. */
export const SNMP_TYPES = ['integer', 'unsigned32', 'counter32', 'counter64'] as const;
export type SnmpType = (typeof SNMP_TYPES)[number];

/** What an instrument can be of a PDU: all of it, or a part that has a number. */
export const PART_KINDS = ['unit', 'inlet', 'outlet', 'phase'] as const;
export type PartKind = (typeof PART_KINDS)[number];

/** How SNMP tells an identifying object; accuracy comes in hundredths of a percent. */
export const SNMP_IDENTITY_TYPES = ['text', 'integer', 'hundredths-percent'] as const;
/** Protocols of meters that push, and the check sums of their versions: see transport.ts, which acts on them. */
export const PUSH_PROTOCOLS = ['sml', 'dsmr', 'd0'] as const satisfies readonly PushProtocol[];
export const PUSH_CHECKS = ['crc16', 'bcc', 'none'] as const satisfies readonly PushCheck[];

export const VECTOR_ORIGINS = ['captured', 'manual', 'derived'] as const;
export const IDENTITY_TYPES = ['uint16', 'uint32', 'uint64', 'ascii', 'ascii16'] as const;
export type IdentityType = (typeof IDENTITY_TYPES)[number];
export const IDENTITY_KINDS = [
  'serial',
  'model',
  'model_code',
  'firmware',
  'map_version',
  'byte_order',
  'accuracy',
] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

/** What a node says of its clock. */
export const SYNC_STATES = ['synchronised', 'unsynchronised', 'unknown'] as const;
export type SyncState = (typeof SYNC_STATES)[number];

/** Units of chip counters in a node message. */
export const COUNTER_UNITS = ['uJ', 'mJ', 'J'] as const;
export type CounterUnit = (typeof COUNTER_UNITS)[number];

/** Quantities of chip gauges in a node message. */
export const GAUGE_QUANTITIES = [
  'power_w',
  'temperature_cel',
  'utilisation_ratio',
  'fan_speed_rpm',
] as const;
export type GaugeQuantity = (typeof GAUGE_QUANTITIES)[number];

/** Units of a device's time stamp. */
export const TIME_UNITS = ['s', 'ms', 'ns', 'rfc3339'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** Plans ask the input table first; a record rather than a list, so that sorting needs no search. */
export const REGISTER_TABLES_ORDER = { input: 0, holding: 1 } as const;
