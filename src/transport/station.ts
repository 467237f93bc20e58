// One polled device on its wire: what it is asked next, when, and what its answers have taught.
import type { DurationNs } from '../quantity/time.ts';
import { Breaker } from './breaker.ts';
import { LearntLatency } from './learnt-latency.ts';
import type { LineGuard } from './line-guard.ts';
import { encodeRead, readFunction } from './modbus-codec.ts';
import type { BusRequest, Patience } from './modbus-outcome.ts';
import { PollPlan, type Turn } from './poll-plan.ts';
import { PollQuestions } from './poll-questions.ts';
import type { PolledDevice, ReadRequest } from './transport.ts';

interface Block {
  readonly requests: readonly [BusRequest, BusRequest];
  /** Which of the two went out last. */
  lastIndex: 0 | 1;
}

export class Station {
  readonly device: PolledDevice;
  readonly breaker = new Breaker();
  readonly plan: PollPlan;
  readonly questions: PollQuestions<Block>;
  readonly #replyMs: number;
  readonly #latency = new LearntLatency();
  /** The turn under way, while blocks of it are still to be read. */
  turn: Turn | undefined;
  lastTurnMs = -Infinity;

  constructor(device: PolledDevice, phase: DurationNs, wireTimeoutMs: number, silenceMs: number) {
    this.device = device;
    this.plan = new PollPlan(device.poll, phase);
    this.#replyMs = device.replyTimeoutMs ?? wireTimeoutMs;
    const requestFor = (read: ReadRequest, count: number): BusRequest => ({
      source: device.source,
      unit: device.unit,
      functionCode: readFunction(read.table),
      address: read.address,
      count,
      silenceMs: Math.max(device.silenceMs, silenceMs),
      replyMs: this.#replyMs,
      rtuFrame: encodeRead(device.unit, read.table, read.address, count),
    });
    const blockFor = (read: ReadRequest): Block => ({
      requests: [requestFor(read, read.count), requestFor(read, read.alternateCount)],
      lastIndex: 1,
    });
    this.questions = new PollQuestions(
      device.reads.map(blockFor),
      (device.who?.reads ?? []).map(blockFor),
    );
  }

  /** The request that comes next; every second one of a block asks for its other length. */
  upcoming(guard: LineGuard): BusRequest | undefined {
    const block = this.questions.current;
    if (block === undefined) return undefined;
    return guard.choose(
      block.requests[block.lastIndex === 0 ? 1 : 0],
      block.requests[block.lastIndex],
    );
  }

  /** The request has gone out, so the block has had its turn. */
  asked(request: BusRequest): void {
    const block = this.questions.current;
    if (block !== undefined) block.lastIndex = block.requests[0] === request ? 0 : 1;
  }

  /** A dead device is probed no longer than it ever took while it lived. */
  patience(): Patience {
    if (!this.breaker.isOpen) return { deadlineMs: this.#replyMs, holdsLine: true };
    const { lateMs } = this.#latency;
    return { deadlineMs: Math.min(this.#replyMs, lateMs ?? this.#replyMs), holdsLine: false };
  }

  /** One block was answered after so long. Returns whether the poll is complete. */
  answered(tookMs: number): boolean {
    if (this.questions.isMeasuring) this.#latency.answered(tookMs);
    return this.questions.next();
  }

  /** One block was refused: the others are asked all the same. Returns whether the poll is complete. */
  refused(): boolean {
    return this.questions.next();
  }

  /** The turn is over; what it took (civil, by `speedRatio`) moves the next one. */
  finish(complete: boolean, nowMs: number, speedRatio: number): void {
    this.#latency.finish(complete, this.plan, speedRatio);
    this.questions.restart();
    this.turn = undefined;
    this.lastTurnMs = nowMs;
  }
}
