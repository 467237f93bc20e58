// The contract of every transport: open a wire, deliver exchanges, survive what the wire does.
//
// * A transport delivers each reply, and each failure to get one, as an Exchange; it judges frames, never values.
// * `deliver` resolves when the exchange is durable. A pushed message is acknowledged upstream only after that; a
//   polled wire does not wait for it.
// * One owner per wire: exchanges of one wire are delivered one after another, never twice, never for another device.
// * A device that does not answer never delays the others by more than its own deadline, and after a few failures not
//   even that. A wire that breaks is reopened for ever, with back-off; nobody outside has to do anything.
// * `close` resolves when nothing more will be delivered.
import type { Clock, Timers } from '../quantity/clock.ts';
import type { Exchange, SourceId } from '../quantity/exchange.ts';
import type { Wire, WireId } from '../quantity/site.ts';
import type { DurationNs } from '../quantity/time.ts';

export const REGISTER_TABLES = ['input', 'holding'] as const;
export type RegisterTable = (typeof REGISTER_TABLES)[number];

/** One block of registers to read at once. */
export interface ReadRequest {
  readonly table: RegisterTable;
  /** Wire address, 0-based. */
  readonly address: number;
  readonly count: number;
  /**
   * Every second read of this block asks for this many instead, so that a late reply to the read before cannot pass
   * for the answer; equal to `count` where the profile forbids it, and then the wire keeps the longest reply time.
   */
  readonly alternateCount: number;
}

export interface PolledDevice {
  readonly source: SourceId;
  readonly unit: number;
  /** Modbus; empty elsewhere. */
  readonly reads: readonly ReadRequest[];
  /** SNMP: the objects of each request, as dotted numbers; absent elsewhere. */
  readonly gets?: readonly (readonly string[])[];
  /** HTTP: the paths; SCPI: the lines; absent elsewhere. */
  readonly asks?: readonly string[];
  /**
   * What tells who it is: asked behind the first readings once the port was opened, once the device was silent, and each
   * civil day. Absent where nobody wants to know.
   */
  readonly who?: Pick<PolledDevice, 'reads' | 'gets' | 'asks'>;
  /** Civil time between two polls. */
  readonly poll: DurationNs;
  /** Silence the device asks for before a request, ms, real. */
  readonly silenceMs: number;
  /** Longest time from request to first reply byte, ms, real; the wire's own where the profile knows none. */
  readonly replyTimeoutMs: number | undefined;
}

export interface Subscription {
  readonly source: SourceId;
  /** MQTT topic filter without wildcards, or the source column in a CSV. */
  readonly topic: string;
}

export type PushProtocol = 'sml' | 'dsmr' | 'd0';
/** crc16: X.25 in SML, ARC in DSMR; bcc: the XOR of IEC 62056-21; none: the version that the meter speaks has none. */
export type PushCheck = 'crc16' | 'bcc' | 'none';

/** A meter that sends whole frames, by itself or, once asked, as one readout. A line has one. */
export interface PushedMeter {
  readonly source: SourceId;
  readonly protocol: PushProtocol;
  readonly check: PushCheck;
  /** Asked (IEC 62056-21 modes A to C): civil time between two readouts; undefined where it sends unasked. */
  readonly askEvery: DurationNs | undefined;
  /** Real time without a good frame after which that is told as a gap, ms. */
  readonly silentAfterMs: number;
}

/** What the instruments of a site want of one wire. */
export interface WireTasks {
  readonly devices: readonly PolledDevice[];
  readonly subscriptions: readonly Subscription[];
  /** On a wire of push meters only. */
  readonly pushed?: readonly PushedMeter[];
}

export interface TransportPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Resolves when the exchange is durable; never rejects for a reason that the transport could mend. */
  readonly deliver: (exchange: Exchange) => Promise<void>;
}

export interface WireHealth {
  readonly wire: WireId;
  readonly connected: boolean;
  /** Requests sent or messages received since the wire was opened. */
  readonly exchangesCount: number;
  readonly faultsCount: number;
  /** Sources that do not answer at present (circuit breaker open). */
  readonly silent: readonly SourceId[];
  /** First request byte sent minus its planned time, ms, real: median, 99th percentile and maximum of the last 1024. */
  readonly latenessMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Why it is not connected, for people; empty when it is. */
  readonly trouble: string;
}

export interface OpenWire {
  health(): WireHealth;
  close(): Promise<void>;
}

export interface Transport<W extends Wire> {
  open(id: WireId, wire: W, tasks: WireTasks, ports: TransportPorts): Promise<OpenWire>;
}
