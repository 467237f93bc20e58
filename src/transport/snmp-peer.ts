// An SNMP agent as a peer that is asked: its socket is opened again, with a growing pause, whenever the system says that
// nobody listens there.
import type { Timer } from '../quantity/clock.ts';
import type { Exchange, SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Outcome, Patience, QuestionPeer } from './question-peer.ts';
import { SnmpAgent } from './snmp-agent.ts';
import type { SnmpSecurity } from './snmp-security.ts';
import type { TransportPorts } from './transport.ts';
import type { DatagramPort, OpenDatagramPort } from './udp-port.ts';

const FIRST_REOPEN_MS = 100;
const LONGEST_REOPEN_MS = 10_000;

export class SnmpPeer implements QuestionPeer<readonly string[]> {
  readonly name: string;
  readonly silence: string;
  readonly #openPort: OpenDatagramPort;
  readonly #agent: SnmpAgent;
  readonly #ports: TransportPorts;
  #tellLost: () => void = () => undefined;
  #port: DatagramPort | undefined;
  #trouble = 'not opened yet';
  #closed = false;
  #reopenMs = FIRST_REOPEN_MS;
  #reopen: Timer | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    openPort: OpenDatagramPort,
    security: SnmpSecurity,
    ports: TransportPorts,
  ) {
    this.name = name;
    this.silence = security.silence;
    this.#openPort = openPort;
    this.#agent = new SnmpAgent(security, ports.clock, ports.timers);
    this.#ports = ports;
  }

  get isOpen(): boolean {
    return this.#port !== undefined;
  }

  get trouble(): string {
    return this.#trouble;
  }

  worked(): void {
    this.#reopenMs = FIRST_REOPEN_MS;
  }

  open(lost: () => void): Promise<void> {
    this.#tellLost = lost;
    this.#opening = this.#openOnce();
    return this.#opening;
  }

  ask(source: SourceId, objects: readonly string[], patience: Patience): Promise<Outcome> {
    return this.#agent.ask(source, objects, patience);
  }

  gap(source: SourceId, objects: readonly string[], fault: FaultCode): Exchange {
    return this.#agent.gap(source, objects, fault);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#reopen?.cancel();
    const port = this.#port;
    this.#port = undefined;
    this.#agent.detach();
    await port?.close();
    await this.#opening;
  }

  async #openOnce(): Promise<void> {
    // A socket that was given up may still speak: only the one in use is listened to.
    const session: { port?: DatagramPort } = {};
    const isInUse = (): boolean => session.port !== undefined && session.port === this.#port;
    try {
      const port = await this.#openPort({
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
      this.#trouble = '';
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
    this.#reopen = this.#ports.timers.after(this.#reopenMs, () => {
      this.#opening = this.#openOnce();
    });
    this.#reopenMs = Math.min(2 * this.#reopenMs, LONGEST_REOPEN_MS);
  }

  #lost(because: string): void {
    this.#port = undefined;
    this.#trouble = because;
    this.#agent.detach();
    this.#tellLost();
    this.#openLater();
  }
}
