// A sink in memory that does what it is told: it can be down, store half and fail, store all and fail, or refuse rows.
// Like a database it lets a later write win whatever its version, so that a wrong order shows.
import type { InstantNs } from '../../src/quantity/time.ts';
import { rowKey } from '../../src/publish/line-protocol-reading.ts';
import { DAY_STRIDE_NS, PLAIN_MANNER, type Sink, type SinkRow } from '../../src/publish/sink.ts';
import { supersededWithin } from '../../src/publish/energy-rows.ts';

export type FakeFault = 'down' | 'half-stored' | 'stored' | 'told';

export interface FakeSink extends Sink {
  readonly rows: Map<string, SinkRow & { readonly quality: string }>;
  readonly writes: readonly { readonly leaves: readonly number[] }[];
  /** Faults of the next writes. */
  failNext(...faults: FakeFault[]): void;
  /** Rows that it will never take. */
  readonly guilty: Set<number>;
  /** Versions at each key as they came: must never fall. */
  readonly versionsFell: () => boolean;
  retryAfterMs: number | undefined;
}

export function fakeSink(id = 'fake', boundedTo64Bits = true): FakeSink {
  const rows = new Map<string, SinkRow & { readonly quality: string }>();
  const writes: { readonly leaves: readonly number[] }[] = [];
  const faults: FakeFault[] = [];
  const guilty = new Set<number>();
  let fell = false;
  let busy = false;
  const sink: FakeSink = {
    id,
    strideNs: DAY_STRIDE_NS,
    rows,
    writes,
    guilty,
    retryAfterMs: undefined,
    versionsFell: () => fell,
    failNext: (...next) => void faults.push(...next),
    open: () => Promise.resolve({ outcome: 'accepted' }),
    newest: () => 'unknown',
    async write(entries, manner = PLAIN_MANNER) {
      if (busy) throw new Error('write was called before the last call had resolved');
      busy = true;
      await new Promise((resolve) => setImmediate(resolve));
      busy = false;
      writes.push({ leaves: entries.map(({ leaf }) => leaf) });
      const fault = faults.shift();
      const superseded = supersededWithin(entries, manner.superseded);
      const count = fault === 'half-stored' ? Math.ceil(entries.length / 2) : entries.length;
      const refused: { leaf: number; because: string }[] = [];
      for (const { leaf, entry } of fault === 'down' ? [] : entries.slice(0, count)) {
        if (entry.type !== 'statement') continue;
        const { statement } = entry;
        if (guilty.has(leaf)) refused.push({ leaf, because: 'guilty' });
        else if (boundedTo64Bits && (statement.energyUj ?? 0n) >= 2n ** 63n)
          refused.push({ leaf, because: 'beyond 64 bits' });
        else if (!superseded.has(leaf)) {
          const key = rowKey(statement);
          fell ||= (rows.get(key)?.version ?? 0) > statement.version;
          const { point, kind, startNs, energyUj, version, quality } = statement;
          rows.set(key, { point, kind, startNs, energyUj, version, leaf, quality });
        }
      }
      if (fault !== undefined)
        return { outcome: 'later', because: fault, retryAfterMs: sink.retryAfterMs };
      return refused.length > 0 ? { outcome: 'refused', refused } : { outcome: 'accepted' };
    },
    readBack: (fromNs: InstantNs, untilNs: InstantNs) =>
      Promise.resolve(
        [...rows.values()]
          .filter(({ startNs }) => startNs >= fromNs && startNs < untilNs)
          .map(({ point, kind, startNs, energyUj, version, leaf }) => {
            return { point, kind, startNs, energyUj, version, leaf };
          }),
      ),
    remove: (gone) => {
      for (const row of gone) rows.delete(rowKey(row));
      return Promise.resolve({ outcome: 'accepted' });
    },
    close: () => Promise.resolve(),
  };
  return sink;
}
