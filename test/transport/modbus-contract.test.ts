// The contract of transports, for each Modbus transport against the scripted peer.
import { findProgram, testWith } from '../real-programs.ts';
import { polledTransportContract, type PolledRig } from '../contracts/transport-contract.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import {
  device,
  firstWrongValue,
  formOf,
  KINDS,
  portsInto,
  startBench,
  until,
} from './wire-bench.ts';

const socat = findProgram('socat');

for (const kind of KINDS) {
  const start = async (): Promise<PolledRig> => {
    const bench = await startBench(kind, socat);
    const peers = [bench.peer];
    const script = (peer: ScriptedPeer): void => {
      peer.script = ({ request, send, right }) => {
        if (request.unit !== 66) send(right);
      };
    };
    script(bench.peer);
    return {
      open: (devices, ports) => bench.open(devices, 250, ports),
      firstWrongValue,
      breakWire: async () => {
        if (bench.line !== undefined) await bench.line.unplug();
        else await bench.peer.close();
      },
      restore: async () => {
        if (bench.line !== undefined) {
          await bench.line.plugIn();
          return;
        }
        const peer = new ScriptedPeer(formOf(kind));
        script(peer);
        peers.push(peer);
        await peer.listen(bench.port);
      },
      close: async () => {
        await bench.close();
        for (const peer of peers) await peer.close();
      },
    };
  };
  const needs = kind === 'modbus-rtu' ? { socat } : {};
  polledTransportContract(kind, testWith(needs), start, { device, portsInto, until });
}
