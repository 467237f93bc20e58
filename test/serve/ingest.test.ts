// Node messages over HTTP: accepted means stored, refused says why, and nobody else's page can post here.
import { describe, expect, test } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { ErrorSchema } from '../../src/serve/api-schemas.ts';
import { INGEST_MAX_BYTES } from '../../src/serve/app.ts';
import { appOf, jsonOf } from './test-app.ts';

describe('POST /v1/ingest', () => {
  const message = Buffer.from('{"v":1,  "node":"gpu-01"}');
  const post = (payload: Buffer | string, type = 'application/json') =>
    ({ method: 'POST', url: '/v1/ingest', payload, headers: { 'content-type': type } }) as const;

  test('hands over the very bytes and answers 202 after they are stored, not before', async () => {
    const order: string[] = [];
    const taken: Uint8Array[] = [];
    const app = appOf({
      ingest: async (bytes) => {
        taken.push(bytes);
        await systemTimers.sleep(30);
        order.push('stored');
        return { accepted: true };
      },
    });
    const answer = await app.inject(post(message));
    order.push('answered');
    expect(answer.statusCode).toBe(202);
    expect(Buffer.from(taken[0]!)).toEqual(message);
    expect(order).toEqual(['stored', 'answered']);
  });

  test('says why it refuses', async () => {
    const app = appOf({
      ingest: () =>
        Promise.resolve({ accepted: false, because: 'node gpu-99 is not of this site' }),
    });
    const answer = await app.inject(post(message));
    expect(answer.statusCode).toBe(400);
    expect(jsonOf(ErrorSchema, answer.body).error).toBe('node gpu-99 is not of this site');
  });

  test('a failing disk is 503 with Retry-After, and nothing is said of its insides', async () => {
    const app = appOf({ ingest: () => Promise.reject(new Error('/var/lib/secret: EIO')) });
    const answer = await app.inject(post(message));
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.body).not.toContain('secret');
  });

  test.each([
    ['empty', post(''), 400],
    ['as a form of a foreign page', post(message, 'text/plain'), 415],
    ['of no type', { method: 'POST', url: '/v1/ingest', payload: message } as const, 415],
    ['huge', post(Buffer.alloc(INGEST_MAX_BYTES + 1, 0x20)), 413],
    ['with a query', { ...post(message), url: '/v1/ingest?x=1' }, 400],
  ])('%s is refused without being handed over', async (_name, request, status) => {
    let handedCount = 0;
    const app = appOf({
      ingest: () => {
        handedCount += 1;
        return Promise.resolve({ accepted: true });
      },
    });
    const answer = await app.inject(request);
    expect(answer.statusCode).toBe(status);
    expect(jsonOf(ErrorSchema, answer.body).error).not.toBe('');
    expect(handedCount).toBe(0);
  });

  test('is not there where nobody takes messages', async () => {
    expect((await appOf().inject(post(message))).statusCode).toBe(404);
  });
});
