// One instrument of a peer that answers questions: what it is asked next, when, and what its answers have taught.
import { durationNs, type DurationNs } from '../quantity/time.ts';
import { Breaker } from './breaker.ts';
import { LearntLatency } from './learnt-latency.ts';
import { PollPlan, fractionOf, type Turn } from './poll-plan.ts';
import { PollQuestions } from './poll-questions.ts';
import type { Patience } from './question-peer.ts';
import type { PolledDevice } from './transport.ts';

/** Reads come within this much real time before their tick, unless the peer needs longer for all of them. */
const SPREAD_MS = 1000;
/** What a management card is reckoned to need for one request. */
const TURNAROUND_MS = 30;

export class QuestionStation<Question> {
  readonly device: PolledDevice;
  readonly breaker = new Breaker();
  readonly plan: PollPlan;
  readonly questions: PollQuestions<Question>;
  readonly #replyMs: number;
  readonly #latency = new LearntLatency();
  /** The turn under way, while questions of it are still to be asked. */
  turn: Turn | undefined;

  constructor(
    device: PolledDevice,
    questions: PollQuestions<Question>,
    phase: DurationNs,
    wireTimeoutMs: number,
  ) {
    this.device = device;
    this.plan = new PollPlan(device.poll, phase);
    this.questions = questions;
    this.#replyMs = device.replyTimeoutMs ?? wireTimeoutMs;
  }

  /** What is asked next; undefined only where nothing ever is. */
  upcoming(): Question | undefined {
    return this.questions.current;
  }

  /** What silent instruments are probed with is no longer than their peer ever took while it lived. */
  patience(): Patience {
    const { lateMs } = this.#latency;
    if (this.breaker.isOpen)
      return { deadlineMs: Math.min(this.#replyMs, lateMs ?? this.#replyMs), resendMs: undefined };
    const resendMs = lateMs ?? this.#replyMs / 2;
    return { deadlineMs: this.#replyMs, resendMs: resendMs < this.#replyMs ? resendMs : undefined };
  }

  /** One question was answered after so long. Returns whether the poll is complete. */
  answered(tookMs: number): boolean {
    if (this.questions.isMeasuring) this.#latency.answered(tookMs);
    return this.questions.next();
  }

  /** One question was refused: the others are asked all the same. Returns whether the poll is complete. */
  refused(): boolean {
    return this.questions.next();
  }

  /** The turn is over; what it took (civil, by `speedRatio`) moves the next one. */
  finish(complete: boolean, speedRatio: number): void {
    this.#latency.finish(complete, this.plan, speedRatio);
    this.questions.restart();
    this.turn = undefined;
  }
}

/** What a device is asked, by the kind of wire. */
export type Asked = Pick<PolledDevice, 'gets' | 'asks'>;

/** Spreads instruments before their ticks, evenly, from a place that differs from wire to wire. */
export function stationsOf<Question>(
  wire: string,
  devices: readonly PolledDevice[],
  questionsOf: (asked: Asked) => readonly Question[],
  timeoutMs: number,
  speedRatio: number,
): QuestionStation<Question>[] {
  const needMs = devices.reduce((sum, each) => sum + questionsOf(each).length * TURNAROUND_MS, 0);
  const spreadCivilMs = Math.max(SPREAD_MS, 1.5 * needMs) * speedRatio;
  const startRatio = fractionOf(wire);
  return devices.map((device, index) => {
    const fraction = (startRatio + index / devices.length) % 1;
    const windowNs = Math.min(Number(device.poll), spreadCivilMs * 1e6);
    const phase = durationNs(BigInt(Math.floor(windowNs * fraction)));
    const who = device.who === undefined ? [] : questionsOf(device.who);
    const questions = new PollQuestions(questionsOf(device), who);
    return new QuestionStation(device, questions, phase, timeoutMs);
  });
}
