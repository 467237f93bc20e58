// The HTTP face for tests: built on a fake rack, closed after each test, its answers read through their own schemas.
import type { FastifyInstance } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { afterEach, expect } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { buildApp, type AppOptions } from '../../src/serve/app.ts';
import { FakeRack } from './fake-rack.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Runs after the test, last one first. */
export function afterwards(close: () => unknown): void {
  closers.push(close);
}

/** The application on loopback, with what the test replaces. */
export function appOf(part: Partial<AppOptions> = {}): FastifyInstance {
  const app = buildApp({
    host: '127.0.0.1',
    live: new FakeRack(),
    clock: systemClock(),
    timers: systemTimers,
    ...part,
  });
  afterwards(() => app.close());
  return app;
}

/** JSON that is what the schema says, to the last property. */
export function jsonOf<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  const parsed: unknown = JSON.parse(text);
  if (Value.Check(schema, parsed)) return parsed;
  expect([...Value.Errors(schema, parsed)]).toEqual([]);
  throw new Error('not what its schema says');
}
