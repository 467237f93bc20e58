// An SNMP agent as a peer that is asked: its socket is opened again, with a growing pause, whenever the system says that
// nobody listens there.
import type { Exchange, SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import { KeptPort } from './kept-port.ts';
import type { Outcome, Patience, QuestionPeer } from './question-peer.ts';
import { SnmpAgent } from './snmp-agent.ts';
import type { SnmpSecurity } from './snmp-security.ts';
import type { TransportPorts } from './transport.ts';
import type { DatagramPort, OpenDatagramPort } from './udp-port.ts';

export class SnmpPeer implements QuestionPeer<readonly string[]> {
  readonly name: string;
  readonly silence: string;
  readonly #agent: SnmpAgent;
  readonly #kept: KeptPort<DatagramPort>;
  #tellLost: () => void = () => undefined;

  constructor(
    name: string,
    openPort: OpenDatagramPort,
    security: SnmpSecurity,
    ports: TransportPorts,
  ) {
    this.name = name;
    this.silence = security.silence;
    const agent = new SnmpAgent(security, ports.clock, ports.timers);
    this.#agent = agent;
    this.#kept = new KeptPort(openPort, ports.timers, {
      opened: (port) => {
        agent.attach(port);
      },
      received: (datagram) => {
        agent.received(datagram);
      },
      lost: () => {
        agent.detach();
        this.#tellLost();
      },
    });
  }

  get isOpen(): boolean {
    return this.#kept.port !== undefined;
  }

  get trouble(): string {
    return this.#kept.trouble;
  }

  worked(): void {
    this.#kept.worked();
  }

  open(lost: () => void): Promise<void> {
    this.#tellLost = lost;
    return this.#kept.start();
  }

  ask(source: SourceId, objects: readonly string[], patience: Patience): Promise<Outcome> {
    return this.#agent.ask(source, objects, patience);
  }

  gap(source: SourceId, objects: readonly string[], fault: FaultCode): Exchange {
    return this.#agent.gap(source, objects, fault);
  }

  async close(): Promise<void> {
    this.#agent.detach();
    await this.#kept.close('closed');
  }
}
