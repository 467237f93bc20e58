// Sessions of Redfish, against a stub that keeps the rules of DSP0266 as we read them: a token for name and password, a 401
// without it, few sessions at once, and an end by DELETE. No controller has been asked yet.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { http } from '../../src/transport/http.ts';
import { RedfishSessions } from '../../src/transport/redfish-session.ts';
import type { OpenWire } from '../../src/transport/transport.ts';
import { device, portsInto, until } from './wire-bench.ts';

const OUTLET = '/redfish/v1/PowerEquipment/RackPDUs/1/Outlets/A1';
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const PASSWORD = 'not to be seen';

interface Controller {
  readonly server: Server;
  readonly port: number;
  /** Tokens by the place of their session, while they live. */
  readonly living: Map<string, string>;
  createdCount: number;
  readonly unsigned: string[];
}

/** `gives` false: a service that has no sessions, and takes Basic. */
async function controller(gives = true): Promise<Controller> {
  const server = createServer((request, reply) => {
    void answer(request, reply);
  });
  const living = new Map<string, string>();
  const unsigned: string[] = [];
  const answer = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const { url = '', method = '', headers } = request;
    let body = '';
    for await (const piece of request) body += String(piece);
    const token = headers['x-auth-token'];
    const isKnown = typeof token === 'string' && [...living.values()].includes(token);
    const isBasic = !gives && headers.authorization?.startsWith('Basic ') === true;
    if (method === 'POST' && url === SESSIONS && gives) {
      const said = JSON.parse(body) as Record<string, unknown>;
      if (said['UserName'] !== 'audit' || said['Password'] !== PASSWORD) {
        reply.writeHead(401).end();
        return;
      }
      me.createdCount++;
      const place = `${SESSIONS}/${String(me.createdCount)}`;
      living.set(place, `token-${String(me.createdCount)}`);
      const location = `http://127.0.0.1:${String(me.port)}${place}`;
      reply.writeHead(201, { 'x-auth-token': living.get(place), location }).end('{}');
    } else if (!isKnown && !isBasic) {
      unsigned.push(`${method} ${url}`);
      reply.writeHead(401, gives ? {} : { 'www-authenticate': 'Basic realm="x"' }).end();
    } else if (method === 'DELETE') {
      living.delete(url);
      reply.writeHead(204).end();
    } else reply.end('{"PowerWatts":{"Reading":412.5}}');
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const me: Controller = { server, port, living, createdCount: 0, unsigned };
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return me;
}

async function read(
  { port }: Controller,
  password = PASSWORD,
): Promise<{ exchanges: Exchange[]; wire: OpenWire }> {
  const exchanges: Exchange[] = [];
  const wire = await http.open(
    'w',
    {
      transport: 'http',
      url: `http://127.0.0.1:${String(port)}`,
      timeoutMs: 5000,
      username: 'audit',
      password,
      caFile: undefined,
    },
    { devices: [{ ...device('m', 1, { asks: [OUTLET] }), reads: [] }], subscriptions: [] },
    portsInto(exchanges),
  );
  onTestFinished(() => wire.close());
  return { exchanges, wire };
}

const goodCount = (exchanges: readonly Exchange[]): number =>
  exchanges.filter(({ fault }) => fault === undefined).length;

test('one session serves all readings, is given back, and its secrets are in no record', async () => {
  const peer = await controller();
  const { exchanges, wire } = await read(peer);
  await until(() => goodCount(exchanges) >= 5, 15_000, 'nothing was read');
  expect(exchanges.every(({ fault }) => fault === undefined)).toBe(true);
  expect(peer.createdCount).toBe(1);
  expect(peer.unsigned).toEqual([`GET ${OUTLET}`]);
  await wire.close();
  expect(peer.living.size).toBe(0);
  const kept = exchanges.map(({ request, reply }) => Buffer.concat([request, reply]).toString());
  expect(kept.join()).not.toMatch(/not to be seen|token-1/);
});

test('a session that the service forgot is not made anew more often than once a minute', async () => {
  const peer = await controller();
  const { exchanges } = await read(peer);
  await until(() => goodCount(exchanges) >= 2, 15_000, 'nothing was read');
  peer.living.clear();
  await until(
    () => exchanges.filter(({ fault }) => fault === 'transport.unauthorised').length >= 3,
    15_000,
    'nobody said so',
  );
  expect(peer.createdCount).toBe(1);
});

test('after a minute it is', async () => {
  const sessions = new RedfishSessions({ username: 'audit', password: PASSWORD });
  let postsCount = 0;
  const post = (): Promise<{ token: string; location: string }> => {
    postsCount++;
    return Promise.resolve({ token: `t${String(postsCount)}`, location: 'https://bmc/elsewhere' });
  };
  const first = await sessions.open(0, post);
  expect(first?.headers()).toEqual({ 'x-auth-token': 't1' });
  // A place outside of the service is nothing that we delete.
  expect(first?.path).toBeUndefined();
  expect(await sessions.open(59_000, post)).toBeUndefined();
  expect((await sessions.open(60_000, post))?.headers()).toEqual({ 'x-auth-token': 't2' });
});

test('a wrong password is told, and not tried again and again', async () => {
  const peer = await controller();
  const { exchanges, wire } = await read(peer, 'wrong');
  await until(() => exchanges.length >= 3, 15_000, 'nothing was told');
  expect(new Set(exchanges.map(({ fault }) => fault))).toEqual(new Set(['transport.unauthorised']));
  expect(wire.health().trouble).toContain('check username and password');
  expect(peer.createdCount).toBe(0);
});

test('a service without sessions is asked by the scheme that it names', async () => {
  const peer = await controller(false);
  const { exchanges } = await read(peer);
  await until(() => goodCount(exchanges) >= 3, 15_000, 'nothing was read');
  expect(peer.createdCount).toBe(0);
});
