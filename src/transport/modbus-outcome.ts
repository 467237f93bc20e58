// A request on its way, how it can end, and the Exchange that is made of it.
import { NO_FLAGS, type Exchange, type ExchangeForm, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Request } from './line-guard.ts';
import { wrapTcp, type Asked, type Verdict } from './modbus-frame.ts';

export type ModbusForm = Extract<ExchangeForm, 'modbus-rtu' | 'modbus-tcp'>;

export const NOTHING = new Uint8Array(0);

export interface BusRequest extends Request {
  readonly source: SourceId;
  /** As RTU, with check sum. */
  readonly rtuFrame: Uint8Array;
}

/** How much this turn may cost the others. */
export interface Patience {
  /** Time to the first byte of the reply, ms; at most the longest reply time. */
  readonly deadlineMs: number;
  /** Keep the whole line silent after a failure, not only this unit. */
  readonly holdsLine: boolean;
}

/** How it ended: `answered` with registers, `refused` by the device, `failed`, or `closed` before an answer. */
export type Ending = 'answered' | 'refused' | 'failed' | 'closed';

export interface Outcome {
  readonly ending: Ending;
  readonly exchange: Exchange;
  /** When the first request byte went out, real ms; undefined where it never did. */
  readonly sentMs: number | undefined;
  /** From the request to the last byte, real ms. */
  readonly tookMs: number;
  /** Something came, be it of use or not. */
  readonly heard: boolean;
  /** Modbus exception code; 0 where there is none. */
  readonly exceptionCode: number;
}

export type Ended = Verdict | 'deadline' | 'closed';

export interface InFlight {
  readonly asked: Asked;
  readonly sentNs: InstantNs;
  firstByteNs: InstantNs | undefined;
  lastByteNs: InstantNs | undefined;
  lastByteMs: number;
  /** The deadline passed while we were late ourselves, and the port was looked at once more. */
  lookedAgain: boolean;
  /** What has come since the request went out, bounded. */
  evidence: Uint8Array;
  settle: (verdict: Ended) => void;
}

export interface Asking {
  readonly request: BusRequest;
  readonly patience: Patience;
  readonly frame: Uint8Array;
  readonly flight: InFlight;
  readonly sentMs: number;
  /** A reply came that could have been an older one's. */
  readonly suspect: boolean;
}

/** How an exchange ended, and its record; where nothing came it is dated when it was given up. */
export function outcomeOf(
  form: ModbusForm,
  { request, frame, flight, sentMs }: Asking,
  ending: Ending,
  fault: FaultCode | undefined,
  reply: Uint8Array,
  nowNs: InstantNs,
): Outcome {
  const firstByteNs = flight.firstByteNs ?? nowNs;
  return {
    ending,
    sentMs,
    tookMs: flight.lastByteMs - sentMs,
    heard: flight.firstByteNs !== undefined,
    exceptionCode: 0,
    exchange: {
      source: request.source,
      form,
      request: frame,
      reply,
      sentNs: flight.sentNs < firstByteNs ? flight.sentNs : firstByteNs,
      firstByteNs,
      lastByteNs: flight.lastByteNs ?? firstByteNs,
      fault,
      flags: NO_FLAGS,
    },
  };
}

/** The outcome of a request that never went out. */
export const unsent = (exchange: Exchange): Outcome => ({
  ending: 'closed',
  sentMs: undefined,
  tookMs: 0,
  heard: false,
  exceptionCode: 0,
  exchange,
});

/** The record that something was not asked, and why. */
export const gapOf = (
  form: ModbusForm,
  request: BusRequest,
  fault: FaultCode,
  nowNs: InstantNs,
): Exchange => ({
  source: request.source,
  form,
  request: form === 'modbus-tcp' ? wrapTcp(request.rtuFrame, 0) : request.rtuFrame,
  reply: NOTHING,
  sentNs: nowNs,
  firstByteNs: nowNs,
  lastByteNs: nowNs,
  fault,
  flags: NO_FLAGS,
});

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
