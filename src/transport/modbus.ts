// The three Modbus transports: TCP, RTU on a serial port, RTU over TCP. They differ in framing, timing and port only.
import { SiteFault } from '../quantity/fault.ts';
import type { ModbusRtuWire, ModbusTcpWire, WireId } from '../quantity/site.ts';
import { durationNs, type DurationNs } from '../quantity/time.ts';
import { fractionOf } from './poll-plan.ts';
import { PolledWire, type PolledWireOptions } from './polled-wire.ts';
import { serialFault, serialPort } from './serial-port.ts';
import { Station } from './station.ts';
import { tcpPort } from './tcp-port.ts';
import type { PolledDevice, Transport, TransportPorts, WireTasks } from './transport.ts';

/** Most registers of one read (Modbus Application Protocol V1.1b3 §6.3). */
const REGISTERS_MAX_COUNT = 125;
/** Highest unit on a serial line (Modbus over Serial Line V1.02 §2.2); 248 to 255 are reserved, TCP devices use 255. */
const SERIAL_UNIT_MAX = 247;
/** Above this speed the silence is fixed (Modbus over Serial Line V1.02 §2.5.1.1). */
const FAST_BAUD = 19_200;
const FAST_SILENCE_MS = 1.75;
/** A gateway needs a moment to see that a frame has ended; it keeps the real silence itself. */
const GATEWAY_SILENCE_MS = 2;
/** Reads come within this much real time before their tick, unless the wire needs longer for all of them. */
const SPREAD_MS = 1000;
const TURNAROUND_MS = 30;
const CONNECT_LEAST_MS = 1000;

/** Modbus TCP (MBAP), one request in flight, transaction ids of our own. */
export const modbusTcp: Transport<ModbusTcpWire> = {
  open: (id, wire, tasks, ports) =>
    openTcp(id, wire, tasks, ports, { form: 'modbus-tcp', silenceMs: 0, unitMin: 0, unitMax: 255 }),
};

/** RTU frames with check sum through a TCP connection, as transparent gateways carry them. */
export const modbusRtuTcp: Transport<ModbusTcpWire> = {
  open: (id, wire, tasks, ports) =>
    openTcp(id, wire, tasks, ports, {
      form: 'modbus-rtu',
      silenceMs: GATEWAY_SILENCE_MS,
      unitMin: 1,
      unitMax: SERIAL_UNIT_MAX,
    }),
};

/** RTU on a serial port. Throws a SiteFault where the port cannot be opened the first time. */
export const modbusRtu: Transport<ModbusRtuWire> = {
  async open(id, wire, tasks, ports) {
    const parityBits = wire.parity === 'none' ? 0 : 1;
    const byteMs = ((1 + 8 + parityBits + wire.stopBits) / wire.baud) * 1000;
    const silenceMs = wire.baud > FAST_BAUD ? FAST_SILENCE_MS : 3.5 * byteMs;
    check(id, tasks, 1, SERIAL_UNIT_MAX);
    const polled = new PolledWire({
      ...placed(id, wire, tasks, ports, silenceMs, byteMs),
      form: 'modbus-rtu',
      openPort: serialPort(wire),
      mayDieSilently: false,
    });
    try {
      await polled.startOpened();
    } catch (cause) {
      if (cause instanceof Error) throw serialFault(id, wire, cause);
      throw cause;
    }
    return polled;
  },
};

interface Dialect {
  readonly form: 'modbus-rtu' | 'modbus-tcp';
  readonly silenceMs: number;
  readonly unitMin: number;
  readonly unitMax: number;
}

function openTcp(
  id: WireId,
  wire: ModbusTcpWire,
  tasks: WireTasks,
  ports: TransportPorts,
  dialect: Dialect,
): Promise<PolledWire> {
  // In a promise, so that what the operator did wrong is a rejection like any other.
  return Promise.resolve().then(() => {
    check(id, tasks, dialect.unitMin, dialect.unitMax);
    if (!Number.isInteger(wire.port) || wire.port < 1 || wire.port > 65_535)
      throw new SiteFault({
        where: `wires/${id}/port`,
        what: `${wire.port} is no TCP port`,
        remedy: 'write a number from 1 to 65535; Modbus TCP is 502 unless set otherwise',
      });
    const connectMs = Math.max(wire.timeoutMs, CONNECT_LEAST_MS);
    const polled = new PolledWire({
      ...placed(id, wire, tasks, ports, dialect.silenceMs, 0),
      form: dialect.form,
      openPort: tcpPort(
        wire.host,
        wire.port,
        connectMs,
        ports.timers,
        dialect.form === 'modbus-rtu',
      ),
      mayDieSilently: true,
    });
    polled.start();
    return polled;
  });
}

/** Spreads the devices of a wire before their ticks, evenly, from a place that differs from wire to wire. */
function placed(
  id: WireId,
  wire: ModbusTcpWire | ModbusRtuWire,
  tasks: WireTasks,
  ports: TransportPorts,
  silenceMs: number,
  byteMs: number,
): Pick<PolledWireOptions, 'id' | 'byteMs' | 'stations' | 'ports'> {
  const needMs = tasks.devices.reduce((sum, device) => sum + costMs(device, silenceMs, byteMs), 0);
  const spreadMs = Math.max(SPREAD_MS, 1.5 * needMs);
  const startRatio = fractionOf(id);
  const stations = tasks.devices.map((device, index) => {
    const fraction = (startRatio + index / tasks.devices.length) % 1;
    const phase = spread(device.poll, fraction, spreadMs * ports.clock.speedRatio);
    return new Station(device, phase, wire.timeoutMs, silenceMs);
  });
  return { id, byteMs, stations, ports };
}

function spread(poll: DurationNs, fraction: number, spreadCivilMs: number): DurationNs {
  const windowNs = Math.min(Number(poll), spreadCivilMs * 1e6);
  return durationNs(BigInt(Math.floor(windowNs * fraction)));
}

const costMs = (device: PolledDevice, silenceMs: number, byteMs: number): number =>
  device.reads.reduce(
    (sum, read) =>
      sum +
      Math.max(device.silenceMs, silenceMs) +
      (13 + 2 * read.alternateCount) * byteMs +
      TURNAROUND_MS,
    0,
  );

/** What the operator or a profile can have wrong; thrown before anything is opened. */
function check(id: WireId, tasks: WireTasks, unitMin: number, unitMax: number): void {
  const fail = (where: string, what: string, remedy: string): never => {
    throw new SiteFault({ where, what, remedy });
  };
  if (tasks.subscriptions.length > 0)
    fail(
      `wires/${id}`,
      'a Modbus wire has no topics',
      'put this instrument on an MQTT or CSV wire',
    );
  for (const { source, unit, reads, poll } of tasks.devices) {
    const where = `instruments/${source}`;
    if (!Number.isInteger(unit) || unit < unitMin || unit > unitMax)
      fail(`${where}/unit`, `${unit} is no unit id on this wire`, `use ${unitMin} to ${unitMax}`);
    if (poll <= 0n) fail(`${where}/poll`, 'the poll time is not positive', 'write, say, 1s');
    if (reads.length === 0) fail(where, 'nothing is to be read', 'use a profile that has reads');
    for (const { address, count, alternateCount } of reads)
      for (const registersCount of [count, alternateCount])
        if (
          !Number.isInteger(registersCount) ||
          registersCount < 1 ||
          registersCount > REGISTERS_MAX_COUNT ||
          !Number.isInteger(address) ||
          address < 0 ||
          address + registersCount > 65_536
        )
          fail(
            where,
            `${registersCount} registers at ${address} cannot be read`,
            `read 1 to ${REGISTERS_MAX_COUNT} registers below 65536`,
          );
  }
}
