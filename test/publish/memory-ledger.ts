// A ledger in memory: the parts that publish uses, by the contract of ledger.ts, for tests that need no disk.
import { createHash } from 'node:crypto';
import type {
  Cursors,
  DocumentEntry,
  Ledger,
  LogEntry,
  StoredEntry,
  StoredStatement,
} from '../../src/ledger/ledger.ts';
import type { Kind, PointId } from '../../src/quantity/quality.ts';
import type { IntervalStatement } from '../../src/quantity/statement.ts';
import { durationNs, type InstantNs, instantNs } from '../../src/quantity/time.ts';
import { joules, microjoules, watts } from '../../src/quantity/units.ts';

export interface MemoryLedger extends Pick<Ledger, 'log' | 'statements' | 'cursors'> {
  readonly entries: readonly StoredEntry[];
  append(entries: readonly LogEntry[]): readonly StoredEntry[];
  readonly refusals: readonly { sink: string; leaf: number; because: string }[];
  /** The view is lost, as when the index is deleted. */
  forgetCursors(): void;
}

const text = (entry: LogEntry): string =>
  JSON.stringify(entry, (_, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );

export function memoryLedger(salt = ''): MemoryLedger {
  const entries: StoredEntry[] = [];
  const cursorOf = new Map<string, number>();
  const refusals: { sink: string; leaf: number; because: string }[] = [];
  const newest = new Map<string, StoredStatement>();
  const keyOf = (point: PointId, kind: Kind, startNs: InstantNs) =>
    `${point} ${kind} ${startNs.toString()}`;

  function append(added: readonly LogEntry[]): readonly StoredEntry[] {
    return added.map((entry) => {
      const sha256 = createHash('sha256')
        .update(salt + text(entry))
        .digest('hex');
      const stored: StoredEntry = { leaf: entries.length, sha256, entry };
      entries.push(stored);
      if (entry.type === 'statement') {
        const { statement } = entry;
        const key = keyOf(statement.point, statement.kind, statement.startNs);
        newest.set(key, { leaf: stored.leaf, sha256, statement });
      }
      return stored;
    });
  }
  const cursors: Cursors = {
    get: (sink) => cursorOf.get(sink) ?? 0,
    set: (sink, next) => void cursorOf.set(sink, next),
    refused: (sink) => refusals.filter((row) => row.sink === sink),
    refuse: (sink, leaf, because) => void refusals.push({ sink, leaf, because }),
  };
  return {
    entries,
    append,
    refusals,
    forgetCursors: () => {
      cursorOf.clear();
    },
    cursors,
    log: {
      get size() {
        return entries.length;
      },
      append: (added) => Promise.resolve(append(added)),
      async *scan(from) {
        const size = entries.length;
        for (let leaf = from; leaf < size; leaf++) yield await Promise.resolve(entries[leaf]!);
      },
    },
    statements: {
      span: () => undefined,
      current: (point, kind, startNs) => newest.get(keyOf(point, kind, startNs)),
      between: (fromNs, untilNs) =>
        [...newest.values()]
          .filter(({ statement: { startNs } }) => startNs >= fromNs && startNs < untilNs)
          .sort((a, b) => Number(a.statement.startNs - b.statement.startNs) || a.leaf - b.leaf),
      fromLeaf: (from, limit) =>
        entries
          .slice(from)
          .flatMap(({ leaf, sha256, entry }) =>
            entry.type === 'statement' ? [{ leaf, sha256, statement: entry.statement }] : [],
          )
          .slice(0, limit),
      newestStart: () => undefined,
    },
  };
}

export const T0 = instantNs(1_790_000_100_000_000_000n);
const MINUTE_NS = durationNs(60_000_000_000n);
export const minute = (index: number): InstantNs => instantNs(T0 + BigInt(index) * MINUTE_NS);

/** A plain interval of one minute; `over` changes what a test is about. */
export function statementOf(over: Partial<IntervalStatement> = {}): IntervalStatement {
  return {
    point: 'node/gpu-01',
    kind: 'metered',
    startNs: T0,
    durationNs: MINUTE_NS,
    energyUj: microjoules(9_007_199_254_740_993n),
    uncertainty: {
      systematicJ: joules(120),
      independentJ: joules(9),
      edgeJ: joules(36),
      dof: Infinity,
    },
    quality: 'actual',
    method: 'register+power',
    tier: 1,
    version: 1,
    supersedes: '',
    powerMeanW: watts(2500.5),
    powerMaxW: watts(3000),
    because: undefined,
    coveredNs: MINUTE_NS,
    anchors: [],
    flags: [],
    model: '',
    core: '1+test',
    ...over,
  };
}

export const statementEntry = (over: Partial<IntervalStatement> = {}): LogEntry => ({
  type: 'statement',
  statement: statementOf(over),
});

/** An interval without energy: it says why instead. */
export const withoutEnergy = {
  energyUj: undefined,
  powerMeanW: undefined,
  powerMaxW: undefined,
  quality: 'missing',
  because: 'settle.missing',
} as const satisfies Partial<IntervalStatement>;

export const keyEntry: DocumentEntry = { type: 'key', atNs: T0, document: { says: 'a key' } };
