// The contract of transports for HTTP, against Node's own server; what a server can do wrong; and the authorisation of RFC
// 7616 by the examples printed in it.
import { createServer, type RequestListener, type Server } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authorisationFor, digestHeader } from '../../src/transport/http-auth.ts';
import { http } from '../../src/transport/http.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { HttpWire } from '../../src/quantity/site.ts';
import type { OpenWire, PolledDevice } from '../../src/transport/transport.ts';
import { polledTransportContract, type PolledRig } from '../contracts/transport-contract.ts';
import { device, portsInto, until } from './wire-bench.ts';

const wireTo = (port: number, more: Partial<HttpWire> = {}): HttpWire => ({
  transport: 'http',
  url: `http://127.0.0.1:${String(port)}`,
  timeoutMs: 250,
  username: undefined,
  password: undefined,
  caFile: undefined,
  ...more,
});

async function listen(
  answer: RequestListener,
  port = 0,
): Promise<{ server: Server; port: number }> {
  const server = createServer(answer);
  await new Promise<void>((done) => {
    server.listen(port, '127.0.0.1', done);
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

const end = (server: Server): Promise<void> =>
  new Promise((done) => {
    server.close(() => {
      done();
    });
    server.closeAllConnections();
  });

const truth = (path: string): string => JSON.stringify({ path, of: path.length });

/** A block of registers as a path that names it. */
const asPaths = (polled: PolledDevice): PolledDevice => ({
  ...polled,
  reads: [],
  asks:
    polled.asks ??
    polled.reads.map(
      ({ address, count }) => `/unit/${String(polled.unit)}/${String(address)}/${String(count)}`,
    ),
});

const start = async (): Promise<PolledRig> => {
  const answer: RequestListener = ({ url = '' }, reply) => {
    if (!url.startsWith('/unit/66/')) reply.end(truth(url));
  };
  let { server, port } = await listen(answer);
  const wires: OpenWire[] = [];
  return {
    open: async (devices, ports) => {
      const tasks = { devices: devices.map(asPaths), subscriptions: [] };
      const wire = await http.open('w', wireTo(port), tasks, ports);
      wires.push(wire);
      return wire;
    },
    firstWrongValue: (exchanges) =>
      exchanges.find(
        ({ fault, request, reply }) =>
          fault === undefined &&
          Buffer.from(reply).toString() !== truth(Buffer.from(request).toString()),
      ),
    breakWire: () => end(server),
    restore: async () => {
      ({ server, port } = await listen(answer, port));
    },
    wrongs: [
      { asks: [] },
      { asks: ['no-slash'] },
      { asks: ['/two words'] },
      { asks: ['/x\r\nHost: elsewhere'] },
      { asks: ['/x'], poll: 0n as PolledDevice['poll'] },
    ],
    close: async () => {
      for (const wire of wires) await wire.close();
      await end(server);
    },
  };
};

polledTransportContract('http', test, start, { device, portsInto, until });

/** Asks one path of a server that answers so, until enough exchanges came. */
async function exchangesWith(
  answer: RequestListener,
  more: Partial<HttpWire> = {},
  count = 3,
): Promise<{ exchanges: Exchange[]; wire: OpenWire }> {
  const { server, port } = await listen(answer);
  const exchanges: Exchange[] = [];
  const tasks = { devices: [asPaths(device('m', 1, { asks: ['/status'] }))], subscriptions: [] };
  const wire = await http.open('w', wireTo(port, more), tasks, portsInto(exchanges));
  onTestFinished(async () => {
    await wire.close();
    await end(server);
  });
  await until(() => exchanges.length >= count, 10_000, 'too little came');
  return { exchanges, wire };
}

describe('what a web server can do wrong', () => {
  test.each<[string, RequestListener, string]>([
    [
      'it knows no such path',
      (_, reply) => reply.writeHead(404).end('gone'),
      'transport.exception',
    ],
    [
      'it sends us elsewhere',
      (_, reply) => reply.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'transport.exception',
    ],
    ['it is busy', (_, reply) => reply.writeHead(503).end(), 'transport.busy'],
    ['it lets nobody in', (_, reply) => reply.writeHead(403).end(), 'transport.unauthorised'],
    ['it hangs up', ({ socket }) => socket.destroy(), 'transport.closed'],
    ['it never answers', () => undefined, 'transport.timeout'],
    [
      'it breaks off',
      (_, reply) => {
        reply.writeHead(200, { 'content-length': '100' });
        reply.write('{"half":');
        setTimeout(() => reply.socket?.destroy(), 20);
      },
      'transport.frame',
    ],
    ['it never ends', (_, reply) => void reply.write(' '.repeat(300_000)), 'transport.oversize'],
    [
      'it speaks no HTTP',
      ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
      'transport.closed',
    ],
  ])('%s', async (_, answer, fault) => {
    const { exchanges } = await exchangesWith(answer);
    for (const exchange of exchanges) expect(exchange.fault).toMatch(/^transport\./);
    expect(exchanges[0]?.fault).toBe(fault);
  });

  test('it closes its side between two questions, and nobody notices', async () => {
    const { exchanges, wire } = await exchangesWith(
      (_, reply) => {
        reply.end('{}', () => setTimeout(() => reply.socket?.destroy(), 5));
      },
      {},
      12,
    );
    expect(exchanges.filter(({ fault }) => fault !== undefined)).toEqual([]);
    expect(wire.health().trouble).toBe('');
  });

  test('a late answer is never taken for the next one', async () => {
    let asked = 0;
    const { exchanges } = await exchangesWith(
      (_, reply) => {
        asked += 1;
        const mine = asked;
        setTimeout(() => reply.end(String(mine)), mine % 2 === 0 ? 0 : 300);
      },
      {},
      6,
    );
    const told = exchanges.filter(({ fault }) => fault === undefined);
    expect(told.length).toBeGreaterThan(0);
    for (const { reply } of told) expect(Number(Buffer.from(reply).toString()) % 2).toBe(0);
  });
});

describe('who asks', () => {
  const words = new Map(
    Object.entries({
      realm: 'http-auth@example.org',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      opaque: 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS',
      qop: 'auth, auth-int',
    }),
  );
  const mufasa = { username: 'Mufasa', password: 'Circle of Life' };
  const once = { count: 1, cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' };

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('RFC 7616 §3.9.1, %s', (algorithm, response) => {
    const said = new Map([...words, ['algorithm', algorithm]]);
    const header = digestHeader(said, mufasa, 'GET', '/dir/index.html', once);
    expect(header).toContain(`response="${response}"`);
    expect(header).toContain('nc=00000001');
  });

  test('Digest is preferred, Basic is understood, anything else is not answered', () => {
    const both = ['Basic realm="a, b", Digest realm="c", nonce="n", qop="auth", algorithm=SHA-256'];
    expect(authorisationFor(both, mufasa)?.headers('GET', '/')['authorization']).toMatch(
      /^Digest /,
    );
    expect(
      authorisationFor(['Basic realm="x"'], mufasa)?.headers('GET', '/')['authorization'],
    ).toBe(`Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`);
    for (const strange of [[], [''], ['Negotiate'], ['Digest nonce="n"'], ['Digest algorithm=MD4']])
      expect(authorisationFor(strange, mufasa)).toBeUndefined();
  });

  test('the password is asked for once, and stands in no record', async () => {
    const seen: (string | undefined)[] = [];
    const { exchanges, wire } = await exchangesWith(
      ({ headers }, reply) => {
        seen.push(headers.authorization);
        if (headers.authorization?.startsWith('Digest ')) reply.end('{"ok":true}');
        else
          reply
            .writeHead(401, {
              'www-authenticate':
                'Digest qop="auth", realm="shellyplus1pm", nonce="655b", algorithm=SHA-256',
            })
            .end();
      },
      { username: 'admin', password: 'unspeakable' },
      4,
    );
    expect(exchanges.map(({ fault }) => fault)).toEqual(exchanges.map(() => undefined));
    expect(seen.filter((header) => header === undefined)).toHaveLength(1);
    for (const { request, reply } of exchanges)
      expect(Buffer.concat([request, reply]).toString()).not.toMatch(/unspeakable|admin/);
    expect(JSON.stringify(wire.health())).not.toContain('unspeakable');
  });
});
