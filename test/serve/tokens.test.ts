// Tokens on routes that write: missing, wrong, for another node, in each form that trackers send them; reading stays free and
// nothing that was refused is kept.
import type { FastifyInstance } from 'fastify';
import { describe, expect, test } from 'vitest';
import { fakeDoor, type FakeDoor } from './fake-door.ts';
import { appOf } from './test-app.ts';

const SITE = 'a-secret-of-the-whole-site';
const NODE = 'a-secret-of-the-node-n1';
const rig = (): { app: FastifyInstance; door: FakeDoor; ingested: string[] } => {
  const door = fakeDoor();
  door.nowS = 100;
  const ingested: string[] = [];
  const app = appOf({
    activity: door,
    tokens: [
      { name: 'site', secret: SITE, nodes: [] },
      { name: 'n1', secret: NODE, nodes: ['n1'] },
    ],
    ingest: (bytes) => {
      ingested.push(Buffer.from(bytes).toString('utf8'));
      return Promise.resolve({ accepted: true });
    },
  });
  return { app, door, ingested };
};
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const basic = (secret: string) => ({
  authorization: `Basic ${Buffer.from(`anybody:${secret}`).toString('base64')}`,
});

const send = (
  app: FastifyInstance,
  url: string,
  payload: string,
  headers: Record<string, string> = {},
  method: 'POST' | 'PUT' | 'DELETE' = 'POST',
) =>
  app.inject({
    method,
    url,
    headers: {
      'content-type': method === 'PUT' ? 'text/plain' : 'application/json',
      ...headers,
    },
    ...(method === 'DELETE' ? {} : { payload }),
  });

const RUN = '{"experiment_id":"e"}';
const JOB = '{"name":"j","nodes":["n1"]}';
const PUSH = 'codecarbon_cpu_energy 0.001\n';
const MESSAGE = '{"v":1,"node":"n1"}';

describe.each([
  ['CodeCarbon', '/v1/nodes/n1/codecarbon/runs', RUN, 'POST', 201],
  ['the webhook', '/v1/nodes/n1/codecarbon/webhook', '{}', 'POST', 422],
  ['a push', '/v1/nodes/n1/pushgateway/metrics/job/x', PUSH, 'PUT', 200],
  ['the end of pushes', '/v1/nodes/n1/pushgateway/metrics/job/x', '', 'DELETE', 202],
  ['a job', '/v1/jobs', JOB, 'POST', 201],
  ['a node message', '/v1/ingest', MESSAGE, 'POST', 202],
  ['a claim', '/v1/nodes/n1/correct', '{"duration_s":1,"cpu_kwh":1}', 'POST', 422],
] as const)('%s', (_name, url, body, method, good) => {
  test('with no token 401, with a wrong one 401, with one of its node as ever', async () => {
    const { app, door, ingested } = rig();
    const none = await send(app, url, body, {}, method);
    expect(none.statusCode).toBe(401);
    expect(none.json()).toMatchObject({ error: 'a token is missing' });
    expect(none.headers['www-authenticate']).toBe('Bearer');
    const wrong = await send(app, url, body, bearer(`${NODE}x`), method);
    expect(wrong.statusCode).toBe(401);
    expect(wrong.json()).toMatchObject({ error: 'the token is wrong' });
    expect(door.records).toEqual([]);
    expect(ingested).toEqual([]);
    expect((await send(app, url, body, bearer(NODE), method)).statusCode).toBe(good);
    expect((await send(app, url, body, bearer(SITE), method)).statusCode).toBe(good);
  });
});

describe('a token of one node', () => {
  test.each([
    ['/v1/nodes/n2/codecarbon/runs', RUN],
    ['/v1/jobs', '{"name":"j","nodes":["n1","n2"]}'],
    ['/v1/ingest', '{"v":1,"node":"n2"}'],
    ['/v1/ingest', 'no JSON'],
  ])('is not for another: %s %s', async (url, body) => {
    const { app, door, ingested } = rig();
    const answer = await send(app, url, body, bearer(NODE));
    expect(answer.statusCode).toBe(403);
    expect(door.records).toEqual([]);
    expect(ingested).toEqual([]);
  });

  test('nor for marks and the end of a job on another node', async () => {
    const { app } = rig();
    const opened = await send(app, '/v1/jobs', '{"name":"j","nodes":["n2"]}', bearer(SITE));
    const { job } = opened.json<{ job: string }>();
    const mark = await send(app, `/v1/jobs/${job}/marks`, '{"mark":"m"}', bearer(NODE));
    expect(mark.statusCode).toBe(403);
    expect((await send(app, `/v1/jobs/${job}/end`, '{}', bearer(NODE))).statusCode).toBe(403);
    expect((await app.inject(`/v1/jobs/${job}`)).json()).toMatchObject({ state: 'running' });
  });
});

test('as trackers send it: x-api-token of CodeCarbon, the password of a Pushgateway client', async () => {
  const { app } = rig();
  const own = { 'x-api-token': NODE };
  expect((await send(app, '/v1/nodes/n1/codecarbon/runs', RUN, own)).statusCode).toBe(201);
  const path = '/v1/nodes/n1/pushgateway/metrics/job/x';
  expect((await send(app, path, PUSH, basic(NODE), 'PUT')).statusCode).toBe(200);
  for (const authorization of ['Bearer', 'Bearer ', 'Basic !!!', 'Digest x', `bearer  ${SITE}x`]) {
    expect((await send(app, path, PUSH, { authorization }, 'PUT')).statusCode).toBe(401);
  }
});

test('reading stays free, and without tokens writing does', async () => {
  const { app } = rig();
  for (const url of ['/v1/rack', '/metrics', '/v1/jobs', '/v1/nodes/n1/runs']) {
    expect((await app.inject(url)).statusCode, url).toBe(200);
  }
  const open = appOf({ activity: fakeDoor() });
  expect((await send(open, '/v1/nodes/n1/codecarbon/runs', RUN)).statusCode).toBe(201);
});
