// A peer that is polled with questions: one loop asks for its instruments in fair turns, so that two questions can never be
// under way, and delivers what comes of them.
import type { Timer } from '../quantity/clock.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import { Delivery } from './delivery.ts';
import { Lateness } from './lateness.ts';
import type { Outcome, QuestionPeer } from './question-peer.ts';
import type { QuestionStation } from './question-station.ts';
import type { OpenWire, TransportPorts, WireHealth } from './transport.ts';

/** Civil time may be set: plans are looked at again at least this often. */
const LONGEST_NAP_MS = 1000;
/** After so many questions in a row without an answer the peer, not one of its instruments, is taken to be silent. */
const UNHEARD_MAX_COUNT = 3;

export interface QuestionWireOptions<Question> {
  readonly id: WireId;
  readonly peer: QuestionPeer<Question>;
  readonly stations: readonly QuestionStation<Question>[];
  readonly ports: TransportPorts;
}

export class QuestionWire<Question> implements OpenWire {
  readonly #options: QuestionWireOptions<Question>;
  readonly #peer: QuestionPeer<Question>;
  readonly #lateness = new Lateness();
  readonly #delivery: Delivery;
  /** What the answers say is wrong; that the port is not open is the peer's to say. */
  #trouble = 'not opened yet';
  #closed = false;
  #closing: Promise<void> | undefined;
  #exchangesCount = 0;
  #unheardCount = 0;
  #everHeard = false;
  #nap: { timer: Timer; wake: () => void } | undefined;
  readonly #polling: Promise<void>;

  /** Starts to poll even where nobody answers yet. */
  constructor(options: QuestionWireOptions<Question>) {
    this.#options = options;
    this.#peer = options.peer;
    this.#delivery = new Delivery(options.ports.deliver, {
      refused: (because) => {
        void this.#stop(because);
      },
      caughtUp: () => {
        this.#nap?.timer.cancel();
        this.#nap?.wake();
      },
    });
    // That the port is gone may be why instruments were silent, so all are tried again.
    this.#polling = this.#peer
      .open(() => {
        for (const { breaker, questions } of options.stations) {
          breaker.probeNow();
          questions.askWho();
        }
      })
      .then(() => this.#poll());
  }

  // A method, since what is awaited in between may change it.
  #isClosed(): boolean {
    return this.#closed;
  }

  #nowMs(): number {
    return Number(this.#options.ports.clock.monotonicNs()) / 1e6;
  }

  async #poll(): Promise<void> {
    while (!this.#isClosed()) {
      if (this.#delivery.isBehind) {
        await this.#sleep(LONGEST_NAP_MS);
        continue;
      }
      const nowNs = this.#options.ports.clock.nowNs();
      const next = this.#next(nowNs);
      const question = next?.station.upcoming();
      if (next === undefined || question === undefined || next.waitMs > 0) {
        await this.#sleep(Math.min(next?.waitMs ?? LONGEST_NAP_MS, LONGEST_NAP_MS));
        continue;
      }
      await this.#serve(next.station, question, nowNs);
    }
  }

  // Fair turns: a poll that has begun is finished, then whoever has been due longest.
  #next(nowNs: InstantNs): { station: QuestionStation<Question>; waitMs: number } | undefined {
    const { speedRatio } = this.#options.ports.clock;
    let best: { station: QuestionStation<Question>; dueInMs: number } | undefined;
    for (const station of this.#options.stations) {
      const dueInMs =
        station.turn === undefined
          ? Number(station.plan.dueNs(nowNs) - nowNs) / 1e6 / speedRatio
          : -Infinity;
      if (best === undefined || dueInMs < best.dueInMs) best = { station, dueInMs };
    }
    return best && { station: best.station, waitMs: Math.max(0, best.dueInMs) };
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((wake) => {
      // A timer may fire a little early: then the loop comes here again.
      const timer = this.#options.ports.timers.after(Math.max(1, Math.ceil(delayMs)), wake);
      this.#nap = { timer, wake };
    });
    this.#nap = undefined;
  }

  async #serve(
    station: QuestionStation<Question>,
    question: Question,
    nowNs: InstantNs,
  ): Promise<void> {
    const { source } = station.device;
    const begins = station.turn === undefined;
    if (station.turn === undefined) station.questions.begin(nowNs);
    station.turn ??= station.plan.take(nowNs);
    const { turn } = station;
    const nowMs = this.#nowMs();
    const unasked = this.#whyNotAsked(station, nowMs);
    if (unasked !== undefined) {
      this.#delivery.take(this.#peer.gap(source, question, unasked));
      this.#finish(station, false);
      // Without this a poll of microseconds would never let the socket speak.
      await this.#sleep(1);
      return;
    }
    const outcome = await this.#peer.ask(source, question, station.patience());
    if (this.#isClosed()) return;
    if (outcome.sentMs !== undefined) {
      this.#exchangesCount++;
      const plannedMs =
        nowMs - Number(nowNs - turn.plannedNs) / 1e6 / this.#options.ports.clock.speedRatio;
      if (begins && !turn.isFirst) this.#lateness.add(outcome.sentMs - plannedMs);
    }
    this.#delivery.take(outcome.exchange);
    this.#learn(station, outcome);
  }

  #whyNotAsked(station: QuestionStation<Question>, nowMs: number): FaultCode | undefined {
    if (!this.#peer.isOpen) return 'transport.closed';
    return station.breaker.mayAsk(nowMs) ? undefined : 'transport.skipped';
  }

  #learn(station: QuestionStation<Question>, outcome: Outcome): void {
    if (outcome.ending !== 'closed') this.#learnAboutPeer(outcome);
    switch (outcome.ending) {
      case 'answered':
        station.breaker.succeeded();
        if (station.answered(outcome.tookMs)) this.#finish(station, true);
        return;
      case 'refused':
        station.breaker.succeeded();
        if (station.refused()) this.#finish(station, false);
        return;
      case 'failed':
        station.breaker.failed(this.#nowMs());
        this.#finish(station, false);
        if (station.breaker.isOpen) station.questions.askWho();
        return;
      case 'closed':
        this.#finish(station, false);
        return;
    }
  }

  #learnAboutPeer(outcome: Outcome): void {
    const { name, silence } = this.#peer;
    if (outcome.heard) {
      // It was away, and is back: nobody needs to be left alone any longer.
      if (this.#unheardCount >= UNHEARD_MAX_COUNT)
        for (const station of this.#options.stations) station.breaker.probeNow();
      this.#unheardCount = 0;
      this.#everHeard = true;
      this.#peer.worked();
      this.#trouble = outcome.trouble === '' ? '' : `${name}: ${outcome.trouble}`;
      return;
    }
    this.#unheardCount++;
    if (!this.#everHeard || this.#unheardCount >= UNHEARD_MAX_COUNT)
      this.#trouble = `${name} does not answer: ${silence}`;
  }

  #finish(station: QuestionStation<Question>, complete: boolean): void {
    station.finish(complete, this.#options.ports.clock.speedRatio);
  }

  #stop(because: string): Promise<void> {
    if (this.#closing === undefined) {
      this.#closed = true;
      this.#trouble = because;
      this.#nap?.timer.cancel();
      this.#nap?.wake();
      this.#closing = this.#peer.close();
    }
    return this.#closing;
  }

  health(): WireHealth {
    const trouble = this.#closed ? this.#trouble : this.#peer.trouble || this.#trouble;
    return {
      wire: this.#options.id,
      connected: !this.#closed && this.#peer.isOpen && trouble === '',
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#delivery.faultsCount,
      silent: this.#options.stations
        .filter((station) => station.breaker.isOpen)
        .map((station) => station.device.source),
      latenessMs: this.#lateness.quantilesMs(),
      trouble,
    };
  }

  async close(): Promise<void> {
    await this.#stop('closed');
    await this.#polling;
    await this.#delivery.stop();
  }
}
