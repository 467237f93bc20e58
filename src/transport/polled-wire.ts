// A wire that is polled: it keeps its port open, gives its devices fair turns, and delivers what comes of them. It is
// one loop, so that two requests can never be under way; a second loop opens the port again whenever it is lost.
import type { Timer } from '../quantity/clock.ts';
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { BytePort, BytePortEvents, OpenBytePort } from './byte-port.ts';
import { Lateness } from './lateness.ts';
import { ModbusBus } from './modbus-bus.ts';
import type { BusRequest, Outcome } from './modbus-outcome.ts';
import type { Turn } from './poll-plan.ts';
import type { Station } from './station.ts';
import type { OpenWire, TransportPorts, WireHealth } from './transport.ts';

/** Civil time may be set: plans are looked at again at least this often. */
const LONGEST_NAP_MS = 1000;
/** More than this may not wait for the disk: polling pauses until it has caught up. */
const UNDELIVERED_MAX_COUNT = 4096;
const FIRST_REOPEN_MS = 100;
const LONGEST_REOPEN_MS = 10_000;
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

export class PolledWire implements OpenWire {
  readonly #options: PolledWireOptions;
  readonly #bus: ModbusBus;
  readonly #lateness = new Lateness();
  readonly #undelivered = new Set<Promise<void>>();
  #port: BytePort | undefined;
  #trouble = 'not connected yet';
  #closed = false;
  #exchangesCount = 0;
  #faultsCount = 0;
  #unheardCount = 0;
  #reopenMs = FIRST_REOPEN_MS;
  #reopen: Timer | undefined;
  #nap: { timer: Timer; wake: () => void } | undefined;
  #polling: Promise<void> = Promise.resolve();
  #opening: Promise<void> = Promise.resolve();

  constructor(options: PolledWireOptions) {
    this.#options = options;
    this.#bus = new ModbusBus({
      form: options.form,
      byteMs: options.byteMs,
      clock: options.ports.clock,
      timers: options.ports.timers,
      lostStep: (because) => {
        this.#giveUpPort(because);
      },
    });
  }

  /** Opens the port once and rejects with its error where that fails; from then on it is reopened for ever. */
  async startOpened(): Promise<void> {
    await this.#openOnce();
    this.#polling = this.#poll();
  }

  /** Starts even where nobody answers yet. */
  start(): void {
    this.#opening = this.#openOrRetry();
    this.#polling = this.#opening.then(() => this.#poll());
  }

  async #openOnce(): Promise<void> {
    // A port that was given up may still speak: only the one in use is listened to.
    const session: { port?: BytePort } = {};
    const isInUse = (): boolean => session.port !== undefined && session.port === this.#port;
    const events: BytePortEvents = {
      received: (bytes) => {
        if (isInUse()) this.#bus.received(bytes);
      },
      lost: (because) => {
        if (isInUse()) this.#lost(because);
      },
    };
    const port = await this.#options.openPort(events);
    session.port = port;
    if (this.#isClosed()) {
      await port.close();
      return;
    }
    this.#port = port;
    this.#trouble = '';
    this.#unheardCount = 0;
    this.#bus.attach(port);
  }

  // A method, since what is awaited in between may change it.
  #isClosed(): boolean {
    return this.#closed;
  }

  async #openOrRetry(): Promise<void> {
    try {
      await this.#openOnce();
    } catch (cause) {
      this.#trouble = cause instanceof Error ? cause.message : 'the port cannot be opened';
      this.#openLater();
    }
  }

  #openLater(): void {
    if (this.#closed) return;
    this.#reopen = this.#options.ports.timers.after(this.#reopenMs, () => {
      this.#opening = this.#openOrRetry();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, LONGEST_REOPEN_MS);
  }

  // The peer or the adapter went away: that may be why devices were silent, so all are tried again.
  #lost(because: string): void {
    for (const station of this.#options.stations) station.breaker.probeNow();
    this.#detach(because);
  }

  #detach(because: string): void {
    this.#port = undefined;
    this.#trouble = because;
    this.#bus.detach();
    this.#openLater();
  }

  #giveUpPort(because: string): void {
    const port = this.#port;
    if (port === undefined) return;
    this.#detach(because);
    void port.close();
  }

  async #poll(): Promise<void> {
    while (!this.#isClosed()) {
      if (this.#undelivered.size >= UNDELIVERED_MAX_COUNT) {
        await Promise.race(this.#undelivered);
        continue;
      }
      const nowNs = this.#options.ports.clock.nowNs();
      const next = this.#next(nowNs);
      if (next === undefined || next.waitMs > 0) {
        await this.#sleep(Math.min(next?.waitMs ?? LONGEST_NAP_MS, LONGEST_NAP_MS));
        continue;
      }
      await this.#serve(next.station, nowNs);
    }
  }

  // Fair turns: a poll that has begun is finished, then whoever has been due longest.
  #next(nowNs: InstantNs): { station: Station; waitMs: number } | undefined {
    const nowMs = this.#bus.nowMs();
    const { speedRatio } = this.#options.ports.clock;
    let best: { station: Station; waitMs: number; rankMs: number } | undefined;
    for (const station of this.#options.stations) {
      const dueInMs =
        station.turn === undefined
          ? Number(station.plan.dueNs(nowNs) - nowNs) / 1e6 / speedRatio
          : -Infinity;
      const request = station.upcoming(this.#bus.guard);
      if (request === undefined) continue;
      const readyInMs = this.#port === undefined ? 0 : this.#bus.guard.unitReadyMs(request) - nowMs;
      const waitMs = Math.max(0, dueInMs, readyInMs);
      const better =
        best === undefined ||
        waitMs < best.waitMs ||
        (waitMs === best.waitMs && dueInMs < best.rankMs);
      if (better) best = { station, waitMs, rankMs: dueInMs };
    }
    return best;
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((wake) => {
      // A timer may fire a little early: then the loop comes here again.
      const timer = this.#options.ports.timers.after(Math.max(1, Math.ceil(delayMs)), wake);
      this.#nap = { timer, wake };
    });
    this.#nap = undefined;
  }

  async #serve(station: Station, nowNs: InstantNs): Promise<void> {
    const request = station.upcoming(this.#bus.guard);
    if (request === undefined) return;
    const begins = station.turn === undefined;
    station.turn ??= this.#takeTurn(station, request, nowNs);
    const nowMs = this.#bus.nowMs();
    const unasked = this.#whyNotAsked(station, nowMs);
    if (unasked !== undefined) {
      this.#deliver(this.#bus.gap(request, unasked));
      this.#finish(station, false);
      // Without this a poll of microseconds would never let the socket speak.
      await this.#sleep(1);
      return;
    }
    const { turn } = station;
    const outcome = await this.#bus.ask(request, station.patience());
    if (this.#isClosed()) return;
    if (outcome.sentMs !== undefined) {
      station.asked(request);
      this.#exchangesCount++;
      const plannedMs =
        nowMs - Number(nowNs - turn.plannedNs) / 1e6 / this.#options.ports.clock.speedRatio;
      if (begins && !turn.isFirst) this.#lateness.add(outcome.sentMs - plannedMs);
    }
    this.#deliver(outcome.exchange);
    this.#learn(station, outcome);
  }

  #takeTurn(station: Station, request: BusRequest, nowNs: InstantNs): Turn {
    const turn = station.plan.take(nowNs);
    if (turn.missedCount > 0 && this.#bus.guard.lastQuarantineMs > station.lastTurnMs)
      this.#deliver(this.#bus.gap(request, 'transport.quarantine'));
    return turn;
  }

  #whyNotAsked(station: Station, nowMs: number): FaultCode | undefined {
    if (this.#port === undefined) return 'transport.closed';
    return station.breaker.mayAsk(nowMs) ? undefined : 'transport.skipped';
  }

  #learn(station: Station, outcome: Outcome): void {
    const nowMs = this.#bus.nowMs();
    if (outcome.heard) {
      this.#unheardCount = 0;
      this.#reopenMs = FIRST_REOPEN_MS;
    }
    switch (outcome.ending) {
      case 'answered':
        station.breaker.succeeded();
        if (station.answered(outcome.tookMs)) this.#finish(station, true);
        return;
      case 'refused':
        if (GATEWAY_EXCEPTIONS.includes(outcome.exceptionCode)) {
          station.breaker.failed(nowMs);
          this.#finish(station, false);
          return;
        }
        station.breaker.succeeded();
        if (station.refused()) this.#finish(station, false);
        return;
      case 'failed':
        station.breaker.failed(nowMs);
        this.#finish(station, false);
        if (!outcome.heard) this.#unheard();
        return;
      case 'closed':
        this.#finish(station, false);
        return;
    }
  }

  #unheard(): void {
    this.#unheardCount++;
    if (this.#options.mayDieSilently && this.#unheardCount >= UNHEARD_MAX_COUNT)
      this.#giveUpPort('the peer took requests but sent nothing back');
  }

  #finish(station: Station, complete: boolean): void {
    station.finish(complete, this.#bus.nowMs(), this.#options.ports.clock.speedRatio);
  }

  #deliver(exchange: Exchange): void {
    if (exchange.fault !== undefined) this.#faultsCount++;
    const delivered = this.#options.ports.deliver(exchange).then(
      () => {
        this.#undelivered.delete(delivered);
      },
      (cause: unknown) => {
        // Nothing may be read that cannot be recorded, and nothing here could mend it.
        this.#undelivered.delete(delivered);
        this.#stop(`not recorded: ${cause instanceof Error ? cause.message : String(cause)}`);
      },
    );
    this.#undelivered.add(delivered);
  }

  #stop(because: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#trouble = because;
    this.#reopen?.cancel();
    const port = this.#port;
    this.#port = undefined;
    this.#bus.detach();
    if (port !== undefined) void port.close();
    this.#nap?.timer.cancel();
    this.#nap?.wake();
  }

  /** Lateness of the last requests one by one, ms, real: for whoever sums up many wires. */
  recentLatenessMs(): Float64Array {
    return this.#lateness.recentMs();
  }

  health(): WireHealth {
    return {
      wire: this.#options.id,
      connected: this.#port !== undefined,
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#faultsCount,
      silent: this.#options.stations
        .filter((station) => station.breaker.isOpen)
        .map((station) => station.device.source),
      latenessMs: this.#lateness.quantilesMs(),
      trouble: this.#trouble,
    };
  }

  async close(): Promise<void> {
    const port = this.#port;
    this.#stop('closed');
    await port?.close();
    await this.#opening;
    await this.#polling;
    await Promise.all(this.#undelivered);
  }
}
