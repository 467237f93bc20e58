// One owner per wire, one request in flight. The bus keeps the order that Modbus needs (silence, flush, quarantine,
// no reply taken for another's), stamps what it sends and hears, and turns every ending into an Exchange. It calls back
// rather than promises: this is the hot path, and the next request leaves in the same turn in which the answer came.
import assert from 'node:assert/strict';
import type { Clock, Timer, Timers } from '../quantity/clock.ts';
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import { fromMs, later } from '../quantity/time.ts';
import type { BytePort } from './byte-port.ts';
import { LineGuard } from './line-guard.ts';
import { judgeRtu, nameRtuRemains, rtuFramesIn, wrapTcp } from './modbus-frame.ts';
import {
  gapOf,
  joined,
  NOTHING,
  outcomeOf,
  unsent,
  type Answer,
  type BusRequest,
  type Ended,
  type Ending,
  type Flight,
  type ModbusForm,
  type Outcome,
  type Patience,
} from './modbus-outcome.ts';
import { ModbusStream } from './modbus-stream.ts';
import { ReplyDeadline } from './reply-deadline.ts';

/** Of bytes that are no answer, as many are kept as evidence. */
const EVIDENCE_MAX_BYTES = 512;
/** A reply that has begun may take this long beyond its time on the wire: gateways and USB send in pieces. */
const PIECES_MS = 250;
/** A timer that fires later than this tells of a busy machine, not of a silent device. */
const OWN_DELAY_MAX_MS = 10;

export interface BusOptions {
  readonly form: ModbusForm;
  /** Time of one byte on the wire, ms; 0 where the network carries it. */
  readonly byteMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The stream can no longer be followed: the port must be closed and opened again. */
  readonly lostStep: (because: string) => void;
}

export class ModbusBus {
  readonly guard: LineGuard;
  readonly #options: BusOptions;
  readonly #isTcp: boolean;
  readonly #stream: ModbusStream;
  readonly #deadline: ReplyDeadline;
  #port: BytePort | undefined;
  #flight: Flight | undefined;
  #transactionId: number;
  #nap: { timer: Timer; wake: () => void } | undefined;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#isTcp = options.form === 'modbus-tcp';
    this.guard = new LineGuard(this.#isTcp);
    this.#stream = new ModbusStream(options.form);
    this.#deadline = new ReplyDeadline(
      options.timers,
      () => this.nowMs(),
      () => {
        this.#checkDeadline();
      },
    );
    // Not always from 0: a gateway may still hold replies to the process before this one.
    this.#transactionId = Number(options.clock.monotonicNs() & 0xffffn);
  }

  nowMs(): number {
    return Number(this.#options.clock.monotonicNs()) / 1e6;
  }

  attach(port: BytePort): void {
    this.#port = port;
    this.#stream.clear();
    this.guard.reconnected();
  }

  /** The port is gone: what is in flight ends now. */
  detach(): void {
    this.#port = undefined;
    this.#stream.clear();
    this.#deadline.cancel();
    if (this.#flight !== undefined) this.#end(this.#flight, 'closed');
    this.#wake();
  }

  /** Bytes from the port, in order; they are lent for this call. */
  received(bytes: Uint8Array): void {
    const flight = this.#flight;
    const nowMs = this.nowMs();
    this.guard.heard(flight?.asked.unit, nowMs);
    if (flight === undefined) {
      this.#strayed(bytes, nowMs);
      return;
    }
    const now = this.#options.clock.nowNs();
    flight.firstByteNs ??= now;
    flight.lastByteNs = now;
    flight.lastByteMs = nowMs;
    const verdict = this.#stream.judge(flight.asked, bytes);
    // An answer that came whole and alone is its own evidence.
    if (
      verdict.kind === 'answer' &&
      flight.evidence.length === 0 &&
      verdict.frame.length === bytes.length
    )
      flight.evidence = verdict.frame;
    else if (flight.evidence.length < EVIDENCE_MAX_BYTES)
      flight.evidence = joined(flight.evidence, bytes).slice(0, EVIDENCE_MAX_BYTES);
    if (verdict.kind !== 'waiting') this.#end(flight, verdict);
  }

  // Early bytes are refused: nobody asked for them.
  #strayed(bytes: Uint8Array, nowMs: number): void {
    const frames = this.#stream.stray(bytes);
    if (frames === undefined) {
      this.#options.lostStep('bytes came that are no Modbus frame');
      return;
    }
    let isLate = false;
    for (const frame of frames) {
      this.guard.stray(frame);
      if (frame[0] !== this.guard.quarantined(nowMs)) continue;
      this.guard.lateFrame(frame[0] ?? 0);
      isLate = true;
    }
    if (isLate) this.#wake();
  }

  #wake(): void {
    const nap = this.#nap;
    if (nap === undefined) return;
    this.#nap = undefined;
    nap.timer.cancel();
    nap.wake();
  }

  /**
   * Waits for the line, asks, and waits for the answer or the deadline; `done` is called once, perhaps before this returns.
   * Only when it has been called may the next be asked.
   */
  ask(request: BusRequest, patience: Patience, done: (outcome: Outcome) => void): void {
    const readyMs = this.#port === undefined ? -Infinity : this.guard.lineReadyMs(request);
    // Most wires keep no silence: for them the clock is not looked at.
    const waitMs = readyMs === -Infinity ? 0 : readyMs - this.nowMs();
    if (waitMs > 0) {
      const wake = (): void => {
        this.#nap = undefined;
        this.ask(request, patience, done);
      };
      const timer = this.#options.timers.after(Math.max(1, Math.ceil(waitMs)), wake);
      this.#nap = { wake, timer };
      return;
    }
    const flushed = this.#port?.flush();
    if (flushed === undefined) this.#send(request, patience, done);
    else
      void flushed.then(() => {
        this.#send(request, patience, done);
      });
  }

  #send(request: BusRequest, patience: Patience, done: (outcome: Outcome) => void): void {
    const port = this.#port;
    if (port === undefined) {
      done(unsent(this.gap(request, 'transport.closed')));
      return;
    }
    // On TCP the rest of a frame may still come; on RTU whatever lies here is refused.
    if (!this.#isTcp) this.#stream.clear();
    const { clock, byteMs } = this.#options;
    const transactionId = (this.#transactionId + 1) & 0xffff;
    this.#transactionId = transactionId;
    const frame = this.#isTcp ? wrapTcp(request.rtuFrame, transactionId) : request.rtuFrame;
    const sendMs = frame.length * byteMs;
    // The last byte leaves no earlier than this: a lower bound keeps the window of honesty honest.
    const beganNs = clock.nowNs();
    const sentMs = this.nowMs();
    const { unit, functionCode, count } = request;
    this.#flight = {
      request,
      patience,
      frame,
      asked: { unit, functionCode, count, transactionId },
      sentNs: byteMs > 0 ? later(beganNs, fromMs(sendMs * clock.speedRatio)) : beganNs,
      sentMs,
      firstByteNs: undefined,
      lastByteNs: undefined,
      lastByteMs: sentMs,
      lookedAgain: false,
      evidence: NOTHING,
      doubt: undefined,
      done,
    };
    this.guard.sent(request, sentMs);
    this.#deadline.start(sentMs + sendMs + patience.deadlineMs);
    port.write(frame);
  }

  #end(flight: Flight, ended: Ended): void {
    if (flight.doubt !== undefined) {
      if (ended !== 'deadline') flight.doubt();
    } else if (
      typeof ended === 'object' &&
      ended.kind === 'answer' &&
      this.guard.isSuspect(flight.request, ended.frame, flight.lastByteMs)
    )
      this.#doubt(flight, ended);
    else this.#finish(flight, ended);
  }

  // The reply looks like one to a request that was given up. If it is that, its own follows: so it is believed only if
  // nothing more comes for the longest reply time.
  #doubt(flight: Flight, answer: Answer): void {
    const { firstByteNs, lastByteNs, lastByteMs } = flight;
    this.#stream.clear();
    const decide = (): void => {
      timer.cancel();
      if (this.#port === undefined) this.#finish(flight, 'closed');
      else if (flight.evidence.length > answer.frame.length) this.#finish(flight, 'deadline');
      else {
        Object.assign(flight, { firstByteNs, lastByteNs, lastByteMs });
        this.#finish(flight, answer);
      }
    };
    const timer = this.#options.timers.after(Math.ceil(flight.request.replyMs), decide);
    flight.doubt = decide;
  }

  #finish(flight: Flight, ended: Ended): void {
    this.#flight = undefined;
    if (!this.#isTcp) this.#noteStrays(flight, ended);
    flight.done(this.#close(flight, ended));
  }

  // Whole frames around the answer, or instead of it.
  #noteStrays({ asked, evidence }: Flight, ended: Ended): void {
    const answer = typeof ended === 'object' && ended.kind === 'answer' ? ended.frame : undefined;
    if (evidence.length === (answer?.length ?? 0)) return;
    const frames = rtuFramesIn(evidence);
    const own =
      answer === undefined
        ? -1
        : frames.findIndex(
            (frame) =>
              frame.length === answer.length &&
              frame[0] === asked.unit &&
              frame[1] === asked.functionCode,
          );
    for (const [n, frame] of frames.entries()) if (n !== own) this.guard.stray(frame);
  }

  // Nothing is given up in the middle of a reply that has begun, but it must end soon.
  #checkDeadline(): void {
    const flight = this.#flight;
    if (flight === undefined) return;
    const replyBytes = 9 + 2 * flight.asked.count;
    const piecesMs = this.#stream.hasBegun(flight.asked)
      ? 2 * replyBytes * this.#options.byteMs + PIECES_MS
      : 0;
    const limitMs = this.#deadline.atMs + piecesMs;
    const lateMs = this.nowMs() - limitMs;
    // Where we are late ourselves, the answer may lie in the port, unread: it is looked at once more.
    const looksAgain = lateMs > OWN_DELAY_MAX_MS && !flight.lookedAgain;
    if (lateMs >= 0 && !looksAgain) {
      this.#end(flight, 'deadline');
      return;
    }
    flight.lookedAgain ||= looksAgain;
    this.#deadline.lookAt(looksAgain ? this.nowMs() + 1 : limitMs);
  }

  #close(flight: Flight, ended: Ended): Outcome {
    const record = (ending: Ending, fault: FaultCode | undefined, reply: Uint8Array): Outcome =>
      outcomeOf(this.#options.form, flight, ending, fault, reply, this.#options.clock);
    if (ended === 'closed') {
      // A gateway may hold the reply for whoever connects next.
      this.guard.failed(flight.request, this.nowMs(), false);
      return record('closed', 'transport.closed', flight.evidence);
    }
    if (ended === 'deadline') {
      const fault = this.#nameDeadline(flight);
      this.#failed(flight);
      if (this.#isTcp && this.#stream.isBegun) this.#options.lostStep('a reply was cut short');
      this.#stream.clear();
      return record('failed', fault, flight.evidence);
    }
    switch (ended.kind) {
      case 'answer':
        this.guard.answered(flight.request, ended.frame, flight.lastByteMs);
        return record('answered', undefined, ended.frame);
      case 'exception': {
        const busy = ended.exceptionCode === 5 || ended.exceptionCode === 6;
        const fault = busy ? 'transport.busy' : 'transport.exception';
        const { exceptionCode } = ended;
        return { ...record('refused', fault, ended.frame), exceptionCode };
      }
      case 'broken':
        this.#failed(flight);
        if (ended.lostStep) this.#options.lostStep('bytes came that are no Modbus frame');
        return record('failed', ended.fault, flight.evidence);
      case 'waiting':
        assert.fail('an exchange ended while it was waiting');
    }
  }

  #failed({ request, patience, doubt }: Flight): void {
    const suspect = doubt !== undefined;
    this.guard.failed(request, this.nowMs(), patience.holdsLine || suspect);
    // What follows a reply that did not stay alone comes within the quarantine, so nothing is left to fear after it.
    if (suspect) this.guard.cleared(request.unit);
  }

  #nameDeadline({ asked, evidence }: Flight): FaultCode {
    if (evidence.length === 0) return 'transport.timeout';
    if (this.#isTcp) return this.#stream.isBegun ? 'transport.frame' : 'transport.foreign';
    // An answer that did not stay alone is one too many: it answers something asked before.
    const named = nameRtuRemains(asked, evidence);
    return judgeRtu(asked, evidence).kind === 'waiting' ? named : 'transport.foreign';
  }

  /** The record that this was not asked, and why. */
  gap(request: BusRequest, fault: FaultCode): Exchange {
    return gapOf(this.#options.form, request, fault, this.#options.clock.nowNs());
  }
}
