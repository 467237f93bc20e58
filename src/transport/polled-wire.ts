// A wire that is polled: it keeps its port open, gives its devices fair turns, and delivers what comes of them. It takes
// one turn after another, so that two requests can never be under way.
import type { Timer } from '../quantity/clock.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { BytePort, OpenBytePort } from './byte-port.ts';
import { Delivery } from './delivery.ts';
import { KeptPort } from './kept-port.ts';
import { Lateness } from './lateness.ts';
import { ModbusBus } from './modbus-bus.ts';
import type { BusRequest, Outcome } from './modbus-outcome.ts';
import type { Turn } from './poll-plan.ts';
import type { Station } from './station.ts';
import type { OpenWire, TransportPorts, WireHealth } from './transport.ts';

/** Civil time may be set: plans are looked at again at least this often. */
const LONGEST_NAP_MS = 1000;
/** After so many requests in a row without one byte back a connection is taken for dead. */
const UNHEARD_MAX_COUNT = 3;
/** Gateway exceptions 10 and 11: the device behind the gateway does not answer. */
const GATEWAY_EXCEPTIONS: readonly number[] = [10, 11];

export interface PolledWireOptions {
  readonly id: WireId;
  readonly form: 'modbus-rtu' | 'modbus-tcp';
  readonly byteMs: number;
  readonly openPort: OpenBytePort;
  /** A network connection can die without a word; a serial line cannot. */
  readonly mayDieSilently: boolean;
  readonly stations: readonly Station[];
  readonly ports: TransportPorts;
}

/** Whose turn is next, what it asks, and in how many real ms. */
interface Next {
  readonly station: Station;
  readonly request: BusRequest;
  readonly waitMs: number;
  readonly dueInMs: number;
}

export class PolledWire implements OpenWire {
  readonly #options: PolledWireOptions;
  readonly #bus: ModbusBus;
  readonly #kept: KeptPort<BytePort>;
  readonly #delivery: Delivery;
  readonly #lateness = new Lateness();
  #refusal = '';
  #closed = false;
  #closing: Promise<void> | undefined;
  #exchangesCount = 0;
  #unheardCount = 0;
  #isAsking = false;
  #isTakingTurns = false;
  #nap: Timer | undefined;

  constructor(options: PolledWireOptions) {
    this.#options = options;
    const { clock, timers, deliver } = options.ports;
    const { form, byteMs } = options;
    const bus = new ModbusBus({
      form,
      byteMs,
      clock,
      timers,
      lostStep: (because) => {
        this.#kept.giveUp(because);
      },
    });
    this.#bus = bus;
    this.#kept = new KeptPort(options.openPort, timers, {
      opened: (port) => {
        this.#unheardCount = 0;
        for (const station of options.stations) station.questions.askWho();
        bus.attach(port);
      },
      received: (bytes) => {
        bus.received(bytes);
      },
      lost: (givenUp) => {
        // The peer or the adapter went away: that may be why devices were silent, so all are tried again.
        if (!givenUp) for (const station of options.stations) station.breaker.probeNow();
        bus.detach();
      },
    });
    this.#delivery = new Delivery(deliver, {
      refused: (because) => {
        this.#refusal = because;
        void this.#stop(because);
      },
      caughtUp: () => {
        this.#takeTurns();
      },
    });
  }

  /** Opens the port once and rejects with its error where that fails; from then on it is reopened for ever. */
  async startOpened(): Promise<void> {
    await this.#kept.openFirst();
    this.#takeTurns();
  }

  /** Starts even where nobody answers yet. */
  start(): void {
    void this.#kept.start().then(() => {
      this.#takeTurns();
    });
  }

  // Called whenever something ended that turns wait for. An answer may be there at once, so this does not nest.
  #takeTurns(): void {
    if (this.#isTakingTurns) return;
    this.#isTakingTurns = true;
    while (this.#mayTakeTurn()) this.#takeTurn();
    this.#isTakingTurns = false;
  }

  #mayTakeTurn(): boolean {
    return !this.#closed && !this.#isAsking && this.#nap === undefined && !this.#delivery.isBehind;
  }

  #takeTurn(): void {
    const nowNs = this.#options.ports.clock.nowNs();
    const nowMs = this.#bus.nowMs();
    const next = this.#next(nowNs, nowMs);
    if (next === undefined || next.waitMs > 0)
      this.#sleep(Math.min(next?.waitMs ?? LONGEST_NAP_MS, LONGEST_NAP_MS));
    else this.#serve(next, nowNs, nowMs);
  }

  // Fair turns: a poll that has begun is finished, then whoever has been due longest.
  #next(nowNs: InstantNs, nowMs: number): Next | undefined {
    const { speedRatio } = this.#options.ports.clock;
    const isOpen = this.#kept.port !== undefined;
    let best: Next | undefined;
    for (const station of this.#options.stations) {
      const dueInMs =
        station.turn === undefined
          ? Number(station.plan.dueNs(nowNs) - nowNs) / 1e6 / speedRatio
          : -Infinity;
      const request = station.upcoming(this.#bus.guard);
      if (request === undefined) continue;
      const readyInMs = isOpen ? this.#bus.guard.unitReadyMs(request) - nowMs : 0;
      const waitMs = Math.max(0, dueInMs, readyInMs);
      if (
        best === undefined ||
        waitMs < best.waitMs ||
        (waitMs === best.waitMs && dueInMs < best.dueInMs)
      )
        best = { station, request, waitMs, dueInMs };
    }
    return best;
  }

  #sleep(delayMs: number): void {
    // A timer may fire a little early: then it is looked at again.
    this.#nap = this.#options.ports.timers.after(Math.max(1, Math.ceil(delayMs)), () => {
      this.#nap = undefined;
      this.#takeTurns();
    });
  }

  #serve({ station, request }: Next, nowNs: InstantNs, nowMs: number): void {
    const begins = station.turn === undefined;
    const turn = station.turn ?? this.#begin(station, request, nowNs);
    const unasked = this.#whyNotAsked(station, nowMs);
    if (unasked !== undefined) {
      this.#delivery.take(this.#bus.gap(request, unasked));
      this.#finish(station, false);
      // Without this a poll of microseconds would never let the socket speak.
      this.#sleep(1);
      return;
    }
    this.#isAsking = true;
    this.#bus.ask(request, station.patience(), (outcome) => {
      this.#isAsking = false;
      if (this.#closed) return;
      if (outcome.sentMs !== undefined) {
        station.asked(request);
        this.#exchangesCount++;
        const plannedMs =
          nowMs - Number(nowNs - turn.plannedNs) / 1e6 / this.#options.ports.clock.speedRatio;
        if (begins && !turn.isFirst) this.#lateness.add(outcome.sentMs - plannedMs);
      }
      this.#delivery.take(outcome.exchange);
      this.#learn(station, outcome);
      this.#takeTurns();
    });
  }

  #begin(station: Station, request: BusRequest, nowNs: InstantNs): Turn {
    const turn = station.plan.take(nowNs);
    station.turn = turn;
    station.questions.begin(nowNs);
    if (turn.missedCount > 0 && this.#bus.guard.lastQuarantineMs > station.lastTurnMs)
      this.#delivery.take(this.#bus.gap(request, 'transport.quarantine'));
    return turn;
  }

  #whyNotAsked(station: Station, nowMs: number): FaultCode | undefined {
    if (this.#kept.port === undefined) return 'transport.closed';
    return station.breaker.mayAsk(nowMs) ? undefined : 'transport.skipped';
  }

  #learn(station: Station, outcome: Outcome): void {
    if (outcome.heard) {
      this.#unheardCount = 0;
      this.#kept.worked();
    }
    switch (outcome.ending) {
      case 'answered':
        station.breaker.succeeded();
        if (station.answered(outcome.tookMs)) this.#finish(station, true);
        return;
      case 'refused':
        if (GATEWAY_EXCEPTIONS.includes(outcome.exceptionCode)) {
          this.#failed(station);
          return;
        }
        station.breaker.succeeded();
        if (station.refused()) this.#finish(station, false);
        return;
      case 'failed':
        this.#failed(station);
        if (!outcome.heard) this.#unheard();
        return;
      case 'closed':
        this.#finish(station, false);
        return;
    }
  }

  #failed(station: Station): void {
    station.breaker.failed(this.#bus.nowMs());
    this.#finish(station, false);
    if (station.breaker.isOpen) station.questions.askWho();
  }

  #unheard(): void {
    this.#unheardCount++;
    if (this.#options.mayDieSilently && this.#unheardCount >= UNHEARD_MAX_COUNT)
      this.#kept.giveUp('the peer took requests but sent nothing back');
  }

  #finish(station: Station, complete: boolean): void {
    station.finish(complete, this.#bus.nowMs(), this.#options.ports.clock.speedRatio);
  }

  #stop(because: string): Promise<void> {
    if (this.#closing === undefined) {
      this.#closed = true;
      this.#nap?.cancel();
      this.#bus.detach();
      this.#closing = this.#kept.close(because);
    }
    return this.#closing;
  }

  /** Lateness of the last requests one by one, ms, real: for whoever sums up many wires. */
  recentLatenessMs(): Float32Array {
    return this.#lateness.recentMs();
  }

  health(): WireHealth {
    return {
      wire: this.#options.id,
      connected: this.#kept.port !== undefined,
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#delivery.faultsCount,
      silent: this.#options.stations
        .filter((station) => station.breaker.isOpen)
        .map((station) => station.device.source),
      latenessMs: this.#lateness.quantilesMs(),
      trouble: this.#refusal || this.#kept.trouble,
    };
  }

  async close(): Promise<void> {
    await this.#stop('closed');
    await this.#delivery.stop();
  }
}
