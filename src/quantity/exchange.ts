// An exchange: bytes that went out and came back, and when. It is what transports hand over, what the journal keeps
// for good, and what profiles decode; everything else about a reading can be computed from it again.
import type { FaultCode } from './fault.ts';
import type { InstantNs } from './time.ts';

/** An instrument of the site file, such as `m1` or `chips-node3`. */
export type SourceId = string;

export const EXCHANGE_FORMS = [
  'modbus-rtu',
  'modbus-tcp',
  'mqtt',
  'csv',
  'snmp',
  'sml',
  'dsmr',
  'd0',
  'http',
  'scpi',
] as const;
/**
 * How the bytes are framed: a whole RTU frame, a whole MBAP frame, an MQTT payload, a line of neutral CSV, an SNMP PDU (its
 * envelope holds the community or is encrypted, so it is not kept), or what a push meter sends: an SML file with its escapes,
 * a P1 telegram, an IEC 62056-21 readout with its identification; the body of an HTTP answer; a line of text. The journal stores the place in this list: append only.
 */
export type ExchangeForm = (typeof EXCHANGE_FORMS)[number];

export interface Exchange {
  readonly source: SourceId;
  readonly form: ExchangeForm;
  /** What was asked: the request frame on a polled wire, the path or line, the topic (UTF-8); empty where a meter sends unasked. */
  readonly request: Uint8Array;
  /** What came: the reply frame, the payload, the line; empty or the offending bytes where `fault` is set. */
  readonly reply: Uint8Array;
  /** Civil time when the last byte of the request had left; on a pushed wire the same as firstByteNs. */
  readonly sentNs: InstantNs;
  readonly firstByteNs: InstantNs;
  readonly lastByteNs: InstantNs;
  /** Set where no usable reply came: then this is the record of a gap. */
  readonly fault: FaultCode | undefined;
  readonly flags: ExchangeFlags;
}

export interface ExchangeFlags {
  /** MQTT: the broker replayed a stored message; its time is not known. */
  readonly retained: boolean;
  /** MQTT: the broker says it may have delivered this before. */
  readonly redelivered: boolean;
  /** MQTT packet identifier of a QoS 1 delivery, else 0: tells a redelivery from an equal later message. */
  readonly packetId: number;
}

export const NO_FLAGS: ExchangeFlags = { retained: false, redelivered: false, packetId: 0 };
