// One JavaScript client under measurement, in a process of its own so that its CPU is its own. Arguments: name, port,
// connections, seconds. Prints polls, CPU and time as JSON.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import modbusSerial from 'modbus-serial';
import { systemClock, systemTimers } from '../src/cli/system-clock.ts';
import { durationNs } from '../src/quantity/time.ts';
import { modbusTcp } from '../src/transport/modbus.ts';
import type { OpenWire } from '../src/transport/transport.ts';

const REGISTERS_COUNT = 20;
const WARM_UP_S = 0.7;

/** Polls for so many seconds; returns how many replies held what they must. */
type Peer = (port: number, connectionsCount: number, seconds: number) => Promise<number>;

const trueup: Peer = async (port, connectionsCount, seconds) => {
  let pollsCount = 0;
  const ports = {
    clock: systemClock(),
    timers: systemTimers,
    deliver: (exchange: { fault: unknown; reply: Uint8Array }): Promise<void> => {
      // The last register tells that the answer is whole and right.
      if (exchange.fault === undefined && exchange.reply[9 + 2 * 20 - 1] === 19) pollsCount++;
      return Promise.resolve();
    },
  };
  const wires: OpenWire[] = [];
  for (let n = 0; n < connectionsCount; n++) {
    const reads = [
      {
        table: 'input' as const,
        address: 0,
        count: REGISTERS_COUNT,
        alternateCount: REGISTERS_COUNT,
      },
    ];
    // A poll of a microsecond is always due: that is as fast as it goes.
    const device = {
      source: `m${n}`,
      unit: 1,
      reads,
      poll: durationNs(1000n),
      silenceMs: 0,
      replyTimeoutMs: 1000,
    };
    wires.push(
      await modbusTcp.open(
        `w${n}`,
        { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 1000 },
        { devices: [device], subscriptions: [] },
        ports,
      ),
    );
  }
  await systemTimers.sleep(seconds * 1000);
  await Promise.all(wires.map((wire) => wire.close()));
  return pollsCount;
};

const modbusSerialPeer: Peer = async (port, connectionsCount, seconds) => {
  const endMs = performance.now() + seconds * 1000;
  const counts = await Promise.all(
    Array.from({ length: connectionsCount }, async () => {
      const client = new modbusSerial.default();
      await client.connectTCP('127.0.0.1', { port });
      client.setID(1);
      client.setTimeout(1000);
      let pollsCount = 0;
      while (performance.now() < endMs) {
        const { data } = await client.readInputRegisters(0, REGISTERS_COUNT);
        if (data[REGISTERS_COUNT - 1] === REGISTERS_COUNT - 1) pollsCount++;
      }
      client.destroy(() => undefined);
      return pollsCount;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

interface JsModbus {
  readonly client: {
    readonly TCP: new (
      socket: Socket,
      unit: number,
      timeoutMs: number,
    ) => {
      readInputRegisters(
        address: number,
        count: number,
      ): Promise<{ response: { body: { valuesAsArray: ArrayLike<number> } } }>;
    };
  };
}

// No part of this project's install: polls.ts says how to have it here.
const jsModbusPeer: Peer = async (port, connectionsCount, seconds) => {
  const jsModbus = createRequire(import.meta.url)('jsmodbus') as JsModbus;
  const endMs = performance.now() + seconds * 1000;
  const counts = await Promise.all(
    Array.from({ length: connectionsCount }, async () => {
      const socket = new Socket();
      const client = new jsModbus.client.TCP(socket, 1, 1000);
      socket.setNoDelay(true).connect({ host: '127.0.0.1', port });
      await once(socket, 'connect');
      let pollsCount = 0;
      while (performance.now() < endMs) {
        const { response } = await client.readInputRegisters(0, REGISTERS_COUNT);
        if (response.body.valuesAsArray[REGISTERS_COUNT - 1] === REGISTERS_COUNT - 1) pollsCount++;
      }
      socket.destroy();
      return pollsCount;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

const PEERS: Readonly<Record<string, Peer>> = {
  trueup,
  'modbus-serial': modbusSerialPeer,
  jsmodbus: jsModbusPeer,
};

const [name = '', port = '0', connections = '1', seconds = '1'] = process.argv.slice(2);
const peer = PEERS[name];
if (peer === undefined) throw new Error(`there is no peer ${name}`);
// Compiling is paid once in a service that runs for months, so it is not what is measured.
await peer(Number(port), Number(connections), WARM_UP_S);
const beganMs = performance.now();
const beganCpu = process.cpuUsage();
const pollsCount = await peer(Number(port), Number(connections), Number(seconds));
const cpu = process.cpuUsage(beganCpu);
const report = {
  pollsCount,
  cpuS: (cpu.user + cpu.system) / 1e6,
  tookS: (performance.now() - beganMs) / 1000,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
