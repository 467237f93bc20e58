// One SNMP wire against a scripted agent, and what the tests know of the truth.
import { onTestFinished } from 'vitest';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { fromMs } from '../../src/quantity/time.ts';
import type { SnmpAccess, SnmpWire } from '../../src/quantity/site.ts';
import { snmp } from '../../src/transport/snmp.ts';
import type { OpenWire, PolledDevice, TransportPorts } from '../../src/transport/transport.ts';
import { askedIn, children, ScriptedAgent } from '../simulators/snmp-agent.ts';
import { pdu, RESPONSE } from '../simulators/snmp-ber.ts';
import { portsInto } from './wire-bench.ts';

/** Object `n` of part `unit`; it holds `truth(oid)`. */
export const objectOf = (unit: number, n: number): string => `1.3.6.1.4.1.99999.${n}.${unit}`;
export const truth = (oid: string): string => {
  const [n = 0, unit = 0] = oid.split('.').slice(-2).map(Number);
  return `unsigned32 ${unit * 1_000_000 + n}`;
};

export const instrument = (
  source: string,
  gets: readonly (readonly string[])[],
  more: Partial<PolledDevice> = {},
): PolledDevice => ({
  source,
  unit: 1,
  reads: [],
  gets,
  poll: fromMs(40),
  silenceMs: 0,
  replyTimeoutMs: undefined,
  ...more,
});

export interface SnmpBench {
  readonly agent: ScriptedAgent;
  readonly port: number;
  readonly exchanges: Exchange[];
  readonly open: (
    devices: readonly PolledDevice[],
    more?: Partial<SnmpWire>,
    ports?: TransportPorts,
  ) => Promise<OpenWire>;
}

export const COMMUNITY: SnmpAccess = { version: '2c', community: 'measured' };

export const wireTo = (port: number, more: Partial<SnmpWire> = {}): SnmpWire => ({
  transport: 'snmp',
  host: '127.0.0.1',
  port,
  timeoutMs: 250,
  access: COMMUNITY,
  ...more,
});

/** Ends what it started when the test ends. */
export async function startSnmpBench(): Promise<SnmpBench> {
  const agent = new ScriptedAgent('measured', truth);
  const port = await agent.listen();
  onTestFinished(() => agent.close());
  const exchanges: Exchange[] = [];
  return {
    agent,
    port,
    exchanges,
    open: async (devices, more = {}, ports = portsInto(exchanges)) => {
      const wire = await snmp.open('w', wireTo(port, more), { devices, subscriptions: [] }, ports);
      onTestFinished(() => wire.close());
      return wire;
    },
  };
}

/** The first exchange without a fault whose reply is not, octet for octet, the truth about its request. */
export const firstWrongObject = (exchanges: readonly Exchange[]): Exchange | undefined =>
  exchanges.find(({ fault, request, reply }) => {
    if (fault !== undefined) return false;
    const [inside] = children(Buffer.from(request));
    const { requestId, oids } = askedIn(inside!)!;
    const bound = oids.map((oid) => ({ oid, value: truth(oid) }));
    return !pdu(RESPONSE, requestId, bound).equals(reply);
  });
