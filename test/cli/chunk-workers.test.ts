// Worker threads keep the contract of mapChunks: order, the same bytes as in order for any number of them, errors that arrive,
// and a clean end. The built files are used, since threads run those.
import { afterEach, describe, expect, test } from 'vitest';
import type { DayCounters, DayToAlign } from '../../src/calibrate/long/day-rows.ts';
import type * as Fit from '../../src/calibrate/long/long-fit.ts';
import type * as InOrder from '../../src/calibrate/long/map-chunks.ts';
import type * as Workers from '../../src/cli/calibrate/chunk-workers.ts';
import { countersOf, LONG, SIX_TERMS } from '../calibrate/long-node.ts';

const built = async <Module>(name: string): Promise<Module> =>
  (await import(new URL(`../../dist/${name}.js`, import.meta.url).href)) as Module;
const { startChunkWorkers } = await built<typeof Workers>('cli/calibrate/chunk-workers');
const { fitLong } = await built<typeof Fit>('calibrate/long/long-fit');
const { mapInOrder } = await built<typeof InOrder>('calibrate/long/map-chunks');

const PLAN = { terms: SIX_TERMS, seed: 5, form: 'components' } as const;
const open: { close(): Promise<void> }[] = [];
const start = (workersCount?: number): ReturnType<typeof Workers.startChunkWorkers> => {
  const workers = startChunkWorkers(workersCount);
  open.push(workers);
  return workers;
};
afterEach(async () => {
  for (const workers of open.splice(0)) await workers.close();
});

const toAlign = (counters: DayCounters): DayToAlign => ({
  counters,
  cells: new Float32Array(new SharedArrayBuffer(4 * 7 * 2000)),
});

describe('worker threads', () => {
  test('one, two or three of them, or none: the same bytes', async () => {
    const truth = { ...LONG, daysCount: 26, seconds: 900 };
    const alone = await fitLong(countersOf(truth), PLAN, mapInOrder);
    expect(alone).toHaveProperty('parameters');
    for (const workersCount of [1, 2, 3]) {
      const { mapChunks } = start(workersCount);
      expect(await fitLong(countersOf(truth), PLAN, mapChunks)).toEqual(alone);
    }
  });

  test('as many as the machine runs at one time, unless told', () => {
    expect(start().workersCount).toBeGreaterThanOrEqual(1);
    expect(start(3).workersCount).toBe(3);
    expect(start(0).workersCount).toBe(1);
  });

  test('results come in the order of the chunks, and only a few chunks are drawn ahead', async () => {
    const { mapChunks } = start(2);
    const days = countersOf({ ...LONG, daysCount: 12, seconds: 400 });
    let drawn = 0;
    let done = 0;
    let most = 0;
    function* source(): Generator<DayToAlign, void, undefined> {
      for (const counters of days) {
        most = Math.max(most, ++drawn - done);
        yield toAlign(counters);
      }
    }
    for await (const day of mapChunks('align', source())) {
      expect(day.originNs).toBe(days[done]!.originNs);
      done++;
    }
    expect(done).toBe(12);
    expect(most).toBeLessThanOrEqual(5);
  });

  test('what a kernel throws arrives, and so does what a source throws', async () => {
    const { mapChunks } = start(2);
    const broken = { counters: { ...countersOf({ ...LONG, daysCount: 1 })[0]!, termsCount: -9 } };
    const days = [{ ...broken, cells: new Float32Array(1) }];
    const reading = async (chunks: Iterable<DayToAlign>): Promise<void> => {
      for await (const day of mapChunks('align', chunks)) expect(day).toBeDefined();
    };
    await expect(reading(days)).rejects.toThrow();
    const other = start(2);
    let closed = false;
    function* failing(): Generator<DayToAlign, void, undefined> {
      try {
        yield toAlign(countersOf({ ...LONG, daysCount: 1, seconds: 300 })[0]!);
        throw new Error('the disk is gone');
      } finally {
        closed = true;
      }
    }
    await expect(
      (async () => {
        for await (const day of other.mapChunks('align', failing())) expect(day).toBeDefined();
      })(),
    ).rejects.toThrow('the disk is gone');
    expect(closed).toBe(true);
  });

  test('ending early closes the source; a closed pool says so', async () => {
    const workers = start(2);
    const days = countersOf({ ...LONG, daysCount: 8, seconds: 300 });
    let closed = false;
    function* source(): Generator<DayToAlign, void, undefined> {
      try {
        for (const counters of days) yield toAlign(counters);
      } finally {
        closed = true;
      }
    }
    for await (const day of workers.mapChunks('align', source())) {
      expect(day.count).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
    await workers.close();
    await expect(
      (async () => {
        for await (const day of workers.mapChunks('align', source())) expect(day).toBeDefined();
      })(),
    ).rejects.toThrow('closed');
  });
});
