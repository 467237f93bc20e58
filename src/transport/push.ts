// The two transports of push meters: a serial port, and a serial server on TCP. They differ in the port only.
import { SiteFault } from '../quantity/fault.ts';
import type { SerialPushWire, TcpPushWire, WireId } from '../quantity/site.ts';
import { PushWire } from './push-wire.ts';
import { serialFault, serialPort } from './serial-port.ts';
import { tcpPort } from './tcp-port.ts';
import type { PushedMeter, Transport, WireTasks } from './transport.ts';

/** Nobody answers faster than a network lets them. */
const CONNECT_LEAST_MS = 1000;

/** A serial port. Throws a SiteFault where it cannot be opened the first time. */
export const serialPush: Transport<SerialPushWire> = {
  async open(id, wire, tasks, ports) {
    const meter = onlyMeter(id, tasks);
    const parityBits = wire.parity === 'none' ? 0 : 1;
    const bitsCount = 1 + wire.dataBits + parityBits + wire.stopBits;
    const open = new PushWire({
      id,
      meter,
      openPort: serialPort(wire),
      // A dialogue changes the speed, so that there the time of a byte is not known.
      byteMs: meter.askEvery === undefined ? (bitsCount / wire.baud) * 1000 : 0,
      baud: wire.baud,
      timeoutMs: wire.timeoutMs,
      ports,
    });
    try {
      await open.startOpened();
    } catch (cause) {
      if (cause instanceof Error) throw serialFault(id, wire, cause);
      throw cause;
    }
    return open;
  },
};

/** A serial server, raw TCP: it must be set to the speed and parity of the meter itself. */
export const tcpPush: Transport<TcpPushWire> = {
  open: (id, wire, tasks, ports) =>
    // In a promise, so that what the operator did wrong is a rejection like any other.
    Promise.resolve().then(() => {
      const meter = onlyMeter(id, tasks);
      const connectMs = Math.max(wire.timeoutMs, CONNECT_LEAST_MS);
      const open = new PushWire({
        id,
        meter,
        openPort: tcpPort(wire.host, wire.port, connectMs, ports.timers, false),
        byteMs: 0,
        baud: OPENING_BAUD,
        timeoutMs: wire.timeoutMs,
        ports,
      });
      open.start();
      return open;
    }),
};

/** IEC 62056-21 §6.4: every dialogue begins so; a serial server stays there. */
const OPENING_BAUD = 300;

function onlyMeter(id: WireId, tasks: WireTasks): PushedMeter {
  const [meter, another] = tasks.pushed ?? [];
  if (tasks.devices.length > 0 || tasks.subscriptions.length > 0)
    throw new SiteFault({
      where: `wires/${id}`,
      what: 'a push wire carries no polled devices and no topics',
      remedy: 'put this instrument on a wire of its own kind',
    });
  if (meter === undefined)
    throw new SiteFault({
      where: `wires/${id}`,
      what: 'no meter hangs on this wire',
      remedy: 'name it as the wire of an instrument, or take it out',
    });
  if (another !== undefined)
    throw new SiteFault({
      where: `instruments/${another.source}/wire`,
      what: `${meter.source} sends on this wire already, and frames do not say which of the two they are from`,
      remedy: 'give each push meter a wire of its own',
    });
  return meter;
}
