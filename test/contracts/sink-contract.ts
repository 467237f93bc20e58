// What every sink must do, whatever is behind it: run for each entry of SINKS and for the fakes.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredEntry } from '../../src/ledger/ledger.ts';
import { microjoules } from '../../src/quantity/units.ts';
import type { Sink } from '../../src/publish/sink.ts';
import {
  keyEntry,
  memoryLedger,
  minute,
  statementEntry,
  withoutEnergy,
} from '../publish/memory-ledger.ts';

/** What a reader at the sink sees of one interval, read without any code of the sink. */
export interface SeenRow {
  readonly point: string;
  readonly startNs: bigint;
  readonly energyUj: bigint | undefined;
  readonly version: number;
  readonly leaf: number;
  readonly quality: string;
}

export interface SinkSubject {
  /** A sink on the same store; each call makes a new one, as a restart would. */
  open(): Sink;
  /** The newest row of each interval, and how many rows there are of it where the sink keeps all. */
  seen(): Promise<readonly SeenRow[]>;
  dispose(): Promise<void>;
}

export interface SinkTraits {
  readonly readsBack: boolean;
  readonly removes: boolean;
  /** Whether a newer version may lack energy that an older one had. */
  readonly takesEnergyBack: boolean;
  /** Whether an energy beyond 64 bits cannot be written. */
  readonly boundedTo64Bits: boolean;
}

export function sinkContract(
  name: string,
  traits: SinkTraits,
  make: () => Promise<SinkSubject>,
  suite: (name: string, body: () => void) => unknown = describe,
): void {
  suite(`sink contract: ${name}`, () => {
    let subject: SinkSubject;
    let sink: Sink;
    const opened: Sink[] = [];
    const openSink = async (): Promise<Sink> => {
      const fresh = subject.open();
      opened.push(fresh);
      expect(await fresh.open()).toEqual({ outcome: 'accepted' });
      return fresh;
    };
    beforeEach(async () => {
      subject = await make();
      sink = await openSink();
    });
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
      await subject.dispose();
    });
    const entries = (count: number): readonly StoredEntry[] =>
      memoryLedger().append(
        Array.from({ length: count }, (_, index) =>
          statementEntry({
            startNs: minute(index),
            energyUj: microjoules(9_007_199_254_740_993n + BigInt(index)),
          }),
        ),
      );
    const energies = async () =>
      (await subject.seen())
        .toSorted((a, b) => Number(a.startNs - b.startNs))
        .map(({ energyUj }) => energyUj);

    test('stores rows exactly, beyond 2^53 too, and opening again changes nothing', async () => {
      const batch = entries(3);
      expect(await sink.write(batch)).toEqual({ outcome: 'accepted' });
      expect(await sink.open()).toEqual({ outcome: 'accepted' });
      expect(await energies()).toEqual([
        9_007_199_254_740_993n,
        9_007_199_254_740_994n,
        9_007_199_254_740_995n,
      ]);
    });

    test('rows that come twice are there once, after a restart too', async () => {
      const batch = entries(4);
      await sink.write(batch.slice(0, 3));
      await sink.write(batch.slice(0, 3));
      const restarted = await openSink();
      expect(await restarted.write(batch)).toEqual({ outcome: 'accepted' });
      expect(await energies()).toHaveLength(4);
    });

    test('says what it holds, or that it does not know', async () => {
      const batch = entries(2);
      expect(['nothing', 'unknown']).toContain(sink.newest());
      await sink.write(batch);
      const newest = (await openSink()).newest();
      if (newest === 'unknown') return;
      expect(newest).toMatchObject({ leaf: 1 });
      if (newest !== 'nothing' && newest.sha256 !== undefined)
        expect(newest.sha256).toBe(batch[1]!.sha256);
    });

    test('an empty batch and entries that are not for sinks are accepted', async () => {
      expect(await sink.write([])).toEqual({ outcome: 'accepted' });
      expect(await sink.write(memoryLedger().append([keyEntry]))).toEqual({ outcome: 'accepted' });
      expect(await energies()).toEqual([]);
    });

    test('a newer version replaces, and an older one that comes again does not', async () => {
      const stored = memoryLedger().append([
        statementEntry({ energyUj: microjoules(1n) }),
        statementEntry({ energyUj: microjoules(2n), version: 2 }),
      ]);
      await sink.write(stored.slice(0, 1));
      await sink.write(stored.slice(1));
      await sink.write(stored.slice(0, 1), { superseded: new Set([0]), again: false });
      expect(await subject.seen()).toMatchObject([{ energyUj: 2n, version: 2, leaf: 1 }]);
      // Both in one batch, as after a crash: the newer one still wins.
      await sink.write(stored);
      expect(await subject.seen()).toMatchObject([{ energyUj: 2n, version: 2, leaf: 1 }]);
    });

    test('a version without energy leaves no energy of the older one behind', async () => {
      const stored = memoryLedger().append([
        statementEntry({}),
        statementEntry({ version: 2, ...withoutEnergy }),
      ]);
      await sink.write(stored.slice(0, 1));
      const receipt = await sink.write(stored.slice(1));
      const seen = await subject.seen();
      if (traits.takesEnergyBack) {
        expect(receipt).toEqual({ outcome: 'accepted' });
        expect(seen).toMatchObject([{ energyUj: undefined, version: 2, quality: 'missing' }]);
      } else {
        expect(receipt).toMatchObject({ outcome: 'refused', refused: [{ leaf: 1 }] });
        expect(seen).toMatchObject([{ version: 1, quality: 'actual' }]);
      }
    });

    if (traits.boundedTo64Bits) {
      test('a row that it cannot hold is named and the others are stored', async () => {
        const stored = memoryLedger().append([
          statementEntry({}),
          statementEntry({ startNs: minute(1), energyUj: microjoules(2n ** 63n) }),
          statementEntry({ startNs: minute(2) }),
        ]);
        const receipt = await sink.write(stored);
        expect(receipt).toMatchObject({ outcome: 'refused', refused: [{ leaf: 1 }] });
        expect(await energies()).toHaveLength(2);
      });
    }

    test('reads back what it holds in a half-open period, or says that it cannot', async () => {
      await sink.write(entries(4));
      const rows = await sink.readBack(minute(1), minute(3));
      expect(rows !== undefined).toBe(traits.readsBack);
      if (rows === undefined) return;
      expect(rows.map(({ leaf }) => leaf).toSorted()).toEqual([1, 2]);
      expect(rows.find(({ leaf }) => leaf === 1)).toEqual({
        point: 'node/gpu-01',
        kind: 'metered',
        startNs: minute(1),
        energyUj: 9_007_199_254_740_994n,
        version: 1,
        leaf: 1,
      });
    });

    test('removes rows, or refuses to', async () => {
      await sink.write(entries(3));
      const row = {
        point: 'node/gpu-01',
        kind: 'metered',
        startNs: minute(1),
        energyUj: undefined,
        version: 1,
        leaf: 1,
      } as const;
      const receipt = await sink.remove([row]);
      expect(receipt.outcome).toBe(traits.removes ? 'accepted' : 'refused');
      expect(await energies()).toHaveLength(traits.removes ? 2 : 3);
      if (!traits.removes) return;
      // What was removed can be written again, although the sink once held it.
      await sink.write(entries(3).slice(1, 2), { superseded: new Set(), again: true });
      expect(await energies()).toHaveLength(3);
    });

    test('text that a protocol could take for its own arrives as it is', async () => {
      const method = 'a,b="c" = d\\ e';
      const stored = memoryLedger().append([statementEntry({ method })]);
      expect(await sink.write(stored)).toEqual({ outcome: 'accepted' });
      expect(await subject.seen()).toMatchObject([{ energyUj: 9_007_199_254_740_993n }]);
    });
  });
}
