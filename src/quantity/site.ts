// A site: instruments on wires, points and nodes behind them, sinks. The file is read and checked in cli/site/site-file.ts.
import type { ConfigFingerprint } from './config-fingerprint.ts';
import type { PointId } from './quality.ts';
import type { DurationNs, InstantNs } from './time.ts';

export type WireId = string;
export type NodeId = string;

export interface ModbusTcpWire {
  readonly transport: 'modbus-tcp' | 'modbus-rtu-tcp';
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}
export interface ModbusRtuWire {
  readonly transport: 'modbus-rtu';
  readonly path: string;
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
  readonly timeoutMs: number;
}
/** A line on which a meter sends by itself, or reads out when it is asked once. */
export interface SerialPushWire {
  readonly transport: 'serial-push';
  readonly path: string;
  /** Speed at which the line is opened; a dialogue of IEC 62056-21 may change it. */
  readonly baud: number;
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
  readonly timeoutMs: number;
}
/** The same behind a serial server (ser2net and its kin), raw TCP. */
export interface TcpPushWire {
  readonly transport: 'tcp-push';
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}
export interface MqttWire {
  readonly transport: 'mqtt';
  readonly url: string;
  readonly clientId: string;
  readonly username: string | undefined;
  /** Resolved by the site-file reader from environment or file; never logged, never kept. */
  readonly password: string | undefined;
  readonly caFile: string | undefined;
}
export interface CsvWire {
  readonly transport: 'csv';
  readonly path: string;
}

export const SNMP_AUTH_PROTOCOLS = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
export type SnmpAuthProtocol = (typeof SNMP_AUTH_PROTOCOLS)[number];
/** The longer AES keys are made in two ways: as most agents do, and as Cisco's do (`reeder`). */
export const SNMP_PRIV_PROTOCOLS = ['aes128', 'aes192', 'aes256', 'aes256-reeder'] as const;
export type SnmpPrivProtocol = (typeof SNMP_PRIV_PROTOCOLS)[number];

/** Who asks. Secrets are resolved by the site-file reader from environment or file; never logged, never kept. */
export type SnmpAccess =
  | { readonly version: '2c'; readonly community: string }
  | {
      readonly version: '3';
      readonly user: string;
      readonly context: string;
      readonly auth: { readonly protocol: SnmpAuthProtocol; readonly password: string } | undefined;
      readonly priv: { readonly protocol: SnmpPrivProtocol; readonly password: string } | undefined;
    };
export interface SnmpWire {
  readonly transport: 'snmp';
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly access: SnmpAccess;
}
/** One web server; its instruments are paths of it. */
export interface HttpWire {
  readonly transport: 'http';
  /** http or https, host and port, without a path. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly username: string | undefined;
  /** Resolved by the site-file reader from environment or file; never logged, never kept. */
  readonly password: string | undefined;
  readonly caFile: string | undefined;
}
/** One instrument that is spoken to in lines of text over TCP. */
export interface ScpiWire {
  readonly transport: 'scpi';
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}
export type PushWire = SerialPushWire | TcpPushWire;
export type Wire =
  ModbusTcpWire | ModbusRtuWire | PushWire | MqttWire | CsvWire | SnmpWire | HttpWire | ScpiWire;

/** Whether readings come when the instrument sends them, and not when it is asked every `poll`. */
export const choosesItsTimes = ({ transport }: Wire): boolean =>
  transport === 'mqtt' ||
  transport === 'csv' ||
  transport === 'serial-push' ||
  transport === 'tcp-push';

/** Parts of a power distribution unit that have numbers; `pdu` is the unit in a daisy chain. */
export const PART_NAMES = ['pdu', 'inlet', 'outlet', 'phase'] as const;
export type PartName = (typeof PART_NAMES)[number];
/** Which part an instrument is, such as `{ outlet: 7 }` or `{ pdu: 2, inlet: 1 }`. */
export type PartNumbers = Readonly<Partial<Record<PartName, number>>>;

export interface Instrument {
  readonly id: string;
  readonly profile: string;
  readonly wire: WireId;
  /** Modbus unit id; 1 unless the file says otherwise. */
  readonly unit: number;
  /** MQTT topic, source name in a CSV, or the path on a web server below which it is; empty elsewhere. */
  readonly topic: string;
  /** SNMP: the part of the device that it is; absent elsewhere. */
  readonly part?: PartNumbers;
  /** Civil time between two readings on a polled wire. */
  readonly poll: DurationNs;
  /** Expected identity, compared at connect where the profile can read it; undefined where not stated. */
  readonly serial: string | undefined;
}

/** What a point is in the distribution: a plain feed or outlet, or one that feeds several nodes as a matter of course. */
export const POINT_KINDS = ['feed', 'outlet', 'busway', 'shelf'] as const;
export type PointKind = (typeof POINT_KINDS)[number];

export interface MeteredPoint {
  readonly point: PointId;
  readonly meter: string;
  readonly kind: PointKind;
}

export interface Node {
  readonly id: NodeId;
  /** Nodes of one type are expected to behave alike. */
  readonly type: string;
  /**
   * Points that feed it: an A and a B feed are two. Where none of them feeds another node, their sum is this node's wall
   * energy; else the nodes share the sum. Empty where it is not metered.
   */
  readonly fedBy: readonly PointId[];
  /** Power on its nameplate, by which levels behind a shared meter are divided; undefined where the file does not say. */
  readonly nameplateW: number | undefined;
  /** Instrument that brings its chip counters. */
  readonly chips: string;
  /** Chip sources that sum to the chip energy; empty means all disjoint ones by name. */
  readonly chipSources: readonly string[];
  /** What the file says of the node's configuration, where its agent does not. */
  readonly config?: ConfigFingerprint;
}

export interface Rack {
  readonly id: string;
  readonly points: readonly PointId[];
  readonly nodes: readonly NodeId[];
}

export interface SinkConfig {
  readonly id: string;
  readonly kind: 'influxdb1' | 'influxdb2' | 'influxdb3' | 'line-protocol-file' | 'csv-file';
  readonly url: string;
  readonly database: string;
  readonly organisation: string;
  readonly username: string | undefined;
  readonly secret: string | undefined;
  readonly path: string;
}

/** Rack and service share this affine clock; monotonic time is one for all processes of a host. */
export interface RehearsalClock {
  readonly civilNs: InstantNs;
  readonly monotonicNs: bigint;
  readonly speedRatio: number;
}

export interface Site {
  readonly name: string;
  readonly rehearsal: { readonly seed: number; readonly clock: RehearsalClock } | undefined;
  readonly interval: DurationNs;
  /** How long after its end an interval waits for the anchor behind it before it is issued as provisional. */
  readonly settleAfter: DurationNs;
  readonly wires: ReadonlyMap<WireId, Wire>;
  readonly instruments: ReadonlyMap<string, Instrument>;
  readonly points: readonly MeteredPoint[];
  readonly nodes: readonly Node[];
  readonly racks: readonly Rack[];
  readonly sinks: readonly SinkConfig[];
  readonly listen: { readonly host: string; readonly port: number };
  /** Who may write over HTTP, and for which nodes (empty: all); without any, everybody may. */
  readonly tokens: readonly {
    readonly name: string;
    readonly secret: string;
    readonly nodes: readonly string[];
  }[];
}
