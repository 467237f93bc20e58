// One owner per wire, one request in flight. The bus keeps the order that Modbus needs (silence, flush, quarantine,
// no reply taken for another's), stamps what it sends and hears, and turns every ending into an Exchange.
import assert from 'node:assert/strict';
import type { Clock, Timer, Timers } from '../quantity/clock.ts';
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import { fromMs, later } from '../quantity/time.ts';
import type { BytePort } from './byte-port.ts';
import { LineGuard, type Request } from './line-guard.ts';
import {
  gapOf,
  joined,
  NOTHING,
  outcomeOf,
  unsent,
  type Asking,
  type BusRequest,
  type Ended,
  type Ending,
  type InFlight,
  type ModbusForm,
  type Outcome,
  type Patience,
} from './modbus-outcome.ts';
import {
  hasRtuBegun,
  judgeRtu,
  judgeTcp,
  nameRtuRemains,
  rtuFramesIn,
  RTU_RECEIVED_MAX_BYTES,
  wrapTcp,
  type Asked,
  type Verdict,
} from './modbus-frame.ts';

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
  readonly #judgesTcp: boolean;
  #port: BytePort | undefined;
  #received: Uint8Array = NOTHING;
  #inFlight: InFlight | undefined;
  #transactionId: number;
  #deadline: { readonly atMs: number; readonly timer: Timer } | undefined;
  #deadlineMs = 0;
  #nap: { timer: Timer; wake: () => void } | undefined;
  #straysCount = 0;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#judgesTcp = options.form === 'modbus-tcp';
    this.guard = new LineGuard(this.#judgesTcp);
    // Not always from 0: a gateway may still hold replies to the process before this one.
    this.#transactionId = Number(options.clock.monotonicNs() & 0xffffn);
  }

  /** Frames and noise that nobody had asked for. */
  get straysCount(): number {
    return this.#straysCount;
  }

  nowMs(): number {
    return Number(this.#options.clock.monotonicNs()) / 1e6;
  }

  attach(port: BytePort): void {
    this.#port = port;
    this.#received = NOTHING;
    this.guard.reconnected();
  }

  /** The port is gone: what is in flight ends now. */
  detach(): void {
    this.#port = undefined;
    this.#received = NOTHING;
    this.#inFlight?.settle('closed');
    this.#deadline?.timer.cancel();
    this.#deadline = undefined;
    this.#nap?.timer.cancel();
    this.#nap?.wake();
  }

  /** Bytes from the port, in order. */
  received(bytes: Uint8Array): void {
    const flight = this.#inFlight;
    const nowMs = this.nowMs();
    this.guard.heard(flight?.asked.unit, nowMs);
    this.#received = joined(this.#received, bytes);
    // Longer than this nothing on RTU can be an answer, so what lies beyond is not searched for one.
    if (!this.#judgesTcp && this.#received.length > RTU_RECEIVED_MAX_BYTES)
      this.#received = this.#received.subarray(0, RTU_RECEIVED_MAX_BYTES + 1);
    if (flight === undefined) {
      this.#dropStrays(nowMs);
      return;
    }
    const now = this.#options.clock.nowNs();
    flight.firstByteNs ??= now;
    flight.lastByteNs = now;
    flight.lastByteMs = nowMs;
    if (flight.evidence.length < EVIDENCE_MAX_BYTES)
      flight.evidence = joined(flight.evidence, bytes).subarray(0, EVIDENCE_MAX_BYTES);
    const verdict = this.#judge(flight.asked);
    if (verdict.kind !== 'waiting') flight.settle(verdict);
  }

  #judge(asked: Asked): Verdict {
    const verdict = this.#judgesTcp
      ? judgeTcp(asked, this.#received)
      : judgeRtu(asked, this.#received);
    if (verdict.consumedBytes > 0) this.#received = this.#received.subarray(verdict.consumedBytes);
    if (verdict.kind === 'waiting' && this.#judgesTcp) this.#straysCount += verdict.straysCount;
    return verdict;
  }

  // Early bytes are refused: nobody asked for them.
  #dropStrays(nowMs: number): void {
    this.#straysCount++;
    if (this.#judgesTcp) {
      const verdict = judgeTcp(undefined, this.#received);
      if (verdict.kind === 'broken') this.#options.lostStep('bytes came that are no Modbus frame');
      else this.#received = this.#received.subarray(verdict.consumedBytes);
      return;
    }
    const frames = rtuFramesIn(this.#received);
    for (const frame of frames) {
      this.guard.stray(frame);
      if (frame[0] === this.guard.quarantined(nowMs)) {
        this.guard.lateFrame(frame[0] ?? 0);
        this.#nap?.timer.cancel();
        this.#nap?.wake();
      }
    }
    if (frames.length > 0 || this.#received.length > EVIDENCE_MAX_BYTES) this.#received = NOTHING;
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((wake) => {
      this.#nap = {
        wake,
        timer: this.#options.timers.after(Math.max(1, Math.ceil(delayMs)), wake),
      };
    });
    this.#nap = undefined;
  }

  /** Waits for the line, asks, and waits for the answer or the deadline. Never rejects. */
  async ask(request: BusRequest, patience: Patience): Promise<Outcome> {
    for (;;) {
      const waitMs = this.guard.lineReadyMs(request) - this.nowMs();
      if (waitMs <= 0 || this.#port === undefined) break;
      await this.#sleep(waitMs);
    }
    const flushed = this.#port?.flush();
    if (flushed !== undefined) await flushed;
    if (this.#port === undefined) return unsent(this.gap(request, 'transport.closed'));
    // On TCP the rest of a frame may still come; on RTU whatever lies here is refused.
    if (!this.#judgesTcp) this.#received = NOTHING;
    return this.#exchange(request, patience, this.#port);
  }

  async #exchange(request: BusRequest, patience: Patience, port: BytePort): Promise<Outcome> {
    const { clock, byteMs } = this.#options;
    this.#transactionId = (this.#transactionId + 1) & 0xffff;
    const frame = this.#judgesTcp
      ? wrapTcp(request.rtuFrame, this.#transactionId)
      : request.rtuFrame;
    const asked: Asked = { ...askedOf(request), transactionId: this.#transactionId };
    const sendMs = frame.length * byteMs;
    // The last byte leaves no earlier than this: a lower bound keeps the window of honesty honest.
    const beganNs = clock.nowNs();
    const sentNs = byteMs > 0 ? later(beganNs, fromMs(sendMs * clock.speedRatio)) : beganNs;
    const sentMs = this.nowMs();
    const flight: InFlight = {
      asked,
      sentNs,
      firstByteNs: undefined,
      lastByteNs: undefined,
      lastByteMs: sentMs,
      lookedAgain: false,
      evidence: NOTHING,
      settle: () => undefined,
    };
    this.#inFlight = flight;
    this.guard.sent(request, sentMs);
    const ended = await new Promise<Ended>((resolve) => {
      flight.settle = resolve;
      this.#startDeadline(sentMs + sendMs + patience.deadlineMs);
      port.write(frame);
    });
    const suspect =
      typeof ended === 'object' &&
      ended.kind === 'answer' &&
      this.guard.isSuspect(request, ended.frame, flight.lastByteMs);
    const ending = suspect ? await this.#confirm(request, flight, ended) : ended;
    this.#inFlight = undefined;
    this.#noteStrays(flight, ending);
    return this.#close({ request, patience, frame, flight, sentMs, suspect }, ending);
  }

  // Whole frames around the answer, or instead of it.
  #noteStrays({ asked, evidence }: InFlight, ending: Ended): void {
    if (this.#judgesTcp) return;
    const answer =
      typeof ending === 'object' && ending.kind === 'answer' ? ending.frame : undefined;
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

  // One timer serves many requests: it is not cancelled when an answer comes, but looks again when it fires.
  #startDeadline(atMs: number): void {
    this.#deadlineMs = atMs;
    if (this.#deadline !== undefined && this.#deadline.atMs <= atMs) return;
    this.#deadline?.timer.cancel();
    const timer = this.#options.timers.after(atMs - this.nowMs(), () => {
      this.#deadline = undefined;
      this.#checkDeadline();
    });
    this.#deadline = { atMs, timer };
  }

  // Nothing is given up in the middle of a reply that has begun, but it must end soon.
  #checkDeadline(): void {
    const flight = this.#inFlight;
    if (flight === undefined) return;
    const begun = this.#judgesTcp
      ? this.#received.length > 0
      : hasRtuBegun(flight.asked, this.#received);
    const replyBytes = 9 + 2 * flight.asked.count;
    const piecesMs = begun ? 2 * replyBytes * this.#options.byteMs + PIECES_MS : 0;
    const limitMs = this.#deadlineMs;
    const lateMs = this.nowMs() - limitMs - piecesMs;
    // Where we are late ourselves, the answer may lie in the port, unread: it is looked at once more.
    const looksAgain = lateMs > OWN_DELAY_MAX_MS && !flight.lookedAgain;
    if (lateMs >= 0 && !looksAgain) {
      flight.settle('deadline');
      return;
    }
    flight.lookedAgain ||= looksAgain;
    this.#startDeadline(looksAgain ? this.nowMs() + 1 : limitMs + piecesMs);
    this.#deadlineMs = limitMs;
  }

  // The reply looks like one to a request that was given up. If it is that, its own follows: so it is believed only if
  // nothing more comes for the longest reply time.
  async #confirm(
    request: BusRequest,
    flight: InFlight,
    answer: Verdict & { kind: 'answer' },
  ): Promise<Ended> {
    const { firstByteNs, lastByteNs, lastByteMs } = flight;
    this.#received = NOTHING;
    await new Promise<void>((resolve) => {
      const timer = this.#options.timers.after(Math.ceil(request.replyMs), resolve);
      flight.settle = (more) => {
        if (more === 'deadline') return;
        timer.cancel();
        resolve();
      };
    });
    if (this.#port === undefined) return 'closed';
    if (flight.evidence.length > answer.frame.length) return 'deadline';
    Object.assign(flight, { firstByteNs, lastByteNs, lastByteMs });
    return answer;
  }

  #close(asking: Asking, ended: Ended): Outcome {
    const { request, flight } = asking;
    const record = (ending: Ending, fault: FaultCode | undefined, reply: Uint8Array): Outcome =>
      outcomeOf(this.#options.form, asking, ending, fault, reply, this.#options.clock.nowNs());
    if (ended === 'closed') {
      // A gateway may hold the reply for whoever connects next.
      this.guard.failed(request, this.nowMs(), false);
      return record('closed', 'transport.closed', flight.evidence);
    }
    if (ended === 'deadline') {
      const fault = this.#nameDeadline(flight);
      this.#failed(asking);
      if (this.#judgesTcp && this.#received.length > 0)
        this.#options.lostStep('a reply was cut short');
      this.#received = NOTHING;
      return record('failed', fault, flight.evidence);
    }
    switch (ended.kind) {
      case 'answer':
        this.guard.answered(request, ended.frame, this.nowMs());
        return record('answered', undefined, ended.frame);
      case 'exception': {
        const busy = ended.exceptionCode === 5 || ended.exceptionCode === 6;
        const fault = busy ? 'transport.busy' : 'transport.exception';
        const { exceptionCode } = ended;
        return { ...record('refused', fault, ended.frame), exceptionCode };
      }
      case 'broken':
        this.#failed(asking);
        if (ended.lostStep) this.#options.lostStep('bytes came that are no Modbus frame');
        return record('failed', ended.fault, flight.evidence);
      case 'waiting':
        assert.fail('an exchange ended while it was waiting');
    }
  }

  #failed({ request, patience, suspect }: Asking): void {
    this.guard.failed(request, this.nowMs(), patience.holdsLine || suspect);
    // What follows a reply that did not stay alone comes within the quarantine, so nothing is left to fear after it.
    if (suspect) this.guard.cleared(request.unit);
  }

  #nameDeadline(flight: InFlight): FaultCode {
    if (flight.evidence.length === 0) return 'transport.timeout';
    if (this.#judgesTcp) return this.#received.length > 0 ? 'transport.frame' : 'transport.foreign';
    // An answer that did not stay alone is one too many: it answers something asked before.
    const named = nameRtuRemains(flight.asked, flight.evidence);
    return judgeRtu(flight.asked, flight.evidence).kind === 'waiting' ? named : 'transport.foreign';
  }

  /** The record that this was not asked, and why. */
  gap(request: BusRequest, fault: FaultCode): Exchange {
    return gapOf(this.#options.form, request, fault, this.#options.clock.nowNs());
  }
}

const askedOf = (request: Request): Omit<Asked, 'transactionId'> => ({
  unit: request.unit,
  functionCode: request.functionCode,
  count: request.count,
});
