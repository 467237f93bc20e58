// The settled intervals of a period as CSV, for people who bill and people who check. Byte-stable: the same ledger and
// period always give the same bytes.
import type { StoredStatement } from '../ledger/ledger.ts';
import { type InstantNs, instantNs, type Interval, NS_PER_S } from '../quantity/time.ts';
import { CSV_HEADER, csvRow } from './csv-row.ts';

/** One day is asked for at a time, so that a year of a large site does not stand in memory. */
const STRIDE_NS = 86_400n * NS_PER_S;

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Writes the newest version of every interval that starts in [fromNs, untilNs), sorted by start, point, kind and leaf.
 * Only those that are wanted: the columns do not show the kind. Returns the number of rows.
 */
export async function exportCsv(
  statements: {
    between(
      fromNs: InstantNs,
      untilNs: InstantNs,
    ): readonly StoredStatement[] | Promise<readonly StoredStatement[]>;
  },
  period: Interval,
  write: (text: string) => Promise<void> | void,
  isWanted: (stored: StoredStatement) => boolean = () => true,
  onProgress: (doneRatio: number) => void = () => undefined,
): Promise<number> {
  let rowsCount = 0;
  await write(CSV_HEADER);
  for (let fromNs = period.fromNs; fromNs < period.untilNs;) {
    const strideEnd = instantNs(fromNs + STRIDE_NS);
    const untilNs = strideEnd < period.untilNs ? strideEnd : period.untilNs;
    const found = [...(await statements.between(fromNs, untilNs))]
      .filter(isWanted)
      .sort(
        ({ statement: a, leaf: leafA }, { statement: b, leaf: leafB }) =>
          (a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : 0) ||
          byText(a.point, b.point) ||
          byText(a.kind, b.kind) ||
          leafA - leafB,
      );
    if (found.length > 0) {
      await write(found.map(({ statement, leaf }) => csvRow(statement, leaf)).join(''));
    }
    rowsCount += found.length;
    onProgress(Number(untilNs - period.fromNs) / Number(period.untilNs - period.fromNs));
    fromNs = untilNs;
  }
  return rowsCount;
}
