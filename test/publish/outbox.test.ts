// Whatever the sink and the process do, afterwards the sink equals the ledger: no more, no less.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { rowKey } from '../../src/publish/line-protocol-reading.ts';
import { type Outbox, startOutbox } from '../../src/publish/outbox.ts';
import { openSink } from '../../src/publish/sinks.ts';
import type { Timers } from '../../src/quantity/clock.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { type FakeFault, type FakeSink, fakeSink } from './fake-sink.ts';
import {
  keyEntry,
  type MemoryLedger,
  memoryLedger,
  minute,
  statementEntry,
  withoutEnergy,
} from './memory-ledger.ts';

/** Timers that run out at once and remember how long they were to last. */
function hastyTimers(): Timers & { readonly delaysMs: number[] } {
  const delaysMs: number[] = [];
  return {
    delaysMs,
    after: (delayMs, run) => {
      delaysMs.push(delayMs);
      const handle = setImmediate(run);
      return {
        cancel: () => {
          clearImmediate(handle);
        },
      };
    },
    every: () => ({ cancel: () => undefined }),
    sleep: () => Promise.resolve(),
  };
}
const noFailure = (cause: unknown): void => {
  throw cause;
};

function expectEqual(sink: FakeSink, ledger: MemoryLedger): void {
  const refused = new Set(ledger.refusals.map(({ leaf }) => leaf));
  const wanted = new Map(
    ledger.entries.flatMap(({ leaf, entry }) =>
      entry.type === 'statement' && !refused.has(leaf)
        ? [[rowKey(entry.statement), { leaf, energyUj: entry.statement.energyUj }] as const]
        : [],
    ),
  );
  const held = [...sink.rows].map(([key, { leaf, energyUj }]) => [key, { leaf, energyUj }]);
  expect(new Map(held as never)).toEqual(wanted);
}

describe('draining', () => {
  test('everything in the log order, in bounded batches, past what no sink takes', async () => {
    const ledger = memoryLedger();
    ledger.append([keyEntry]);
    ledger.append(
      Array.from({ length: 6_000 }, (_, index) => statementEntry({ startNs: minute(index) })),
    );
    ledger.append([keyEntry]);
    const sink = fakeSink();
    const outbox = startOutbox(sink, ledger, { timers: hastyTimers(), onFailure: noFailure });
    await outbox.drained();
    expect(sink.writes.map(({ leaves }) => leaves.length)).toEqual([2500, 2500, 1000]);
    expect(sink.writes.flatMap(({ leaves }) => leaves)).toEqual(
      Array.from({ length: 6_000 }, (_, index) => index + 1),
    );
    expect(ledger.cursors.get('fake')).toBe(6_002);
    expect(outbox.view()).toEqual({ waitingCount: 0, refusedCount: 0, trouble: '' });
    ledger.append([statementEntry({ startNs: minute(9_000) })]);
    expect(outbox.view().waitingCount).toBe(1);
    await outbox.drained();
    expectEqual(sink, ledger);
    await outbox.close();
  });

  test('waits longer and longer while the sink is down, as long as it asks, and not less for news', async () => {
    const ledger = memoryLedger();
    ledger.append([statementEntry({})]);
    const sink = fakeSink();
    const timers = hastyTimers();
    sink.failNext(...Array.from({ length: 9 }, (): FakeFault => 'down'));
    const outbox = startOutbox(sink, ledger, { timers, onFailure: noFailure });
    outbox.notify();
    outbox.notify();
    await outbox.drained();
    expect(timers.delaysMs).toEqual([500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
    sink.retryAfterMs = 7_000;
    sink.failNext('down');
    ledger.append([statementEntry({ startNs: minute(1) })]);
    await outbox.drained();
    expect(timers.delaysMs.slice(9)).toEqual([7_000]);
    sink.retryAfterMs = undefined;
    sink.failNext('down');
    ledger.append([statementEntry({ startNs: minute(2) })]);
    await outbox.drained();
    expect(timers.delaysMs.slice(10)).toEqual([500]);
    await outbox.close();
    expectEqual(sink, ledger);
  });

  test('shows why rows wait, and closes in the middle of a wait', async () => {
    const ledger = memoryLedger();
    ledger.append([statementEntry({})]);
    const sink = fakeSink();
    sink.failNext('down');
    const outbox = startOutbox(sink, ledger, { timers: systemTimers, onFailure: noFailure });
    const drained = outbox.drained();
    const rejected = expect(drained).rejects.toThrow('the outbox is closed');
    while (outbox.view().trouble === '') await new Promise((resolve) => setImmediate(resolve));
    expect(outbox.view()).toEqual({ waitingCount: 1, refusedCount: 0, trouble: 'down' });
    await outbox.close();
    await rejected;
    await expect(outbox.drained()).rejects.toThrow('closed');
    expect(ledger.cursors.get('fake')).toBe(0);
  });

  test('rows that are refused for good are listed once and hold nobody up', async () => {
    const ledger = memoryLedger();
    ledger.append([0, 1, 2, 3].map((index) => statementEntry({ startNs: minute(index) })));
    const sink = fakeSink();
    sink.guilty.add(1).add(2);
    const ports = { timers: hastyTimers(), onFailure: noFailure };
    const outbox = startOutbox(sink, ledger, ports);
    await outbox.drained();
    expect(outbox.view().refusedCount).toBe(2);
    await outbox.close();
    ledger.forgetCursors();
    const again = startOutbox(sink, ledger, ports);
    await again.drained();
    await again.close();
    expect(ledger.refusals.map(({ leaf, because }) => [leaf, because])).toEqual([
      [1, 'guilty'],
      [2, 'guilty'],
    ]);
    expectEqual(sink, ledger);
  });

  test('a ledger that fails stops the outbox and says so', async () => {
    const ledger = memoryLedger();
    ledger.append([statementEntry({})]);
    const broken = {
      ...ledger,
      cursors: {
        ...ledger.cursors,
        set: () => {
          throw new Error('disk');
        },
      },
    };
    const failures: unknown[] = [];
    const outbox = startOutbox(fakeSink(), broken, {
      timers: hastyTimers(),
      onFailure: (cause) => failures.push(cause),
    });
    await expect(outbox.drained()).rejects.toThrow('disk');
    expect(failures).toHaveLength(1);
    expect(outbox.view().trouble).toBe('disk');
    await outbox.close();
  });
});

test('faults, crashes and re-settlements in any order: the sink equals the ledger, and no version ever falls', async () => {
  const step = fc.oneof(
    fc.record({ is: fc.constant('append' as const), start: fc.nat(5), empty: fc.boolean() }),
    fc.record({
      is: fc.constant('fault' as const),
      fault: fc.constantFrom<FakeFault>('down', 'half-stored', 'stored'),
    }),
    fc.record({ is: fc.constantFrom('crash' as const, 'drain' as const, 'lose-cursors' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
      const ledger = memoryLedger();
      const sink = fakeSink();
      const versions = new Map<number, number>();
      /** The cursor is never stored from here on: the process dies after the sink has answered. */
      let dying = false;
      const seen = {
        ...ledger,
        cursors: {
          ...ledger.cursors,
          set: (id: string, next: number) => {
            if (dying) throw new Error('died');
            ledger.cursors.set(id, next);
          },
        },
      };
      const start = (): Outbox =>
        startOutbox(sink, seen, { timers: hastyTimers(), onFailure: () => undefined });
      let outbox = start();
      for (const each of steps) {
        switch (each.is) {
          case 'append': {
            const version = (versions.get(each.start) ?? 0) + 1;
            versions.set(each.start, version);
            const energyUj = microjoules(BigInt(ledger.entries.length));
            const over = { startNs: minute(each.start), version, energyUj };
            ledger.append([statementEntry(each.empty ? { ...over, ...withoutEnergy } : over)]);
            outbox.notify();
            break;
          }
          case 'fault':
            sink.failNext(each.fault);
            break;
          case 'drain':
            await outbox.drained();
            break;
          case 'crash':
          case 'lose-cursors':
            dying = true;
            await outbox.drained().catch(() => undefined);
            await outbox.close();
            dying = false;
            if (each.is === 'lose-cursors') ledger.forgetCursors();
            outbox = start();
            break;
        }
      }
      await outbox.drained();
      await outbox.close();
      expectEqual(sink, ledger);
      expect(sink.versionsFell()).toBe(false);
      expect(ledger.cursors.get('fake')).toBe(ledger.log.size);
    }),
    { numRuns: 150 },
  );
});

test('a log that is sent again from its start never puts an old version over a newer one', async () => {
  const ledger = memoryLedger();
  ledger.append([statementEntry({ energyUj: microjoules(1n) })]);
  ledger.append(
    Array.from({ length: 6_000 }, (_, index) => statementEntry({ startNs: minute(index + 1) })),
  );
  ledger.append([statementEntry({ energyUj: microjoules(2n), version: 2 })]);
  const sink = fakeSink();
  const ports = { timers: hastyTimers(), onFailure: noFailure };
  for (let turn = 0; turn < 2; turn++) {
    const outbox = startOutbox(sink, ledger, ports);
    await outbox.drained();
    await outbox.close();
    ledger.forgetCursors();
  }
  expect(sink.writes).toHaveLength(6);
  expect(sink.versionsFell()).toBe(false);
  expectEqual(sink, ledger);
});

describe('a sink that knows what it holds', () => {
  const file = (dataDir: string) =>
    openSink(
      {
        id: 'lp',
        kind: 'line-protocol-file',
        url: '',
        database: 'trueup',
        organisation: '',
        username: undefined,
        secret: undefined,
        path: '',
      },
      { name: 'lab', rehearsal: true },
      { clock: systemClock(), timers: systemTimers, dataDir },
    );
  const energyLines = async (dataDir: string) =>
    (await readFile(join(dataDir, 'sink/rehearsal.lp.lp'), 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('energy,'));
  const drain = async (dataDir: string, ledger: MemoryLedger) => {
    const ports = { timers: systemTimers, onFailure: noFailure };
    const outbox = startOutbox(file(dataDir), ledger, ports);
    await outbox.drained();
    await outbox.close();
  };

  test('gets everything again when its file was deleted, and nothing twice when the cursor was lost', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trueup-outbox-'));
    const ledger = memoryLedger();
    ledger.append([0, 1, 2].map((index) => statementEntry({ startNs: minute(index) })));
    await drain(dataDir, ledger);
    expect(await energyLines(dataDir)).toHaveLength(3);
    expect((await energyLines(dataDir))[0]).toContain(',site=rehearsal.lab ');
    ledger.forgetCursors();
    await drain(dataDir, ledger);
    expect(await energyLines(dataDir)).toHaveLength(3);
    await rm(join(dataDir, 'sink/rehearsal.lp.lp'));
    await drain(dataDir, ledger);
    expect(await energyLines(dataDir)).toHaveLength(3);
    await rm(dataDir, { recursive: true });
  });

  test('whose file is deleted or put in place anew while it runs ends up with everything, once', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trueup-outbox-'));
    const ledger = memoryLedger();
    const more = (index: number) => {
      ledger.append([statementEntry({ startNs: minute(index) })]);
    };
    more(0);
    more(1);
    const outbox = startOutbox(file(dataDir), ledger, {
      timers: hastyTimers(),
      onFailure: noFailure,
    });
    await outbox.drained();
    await rm(join(dataDir, 'sink/rehearsal.lp.lp'));
    more(2);
    await outbox.drained();
    expect(await energyLines(dataDir)).toHaveLength(3);
    // A repair by another process, which has read the file before the next row came.
    const other = file(dataDir);
    await other.open();
    const repair = { superseded: new Set<number>(), again: true };
    expect(await other.write(ledger.entries.slice(0, 1), repair)).toEqual({ outcome: 'accepted' });
    more(3);
    await outbox.drained();
    expect(await energyLines(dataDir)).toHaveLength(4);
    // The other process looks at an old state: it must not put that in place.
    expect(await other.write(ledger.entries.slice(0, 1), repair)).toMatchObject({
      outcome: 'later',
      because: expect.stringContaining('a service is writing to it') as string,
    });
    expect(await energyLines(dataDir)).toHaveLength(4);
    await other.close();
    await outbox.close();
    await rm(dataDir, { recursive: true });
  });

  test('takes nothing from another ledger', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trueup-outbox-'));
    const ledger = memoryLedger();
    ledger.append([0, 1, 2].map((index) => statementEntry({ startNs: minute(index) })));
    await drain(dataDir, ledger);
    for (const count of [2, 8]) {
      const other = memoryLedger('other');
      other.append(
        Array.from({ length: count }, (_, index) => statementEntry({ startNs: minute(index) })),
      );
      const outbox = startOutbox(file(dataDir), other, {
        timers: systemTimers,
        onFailure: noFailure,
      });
      while (outbox.view().trouble === '') await new Promise((resolve) => setTimeout(resolve, 5));
      expect(outbox.view()).toMatchObject({ waitingCount: count });
      expect(outbox.view().trouble).toContain('another ledger');
      await outbox.close();
    }
    expect(await energyLines(dataDir)).toHaveLength(3);
    await rm(dataDir, { recursive: true });
  });

  test('a file that is not its own is the operator’s error', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'trueup-outbox-'));
    await drain(dataDir, memoryLedger());
    await writeFile(join(dataDir, 'sink/rehearsal.lp.lp'), 'my diary\n');
    const failures: unknown[] = [];
    const outbox = startOutbox(file(dataDir), memoryLedger(), {
      timers: systemTimers,
      onFailure: (cause) => failures.push(cause),
    });
    await expect(outbox.drained()).rejects.toThrow('is not a file of this sink');
    expect(failures).toHaveLength(1);
    await outbox.close();
    await rm(dataDir, { recursive: true });
  });
});
