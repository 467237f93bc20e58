// Proves that a sink equals the ledger by reading it back, piece by piece and both ways: what the ledger has and the sink
// lacks, what the sink has and the ledger does not, and what differs. With repair it mends them, and then reads again,
// since only a second look is a proof.
import type { Cursors, LeafIndex, StatementIndex, StoredStatement } from '../ledger/ledger.ts';
import { type InstantNs, later } from '../quantity/time.ts';
import { rowKey } from './line-protocol-reading.ts';
import type { Receipt, Sink, SinkRow } from './sink.ts';

export interface ReconcileOptions {
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly repair: boolean;
}

export interface ReconciledLedger {
  readonly statements: Pick<StatementIndex, 'between'>;
  readonly cursors: Pick<Cursors, 'get' | 'refused'>;
}

interface DifferentRow {
  readonly ledger: StoredStatement;
  readonly sink: SinkRow;
}

interface Differences {
  /** false: this sink cannot be read back, or not now; then the lists say nothing. */
  readonly readable: boolean;
  /** Current rows of the ledger that were compared. */
  readonly comparedCount: number;
  readonly missing: readonly StoredStatement[];
  /** Rows that the ledger does not have. */
  readonly extra: readonly SinkRow[];
  readonly different: readonly DifferentRow[];
  /** Rows that the outbox has not sent yet; they are neither missing nor different. */
  readonly waitingCount: number;
  /** Rows that the sink refused for good and that are listed as such. */
  readonly refused: readonly StoredStatement[];
}

export interface Reconciliation {
  readonly found: Differences;
  /** What reading again showed after the repair; undefined where nothing was repaired. */
  readonly afterRepair: Differences | undefined;
  /** Why a repair stopped; empty where it did not. */
  readonly trouble: string;
  /** The sink equals the ledger, as read last; never true for a sink that could not be read. */
  readonly equal: boolean;
}

interface Progress {
  readonly sent: LeafIndex;
  readonly refused: ReadonlySet<LeafIndex>;
}

function compare(
  held: readonly SinkRow[],
  stored: readonly StoredStatement[],
  progress: Progress,
): Differences {
  const rows = new Map(held.map((row) => [rowKey(row), row]));
  const missing: StoredStatement[] = [];
  const different: DifferentRow[] = [];
  const refused: StoredStatement[] = [];
  let waitingCount = 0;
  for (const ledger of stored) {
    const { statement, leaf } = ledger;
    const key = rowKey(statement);
    const sink = rows.get(key);
    rows.delete(key);
    const same =
      sink?.leaf === leaf &&
      sink.version === statement.version &&
      sink.energyUj === statement.energyUj;
    if (same) continue;
    if (leaf >= progress.sent) waitingCount++;
    else if (progress.refused.has(leaf)) refused.push(ledger);
    else if (sink === undefined) missing.push(ledger);
    else different.push({ ledger, sink });
  }
  const extra = [...rows.values()];
  return {
    readable: true,
    comparedCount: stored.length,
    missing,
    extra,
    different,
    waitingCount,
    refused,
  };
}

const UNREADABLE: Differences = {
  readable: false,
  comparedCount: 0,
  missing: [],
  extra: [],
  different: [],
  waitingCount: 0,
  refused: [],
};

const isEqual = (seen: Differences): boolean =>
  seen.readable &&
  seen.missing.length + seen.extra.length + seen.different.length + seen.refused.length === 0 &&
  seen.waitingCount === 0;

const join = (a: Differences, b: Differences): Differences => ({
  readable: a.readable && b.readable,
  comparedCount: a.comparedCount + b.comparedCount,
  missing: [...a.missing, ...b.missing],
  extra: [...a.extra, ...b.extra],
  different: [...a.different, ...b.different],
  waitingCount: a.waitingCount + b.waitingCount,
  refused: [...a.refused, ...b.refused],
});

/** Rows that the sink refuses are no reason to stop: reading again shows them. */
const troubleOf = (receipt: Receipt): string =>
  receipt.outcome === 'later' ? receipt.because : '';

/** Takes away what is extra or different, then writes what is missing or different. */
async function mend(sink: Sink, seen: Differences): Promise<string> {
  const wrong = [...seen.extra, ...seen.different.map(({ sink: row }) => row)];
  if (wrong.length > 0) {
    const trouble = troubleOf(await sink.remove(wrong));
    if (trouble !== '') return trouble;
  }
  const lacking = [...seen.missing, ...seen.refused, ...seen.different.map(({ ledger }) => ledger)];
  if (lacking.length === 0) return '';
  const entries = lacking
    .map(({ leaf, sha256, statement }) => {
      return { leaf, sha256, entry: { type: 'statement' as const, statement } };
    })
    .sort((a, b) => a.leaf - b.leaf);
  return troubleOf(await sink.write(entries, { superseded: new Set(), again: true }));
}

/**
 * Compares all current rows that start in [fromNs, untilNs). The sink must be open. Let the outbox drain before: rows
 * that still wait are counted, not judged, and one that is sent while this reads may show as a difference.
 */
export async function reconcile(
  sink: Sink,
  ledger: ReconciledLedger,
  { fromNs, untilNs, repair }: ReconcileOptions,
): Promise<Reconciliation> {
  const look = async (from: InstantNs, until: InstantNs): Promise<Differences> => {
    const held = await sink.readBack(from, until);
    if (held === undefined) return UNREADABLE;
    return compare(held, ledger.statements.between(from, until), {
      sent: ledger.cursors.get(sink.id),
      refused: new Set(ledger.cursors.refused(sink.id).map(({ leaf }) => leaf)),
    });
  };
  let found: Differences = { ...UNREADABLE, readable: true };
  let afterRepair: Differences | undefined;
  let trouble = '';
  for (let from = fromNs; from < untilNs && found.readable && trouble === '';) {
    const strideEnd = later(from, sink.strideNs);
    const until = strideEnd < untilNs ? strideEnd : untilNs;
    const day = await look(from, until);
    found = join(found, day);
    if (repair && day.readable) {
      if (!isEqual(day)) trouble = await mend(sink, day);
      afterRepair = join(
        afterRepair ?? { ...UNREADABLE, readable: true },
        isEqual(day) ? day : await look(from, until),
      );
    }
    from = until;
  }
  return { found, afterRepair, trouble, equal: trouble === '' && isEqual(afterRepair ?? found) };
}
