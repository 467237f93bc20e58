// HTTP and HTTPS with JSON: the wire is one web server, its instruments are what it has paths for.
import { readFileSync } from 'node:fs';
import { SiteFault } from '../quantity/fault.ts';
import type { HttpWire, WireId } from '../quantity/site.ts';
import { HttpPeer } from './http-peer.ts';
import { stationsOf, type Asked } from './question-station.ts';
import { QuestionWire } from './question-wire.ts';
import type { Transport, WireTasks } from './transport.ts';

/** What a request line may hold, and nothing that could break out of it. */
const PATH = /^\/[!-~]{0,2000}$/;

export const http: Transport<HttpWire> = {
  // In a promise, so that what the operator did wrong is a rejection like any other.
  open: (id, wire, tasks, ports) =>
    Promise.resolve().then(() => {
      const url = new URL(wire.url);
      checkTasks(id, tasks);
      const { username, password } = wire;
      const credentials =
        username === undefined || password === undefined ? undefined : { username, password };
      const peer = new HttpPeer({ url, credentials, ca: authorityOf(id, wire.caFile) }, ports);
      const { devices } = tasks;
      const asks = ({ asks: paths = [] }: Asked) => paths;
      const { speedRatio } = ports.clock;
      const stations = stationsOf(id, devices, asks, wire.timeoutMs, speedRatio);
      return new QuestionWire({ id, peer, stations, ports });
    }),
};

function fail(where: string, what: string, remedy: string): never {
  throw new SiteFault({ where, what, remedy });
}

function authorityOf(id: WireId, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read';
    return fail(`wires/${id}/ca_file`, why, 'name a readable PEM file');
  }
}

function checkTasks(id: WireId, { devices, subscriptions }: WireTasks): void {
  if (subscriptions.length > 0)
    fail(`wires/${id}`, 'an HTTP wire has no topics', 'put this instrument on an MQTT or CSV wire');
  for (const { source, asks = [], poll } of devices) {
    const where = `instruments/${source}`;
    if (poll <= 0n) fail(`${where}/poll`, 'the poll time is not positive', 'write, say, 1s');
    if (asks.length === 0) fail(where, 'nothing is to be read', 'use a profile that speaks HTTP');
    for (const path of asks)
      if (!PATH.test(path))
        fail(where, `"${path}" is no path`, 'begin it with "/" and write it as in a browser');
  }
}
