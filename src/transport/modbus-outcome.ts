// A request on its way, how it can end, and the Exchange that is made of it.
import type { Clock } from '../quantity/clock.ts';
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

export type Answer = Verdict & { readonly kind: 'answer' };
export type Ended = Verdict | 'deadline' | 'closed';

/** A request on its way. */
export interface Flight {
  readonly request: BusRequest;
  readonly patience: Patience;
  readonly frame: Uint8Array;
  readonly asked: Asked;
  readonly sentNs: InstantNs;
  readonly sentMs: number;
  firstByteNs: InstantNs | undefined;
  lastByteNs: InstantNs | undefined;
  lastByteMs: number;
  /** The deadline passed while we were late ourselves, and the port was looked at once more. */
  lookedAgain: boolean;
  /** What has come since the request went out, bounded. */
  evidence: Uint8Array;
  /** A reply came that could have been an older one's: decides whether it is believed. */
  doubt: (() => void) | undefined;
  readonly done: (outcome: Outcome) => void;
}

/** How an exchange ended, and its record; where nothing came it is dated when it was given up. */
export function outcomeOf(
  form: ModbusForm,
  { request, frame, sentNs, sentMs, firstByteNs, lastByteNs, lastByteMs }: Flight,
  ending: Ending,
  fault: FaultCode | undefined,
  reply: Uint8Array,
  clock: Clock,
): Outcome {
  const firstNs = firstByteNs ?? clock.nowNs();
  return {
    ending,
    sentMs,
    tookMs: lastByteMs - sentMs,
    heard: firstByteNs !== undefined,
    exceptionCode: 0,
    exchange: {
      source: request.source,
      form,
      request: frame,
      reply,
      sentNs: sentNs < firstNs ? sentNs : firstNs,
      firstByteNs: firstNs,
      lastByteNs: lastByteNs ?? firstNs,
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

/** Both, one after the other; where the first is empty the second itself, not a copy. */
export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
