// The contract of transports, for SNMP against the scripted agent. What is a unit on a Modbus wire is a part of the device
// here: an agent that has lost the board behind one part says nothing when it is asked for it.
import { test } from 'vitest';
import { polledTransportContract, type PolledRig } from '../contracts/transport-contract.ts';
import { ScriptedAgent } from '../simulators/snmp-agent.ts';
import { snmp } from '../../src/transport/snmp.ts';
import type { OpenWire, PolledDevice } from '../../src/transport/transport.ts';
import { firstWrongObject, objectOf, truth, wireTo } from './snmp-bench.ts';
import { device, portsInto, until } from './wire-bench.ts';

/** A block of registers as objects: one for each, of the part that the unit is. */
const asObjects = (polled: PolledDevice): PolledDevice => ({
  ...polled,
  reads: [],
  gets:
    polled.gets ??
    polled.reads.map(({ address, count }) =>
      Array.from({ length: count }, (_, n) => objectOf(polled.unit, address + n)),
    ),
});

const start = async (): Promise<PolledRig> => {
  const agents: ScriptedAgent[] = [];
  const listen = async (port = 0): Promise<number> => {
    const agent = new ScriptedAgent('measured', truth);
    agent.script = ({ oids, answer, right }) => {
      if (!oids.some((oid) => oid.endsWith('.66'))) answer(right());
    };
    agents.push(agent);
    return agent.listen(port);
  };
  const port = await listen();
  const wires: OpenWire[] = [];
  const object = objectOf(1, 1);
  return {
    open: async (devices, ports) => {
      const tasks = { devices: devices.map(asObjects), subscriptions: [] };
      const wire = await snmp.open('w', wireTo(port), tasks, ports);
      wires.push(wire);
      return wire;
    },
    firstWrongValue: firstWrongObject,
    breakWire: async () => {
      await agents.at(-1)?.close();
    },
    restore: async () => {
      await listen(port);
    },
    wrongs: [
      { gets: [] },
      { gets: [[]] },
      { gets: [Array.from({ length: 1025 }, () => object)] },
      { gets: [['1.3.6.1.4294967296']] },
      { gets: [['1.3.6.1.{outlet}']] },
      { gets: [['9.9']] },
      { gets: [[object]], poll: 0n as PolledDevice['poll'] },
    ],
    close: async () => {
      for (const wire of wires) await wire.close();
      for (const agent of agents) await agent.close();
    },
  };
};

polledTransportContract('snmp', test, start, { device, portsInto, until });
