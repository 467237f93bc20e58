// Instruments with a command line over TCP, such as power analyzers: the wire is one of them.
import { SiteFault } from '../quantity/fault.ts';
import type { ScpiWire, WireId } from '../quantity/site.ts';
import { stationsOf, type Asked } from './question-station.ts';
import { QuestionWire } from './question-wire.ts';
import { ScpiPeer } from './scpi-peer.ts';
import { tcpPort } from './tcp-port.ts';
import type { Transport, WireTasks } from './transport.ts';

const CONNECT_LEAST_MS = 1000;
/** One line of printable text: nothing in it may end it early. */
const LINE = /^[ -~]{1,4000}$/;

export const scpi: Transport<ScpiWire> = {
  // In a promise, so that what the operator did wrong is a rejection like any other.
  open: (id, wire, tasks, ports) =>
    Promise.resolve().then(() => {
      checkTasks(id, tasks);
      const connectMs = Math.max(wire.timeoutMs, CONNECT_LEAST_MS);
      const openPort = tcpPort(wire.host, wire.port, connectMs, ports.timers, false);
      const peer = new ScpiPeer(`${wire.host}:${wire.port}`, openPort, ports);
      const { devices } = tasks;
      const asks = ({ asks: lines = [] }: Asked) => lines;
      const { speedRatio } = ports.clock;
      const stations = stationsOf(id, devices, asks, wire.timeoutMs, speedRatio);
      return new QuestionWire({ id, peer, stations, ports });
    }),
};

function fail(where: string, what: string, remedy: string): never {
  throw new SiteFault({ where, what, remedy });
}

function checkTasks(id: WireId, { devices, subscriptions }: WireTasks): void {
  if (subscriptions.length > 0)
    fail(`wires/${id}`, 'this wire has no topics', 'put this instrument on an MQTT or CSV wire');
  for (const { source, asks = [], poll } of devices) {
    const where = `instruments/${source}`;
    if (poll <= 0n) fail(`${where}/poll`, 'the poll time is not positive', 'write, say, 1s');
    if (asks.length === 0) fail(where, 'nothing is to be read', 'use a profile of an analyzer');
    for (const line of asks)
      if (!LINE.test(line) || !line.endsWith('?'))
        fail(where, `"${line}" is no question`, 'mend the profile');
  }
}
