// An agent that is polled: one loop asks for its instruments in fair turns, so that two questions can never be under way,
// and delivers what comes of them. The socket is opened again, with a growing pause, whenever the system says that nobody
// listens there.
import type { Timer } from '../quantity/clock.ts';
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import { Lateness } from './lateness.ts';
import { SnmpAgent, type AgentOutcome } from './snmp-agent.ts';
import type { SnmpSecurity } from './snmp-security.ts';
import type { SnmpStation } from './snmp-station.ts';
import type { OpenWire, TransportPorts, WireHealth } from './transport.ts';
import type { DatagramPort, OpenDatagramPort } from './udp-port.ts';

/** Civil time may be set: plans are looked at again at least this often. */
const LONGEST_NAP_MS = 1000;
/** More than this may not wait for the disk: polling pauses until it has caught up. */
const UNDELIVERED_MAX_COUNT = 4096;
const FIRST_REOPEN_MS = 100;
const LONGEST_REOPEN_MS = 10_000;
/** After so many questions in a row without an answer the agent, not one of its objects, is taken to be silent. */
const UNHEARD_MAX_COUNT = 3;

export interface SnmpWireOptions {
  readonly id: WireId;
  /** HOST:PORT, for people. */
  readonly peer: string;
  readonly openPort: OpenDatagramPort;
  readonly security: SnmpSecurity;
  readonly stations: readonly SnmpStation[];
  readonly ports: TransportPorts;
}

export class AgentWire implements OpenWire {
  readonly #options: SnmpWireOptions;
  readonly #agent: SnmpAgent;
  readonly #lateness = new Lateness();
  readonly #undelivered = new Set<Promise<void>>();
  #port: DatagramPort | undefined;
  #trouble = 'not opened yet';
  #closed = false;
  #exchangesCount = 0;
  #faultsCount = 0;
  #unheardCount = 0;
  #everHeard = false;
  #reopenMs = FIRST_REOPEN_MS;
  #reopen: Timer | undefined;
  #nap: { timer: Timer; wake: () => void } | undefined;
  #opening: Promise<void>;
  readonly #polling: Promise<void>;

  /** Starts to poll even where nobody answers yet. */
  constructor(options: SnmpWireOptions) {
    this.#options = options;
    this.#agent = new SnmpAgent(options.security, options.ports.clock, options.ports.timers);
    this.#opening = this.#open();
    this.#polling = this.#opening.then(() => this.#poll());
  }

  async #open(): Promise<void> {
    // A socket that was given up may still speak: only the one in use is listened to.
    const session: { port?: DatagramPort } = {};
    const isInUse = (): boolean => session.port !== undefined && session.port === this.#port;
    try {
      const port = await this.#options.openPort({
        received: (datagram) => {
          if (isInUse()) this.#agent.received(datagram);
        },
        lost: (because) => {
          if (isInUse()) this.#lost(because);
        },
      });
      session.port = port;
      if (this.#isClosed()) {
        await port.close();
        return;
      }
      this.#port = port;
      this.#agent.attach(port);
    } catch (cause) {
      this.#trouble = cause instanceof Error ? cause.message : 'the socket cannot be opened';
      this.#openLater();
    }
  }

  // A method, since what is awaited in between may change it.
  #isClosed(): boolean {
    return this.#closed;
  }

  #openLater(): void {
    if (this.#closed) return;
    this.#reopen = this.#options.ports.timers.after(this.#reopenMs, () => {
      this.#opening = this.#open();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, LONGEST_REOPEN_MS);
  }

  // That may be why instruments were silent, so all are tried again.
  #lost(because: string): void {
    for (const station of this.#options.stations) station.breaker.probeNow();
    this.#port = undefined;
    this.#trouble = because;
    this.#agent.detach();
    this.#openLater();
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
  #next(nowNs: InstantNs): { station: SnmpStation; waitMs: number } | undefined {
    const { speedRatio } = this.#options.ports.clock;
    let best: { station: SnmpStation; dueInMs: number } | undefined;
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

  async #serve(station: SnmpStation, nowNs: InstantNs): Promise<void> {
    const objects = station.upcoming();
    const { source } = station.device;
    const begins = station.turn === undefined;
    station.turn ??= station.plan.take(nowNs);
    const { turn } = station;
    const nowMs = this.#agent.nowMs();
    const unasked = this.#whyNotAsked(station, nowMs);
    if (unasked !== undefined) {
      this.#deliver(this.#agent.gap(source, objects, unasked));
      this.#finish(station, false);
      // Without this a poll of microseconds would never let the socket speak.
      await this.#sleep(1);
      return;
    }
    const outcome = await this.#agent.ask(source, objects, station.patience());
    if (this.#isClosed()) return;
    if (outcome.sentMs !== undefined) {
      this.#exchangesCount++;
      const plannedMs =
        nowMs - Number(nowNs - turn.plannedNs) / 1e6 / this.#options.ports.clock.speedRatio;
      if (begins && !turn.isFirst) this.#lateness.add(outcome.sentMs - plannedMs);
    }
    this.#deliver(outcome.exchange);
    this.#learn(station, outcome);
  }

  #whyNotAsked(station: SnmpStation, nowMs: number): FaultCode | undefined {
    if (this.#port === undefined) return 'transport.closed';
    return station.breaker.mayAsk(nowMs) ? undefined : 'transport.skipped';
  }

  #learn(station: SnmpStation, outcome: AgentOutcome): void {
    if (outcome.ending !== 'closed') this.#learnAboutAgent(outcome);
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
        station.breaker.failed(this.#agent.nowMs());
        this.#finish(station, false);
        return;
      case 'closed':
        this.#finish(station, false);
        return;
    }
  }

  #learnAboutAgent(outcome: AgentOutcome): void {
    const { peer, security, stations } = this.#options;
    if (outcome.heard) {
      // It was away, and is back: nobody needs to be left alone any longer.
      if (this.#unheardCount >= UNHEARD_MAX_COUNT)
        for (const station of stations) station.breaker.probeNow();
      this.#unheardCount = 0;
      this.#everHeard = true;
      this.#reopenMs = FIRST_REOPEN_MS;
      this.#trouble = outcome.trouble === '' ? '' : `${peer}: ${outcome.trouble}`;
      return;
    }
    this.#unheardCount++;
    if (!this.#everHeard || this.#unheardCount >= UNHEARD_MAX_COUNT)
      this.#trouble = `${peer} does not answer: ${security.silence}`;
  }

  #finish(station: SnmpStation, complete: boolean): void {
    station.finish(complete, this.#options.ports.clock.speedRatio);
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
    this.#agent.detach();
    if (port !== undefined) void port.close();
    this.#nap?.timer.cancel();
    this.#nap?.wake();
  }

  health(): WireHealth {
    return {
      wire: this.#options.id,
      connected: this.#port !== undefined && this.#trouble === '',
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
