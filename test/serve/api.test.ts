// The HTTP API without a socket: what it says, what it leaves out, and what it refuses.
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { durationNs, later } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { ErrorSchema, HistorySchema, RackSchema } from '../../src/serve/api-schemas.ts';
import { DOCUMENTED_ROUTES } from '../../src/serve/documented-routes.ts';
import { pageFiles } from '../../src/serve/page-files.ts';
import { fakeDoor } from './fake-door.ts';
import { HISTORY_REFRESHES_COUNT } from '../../src/serve/power-history.ts';
import { FakeRack, accepted, snapshotOf, stepped } from './fake-rack.ts';
import { appOf, jsonOf } from './test-app.ts';

describe('/v1/rack', () => {
  test('is what its schema says, exact where it is exact', async () => {
    const answer = await appOf().inject('/v1/rack');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const rack = jsonOf(RackSchema, answer.body);
    expect(rack.nodes[0]?.wall_uj).toBe('123456789012345');
    expect(rack.at).toBe('2026-01-31T11:02:05.250Z');
    expect(rack.at_ns).toBe('1769857325250000000');
    expect(rack.rehearsal).toEqual({ speed_ratio: 10, seed: 7 });
  });

  test('what is not known is left out, with the reason beside it; never null, never 0', async () => {
    const answer = await appOf().inject('/v1/rack');
    const rack = jsonOf(RackSchema, answer.body);
    const node = rack.nodes[3];
    for (const name of ['wall_w', 'chip_w', 'gap_ratio', 'corrected_w', 'corrected_u_w', 'model']) {
      expect(node).not.toHaveProperty(name);
    }
    expect(node?.trouble).toEqual({
      code: 'transport.timeout',
      says: 'No complete reply came before the deadline.',
    });
    expect(rack.wires[1]).not.toHaveProperty('lateness_p99_ms');
    expect(rack.settled[0]).toMatchObject({ energy_uj: '96312000000', u_kwh: 0.00031 });
    expect(rack.settled[2]).not.toHaveProperty('energy_uj');
    expect(rack.settled[2]).not.toHaveProperty('energy_kwh');
    expect(rack.settled[2]).not.toHaveProperty('u_kwh');
    expect(answer.body).not.toContain('null');
  });

  test('what happened to a model, and when a meter was last compared with it', async () => {
    const live = new FakeRack(snapshotOf({ nodes: [stepped] }));
    const rack = jsonOf(RackSchema, (await appOf({ live }).inject('/v1/rack')).body);
    expect(rack.nodes[0]).toMatchObject({
      alarms: [
        {
          event: 'level-stepped',
          noticed: '2025-10-13T14:12:01Z',
          says: '−157.0 W ± 6.1 W',
        },
      ],
      model: { checked: '2025-10-13T14:12:01Z' },
    });
  });

  test('no rehearsal, no label', async () => {
    const live = new FakeRack(snapshotOf({ rehearsal: undefined }));
    expect((await appOf({ live }).inject('/v1/rack')).json()).not.toHaveProperty('rehearsal');
  });
});

describe('/v1/history', () => {
  test('holds the newest ten minutes, oldest first, holes as null, and no more', async () => {
    const live = new FakeRack();
    const app = appOf({ live });
    for (let index = 0; index < HISTORY_REFRESHES_COUNT + 20; index += 1) {
      live.refresh({ nodes: [{ ...accepted, wallW: index % 2 ? undefined : watts(index) }] });
    }
    const answer = await app.inject('/v1/history?node=gpu-01');
    const history = jsonOf(HistorySchema, answer.body);
    expect(history.time_s).toHaveLength(HISTORY_REFRESHES_COUNT);
    expect(history.time_s).toEqual(history.time_s.toSorted((a, b) => a - b));
    expect(history.wall_w.slice(-4)).toEqual([616, null, 618, null]);
    // A node that left the site is forgotten.
    expect((await app.inject('/v1/history?node=cpu-04')).statusCode).toBe(404);
  });

  test('a clock that is set back starts the curves again rather than running backwards', async () => {
    const live = new FakeRack();
    const app = appOf({ live });
    live.refresh();
    live.refresh({ atNs: later(live.snapshot().atNs, durationNs(-3_600_000_000_000n)) });
    live.refresh();
    const answer = await app.inject('/v1/history?node=gpu-01');
    const { time_s } = jsonOf(HistorySchema, answer.body);
    expect(time_s).toHaveLength(2);
    expect(time_s[1]).toBeGreaterThan(time_s[0]!);
  });
});

describe('hostile queries', () => {
  test.each([
    '/v1/rack?__proto__[polluted]=1',
    '/v1/rack?constructor.prototype.polluted=1',
    '/health?x=1',
    '/metrics?name=%00',
    '/v1/history?node=a&node=b',
    '/v1/history?node[]=a',
    '/v1/history',
    '/openapi.json?%ff%fe=1',
  ])('%s is refused', async (url) => {
    const answer = await appOf().inject(url);
    expect(answer.statusCode).toBe(400);
    expect(jsonOf(ErrorSchema, answer.body).remedy).not.toBe('');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('no path leads to a file', async () => {
    for (const url of ['/assets/../app.ts', '/assets/%2e%2e/app.ts', '/assets//etc/passwd', '/%']) {
      expect((await appOf().inject(url)).statusCode).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('every answer', () => {
  test.each(['/', '/v1/rack', '/nothing', '/metrics', '/v1/history'])(
    '%s carries the security headers',
    async (url) => {
      const { headers } = await appOf().inject(url);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-frame-options']).toBe('DENY');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  test('on loopback a name that a hostile page could point here is refused', async () => {
    const app = appOf();
    const statusOf = async (host: string) =>
      (await app.inject({ url: '/v1/rack', headers: { host } })).statusCode;
    expect(await statusOf('evil.example:8420')).toBe(421);
    for (const host of ['localhost', '127.0.0.1:80', '[::1]:9', 'LOCALHOST:1']) {
      expect(await statusOf(host)).toBe(200);
    }
    const open = appOf({ host: '0.0.0.0' });
    const named = await open.inject({ url: '/v1/rack', headers: { host: 'rack.example' } });
    expect(named.statusCode).toBe(200);
  });

  test('the page names nothing outside of this service', async () => {
    const app = appOf();
    const page = await app.inject('/');
    const paths = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(6);
    for (const path of paths.filter((one) => !one.startsWith('data:'))) {
      expect(path).toMatch(/^\/[^/]/);
      if (path.startsWith('/assets/')) expect((await app.inject(path)).statusCode).toBe(200);
    }
    const etag = String(page.headers['etag']);
    const again = await app.inject({ url: '/', headers: { 'if-none-match': etag } });
    expect(again.statusCode).toBe(304);
  });
});

/** As much of an OpenAPI document as is looked at here. */
const DocumentSchema = Type.Object({
  openapi: Type.String(),
  paths: Type.Record(
    Type.String(),
    Type.Object({
      get: Type.Optional(
        Type.Object({
          parameters: Type.Optional(
            Type.Array(Type.Object({ name: Type.String(), required: Type.Boolean() })),
          ),
        }),
      ),
    }),
  ),
  components: Type.Object({
    schemas: Type.Record(
      Type.String(),
      Type.Object({
        properties: Type.Record(
          Type.String(),
          Type.Object({ items: Type.Optional(Type.Unknown()) }),
        ),
      }),
    ),
  }),
});

describe('/openapi.json', () => {
  test('names every route that is served, and no other; every reference resolves', async () => {
    const app = appOf({
      ingest: () => Promise.resolve({ accepted: true }),
      activity: fakeDoor(),
    });
    await app.ready();
    const answer = await app.inject('/openapi.json');
    const document = jsonOf(DocumentSchema, answer.body);
    expect(document.openapi).toBe('3.1.0');
    // Fastify writes parameters with a colon, and one that may hold slashes as a star.
    const routeOf = (path: string): string =>
      path.replace('{key}', '*').replaceAll(/\{(\w+)\}/g, ':$1');
    for (const { method, path } of DOCUMENTED_ROUTES) {
      expect(app.hasRoute({ method, url: routeOf(path) }), `${method} ${path}`).toBe(true);
    }
    const served = [...app.printRoutes({ commonPrefix: false }).matchAll(/ \(([A-Z, ]+)\)$/gm)]
      .flatMap(([, methods]) => methods!.split(', '))
      .filter((method) => method !== 'HEAD');
    const page = served.length - DOCUMENTED_ROUTES.length;
    expect(page).toBe(pageFiles().length);
    expect(Object.keys(document.paths).sort()).toEqual(
      [...new Set(DOCUMENTED_ROUTES.map(({ path }) => path))].sort(),
    );
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components.schemas).toHaveProperty(name!);
    }
    expect(document.components.schemas['Rack']?.properties['nodes']?.items).toEqual({
      $ref: '#/components/schemas/Node',
    });
    const parameters = document.paths['/v1/intervals']?.get?.parameters;
    expect(parameters?.map(({ name, required }) => [name, required])).toEqual([
      ['from', true],
      ['until', true],
      ['point', false],
      ['kind', false],
    ]);
  });
});
