// The contract of push transports: on a pseudo-terminal that socat makes, and on TCP.
import { readSmlFile } from '../../src/decode/sml-file.ts';
import { serialPush, tcpPush } from '../../src/transport/push.ts';
import type { OpenWire, PushedMeter } from '../../src/transport/transport.ts';
import { pushedTransportContract, type PushedRig } from '../contracts/transport-contract.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { AdapterLine, PushingMeter } from './push-bench.ts';
import { smlReading } from './push-frames.ts';
import { portsInto, until } from './wire-bench.ts';

const socat = findProgram('socat');
const meter: PushedMeter = {
  source: 'm1',
  protocol: 'sml',
  check: 'crc16',
  askEvery: undefined,
  silentAfterMs: 400,
};

async function start(kind: 'serial-push' | 'tcp-push'): Promise<PushedRig> {
  const peer = new PushingMeter((number) => smlReading(BigInt(number), 100n));
  const port = await peer.listen();
  const line = kind === 'serial-push' ? new AdapterLine(socat ?? 'socat', port) : undefined;
  await line?.plugIn();
  const wires: OpenWire[] = [];
  return {
    meter,
    open: async (ports, meters = [meter]) => {
      const tasks = { devices: [], subscriptions: [], pushed: meters };
      const wire =
        line === undefined
          ? await tcpPush.open(
              'w',
              { transport: 'tcp-push', host: '127.0.0.1', port, timeoutMs: 500 },
              tasks,
              ports,
            )
          : await serialPush.open(
              'w',
              {
                transport: 'serial-push',
                path: line.path,
                baud: 115_200,
                dataBits: 8,
                parity: 'none',
                stopBits: 1,
                timeoutMs: 500,
              },
              tasks,
              ports,
            );
      wires.push(wire);
      return wire;
    },
    numberOf: ({ reply }) => {
      const energy = readSmlFile(reply)?.find(({ code }) => code === '1-0:1.8.0');
      return Number(energy?.digits ?? -1n);
    },
    breakWire: async () => {
      if (line === undefined) await peer.close();
      else await line.unplug();
    },
    restore: async () => {
      if (line === undefined) await peer.listen(port);
      else await line.plugIn();
    },
    behave: (how) => {
      peer.behaviour = how;
    },
    close: async () => {
      for (const wire of wires) await wire.close();
      line?.remove();
      await peer.end();
    },
  };
}

pushedTransportContract('serial-push', testWith({ socat }), () => start('serial-push'), {
  portsInto,
  until,
});
pushedTransportContract('tcp-push', testWith({}), () => start('tcp-push'), { portsInto, until });
