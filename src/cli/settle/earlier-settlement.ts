// What the log says was settled before: a period is settled once, and again only as a difference with a reason.
import { lineRoot } from '../../ledger/index.ts';
import type { LeafIndex, StoredDocument } from '../../ledger/ledger.ts';
import type { LineJson } from '../../publish/settlement-json.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { type Interval, parseInstant } from '../../quantity/time.ts';
import { readLines, settlementFolder } from './settlement-folder.ts';

export interface EarlierSettlement {
  readonly version: number;
  readonly sha256: string;
  readonly isFinal: boolean;
  readonly lines: readonly LineJson[];
  readonly leaf: LeafIndex;
  readonly folder: string;
}

interface SettledPeriod {
  readonly leaf: LeafIndex;
  readonly sha256: string;
  readonly period: Interval;
  readonly version: number;
  readonly isFinal: boolean;
  readonly root: unknown;
}

/**
 * The newest version of the same settlement and period; undefined where there is none.
 * Throws SiteFault where another period of the same accounts overlaps, or the lines of the earlier one are not there.
 */
export function earlierSettlement(
  stored: readonly StoredDocument[],
  name: string,
  period: Interval,
  dataDir: string,
): EarlierSettlement | undefined {
  const ours = stored.flatMap((one) => settledPeriod(one, name));
  const isSame = ({ period: other }: SettledPeriod): boolean =>
    other.fromNs === period.fromNs && other.untilNs === period.untilNs;
  const overlapping = ours.find(
    (one) =>
      !isSame(one) && one.period.fromNs < period.untilNs && period.fromNs < one.period.untilNs,
  );
  if (overlapping) {
    throw new SiteFault({
      where: `settlement ${name}`,
      what: 'a period that overlaps was settled already, so energy would be billed twice',
      remedy: 'settle the same period again with --reason, or give other accounts another name',
    });
  }
  const newest = ours
    .filter(isSame)
    .sort((a, b) => a.version - b.version)
    .at(-1);
  if (newest === undefined) return undefined;
  const folder = settlementFolder(dataDir, name, period, newest.version);
  const lines = readLines(folder);
  if (lineRoot(lines.map(({ bytes }) => bytes)) !== newest.root) {
    throw new SiteFault({
      where: folder,
      what: 'its lines are not those whose root stands in the log',
      remedy: 'take lines.jsonl from a backup',
    });
  }
  return {
    version: newest.version,
    sha256: newest.sha256,
    isFinal: newest.isFinal,
    leaf: newest.leaf,
    folder,
    lines: lines.map(({ json }) => json),
  };
}

function settledPeriod({ leaf, sha256, document }: StoredDocument, name: string): SettledPeriod[] {
  if (typeof document !== 'object' || document === null) return [];
  const said = new Map<string, unknown>(Object.entries(document));
  const [from, until, version] = [said.get('from'), said.get('until'), said.get('version')];
  if (said.get('settlement') !== name || typeof version !== 'number') return [];
  const fromNs = typeof from === 'string' ? parseInstant(from) : undefined;
  const untilNs = typeof until === 'string' ? parseInstant(until) : undefined;
  if (fromNs === undefined || untilNs === undefined) return [];
  const isFinal = said.get('standing') === 'final';
  return [
    { leaf, sha256, period: { fromNs, untilNs }, version, isFinal, root: said.get('lines_root') },
  ];
}
