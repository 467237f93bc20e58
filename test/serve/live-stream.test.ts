// The live stream over real sockets: everybody hears each refresh, nobody who does not read can fill the memory, and a
// port that is taken is said in words.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { watts } from '../../src/quantity/units.ts';
import { RackSchema } from '../../src/serve/api-schemas.ts';
import { HEARTBEAT_MS, WATCHERS_MAX_COUNT } from '../../src/serve/live-stream.ts';
import { startServer, type ServerOptions } from '../../src/serve/server.ts';
import { FakeRack, accepted } from './fake-rack.ts';
import { afterwards, jsonOf } from './test-app.ts';

async function serverOf(part: Partial<ServerOptions> = {}) {
  const live = new FakeRack();
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    live,
    clock: systemClock(),
    timers: systemTimers,
    ...part,
  });
  afterwards(() => server.close());
  return { live, server };
}

/** Opens a stream; `text()` is everything heard so far. */
async function listen(url: string) {
  const request = get(`${url}/v1/live`);
  afterwards(() => request.destroy());
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let heard = '';
  response.setEncoding('utf8');
  response.on('data', (part: string) => (heard += part));
  response.on('error', () => undefined);
  return { response, text: () => heard, leave: () => request.destroy() };
}

const eventsIn = (text: string) =>
  [...text.matchAll(/^event: rack\ndata: (.*)\n\n/gm)].map(([, data]) =>
    jsonOf(RackSchema, data ?? ''),
  );

test('one event at once, then one per refresh, each the whole rack', async () => {
  const { live, server } = await serverOf();
  const { response, text } = await listen(server.url);
  expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  expect(response.headers['content-security-policy']).toContain("default-src 'none'");
  await vi.waitFor(() => {
    expect(eventsIn(text())).toHaveLength(1);
  });
  live.refresh({ nodes: [{ ...accepted, wallW: watts(4000) }] });
  live.refresh({ nodes: [{ ...accepted, wallW: undefined }] });
  await vi.waitFor(() => {
    expect(eventsIn(text())).toHaveLength(3);
  });
  const [first, second, third] = eventsIn(text());
  expect(first?.nodes).toHaveLength(4);
  expect(second?.nodes[0]?.wall_w).toBe(4000);
  expect(third?.nodes[0]).not.toHaveProperty('wall_w');
  expect(BigInt(third!.at_ns)).toBeGreaterThan(BigInt(second!.at_ns));
});

test('a quiet stream says that it lives', async () => {
  const beats: { periodMs: number; run: () => void }[] = [];
  const { server } = await serverOf({
    timers: {
      ...systemTimers,
      every: (periodMs, run) => {
        beats.push({ periodMs, run });
        return { cancel: () => undefined };
      },
    },
  });
  const { text } = await listen(server.url);
  expect(beats.map(({ periodMs }) => periodMs)).toEqual([HEARTBEAT_MS]);
  beats[0]!.run();
  await vi.waitFor(() => {
    expect(text()).toContain('\n: still here\n\n');
  });
});

test('watchers are counted, limited, and forgotten when they leave', async () => {
  const { server } = await serverOf();
  const watchers = await Promise.all(
    Array.from({ length: WATCHERS_MAX_COUNT }, () => listen(server.url)),
  );
  const refused = await fetch(`${server.url}/v1/live`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect(await refused.json()).toMatchObject({ error: 'too many live streams are open' });
  watchers[0]!.leave();
  await vi.waitFor(async () => {
    const scrape = await (await fetch(`${server.url}/metrics`)).text();
    expect(scrape).toContain(`trueup_live_watchers ${WATCHERS_MAX_COUNT - 1}\n`);
  });
  const again = await listen(server.url);
  expect(again.response.statusCode).toBe(200);
});

test('a watcher that does not read is dropped after one unread event, and nobody else notices', async () => {
  const { live, server } = await serverOf();
  const reader = await listen(server.url);
  const sleeper: Socket = connect(server.port, '127.0.0.1');
  afterwards(() => sleeper.destroy());
  sleeper.on('error', () => undefined);
  sleeper.pause();
  sleeper.write('GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await vi.waitFor(async () => {
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('trueup_live_watchers 2');
  });
  // One event of 3 MB is more than the kernel takes for somebody who does not read.
  const nodes = Array.from({ length: 300 }, (_, index) => ({
    ...accepted,
    node: `gpu-${index}`,
    waitingFor: 'x'.repeat(10_000),
  }));
  let sentCount = 1;
  await vi.waitFor(
    async () => {
      live.refresh({ nodes });
      sentCount += 1;
      await systemTimers.sleep(20);
      expect(await (await fetch(`${server.url}/metrics`)).text()).toContain(
        'trueup_live_watchers_dropped_total 1\n',
      );
    },
    { timeout: 20_000, interval: 20 },
  );
  live.refresh({ nodes: [accepted] });
  await vi.waitFor(() => {
    expect(eventsIn(reader.text()).at(-1)?.nodes).toHaveLength(1);
  });
  // Whoever reads may miss refreshes while it is behind, never the newest.
  expect(eventsIn(reader.text()).length).toBeLessThanOrEqual(sentCount + 1);
});

test('closing ends the streams, frees the port and lets go of the rack', async () => {
  const { live, server } = await serverOf();
  const { response } = await listen(server.url);
  const ended = new Promise((resolve) => response.once('close', resolve));
  expect(live.listenersCount).toBe(1);
  await server.close();
  await ended;
  expect(live.listenersCount).toBe(0);
  const next = await serverOf({ port: server.port });
  expect(next.server.port).toBe(server.port);
});

test('a port that is taken is a fault that names it and the remedy', async () => {
  const { server } = await serverOf();
  const live = new FakeRack();
  const failing = serverOf({ port: server.port, live });
  await expect(failing).rejects.toThrow(SiteFault);
  await expect(failing).rejects.toThrow(
    `listen 127.0.0.1:${server.port}: port ${server.port} is taken by another program. stop that program, or choose another port with --listen HOST:PORT.`,
  );
  // Nothing half starts.
  expect(live.listenersCount).toBe(0);
});

test('an address that is not ours is a fault too', async () => {
  await expect(serverOf({ host: '192.0.2.1' })).rejects.toThrow(
    '192.0.2.1 is no address of this machine',
  );
});
