// Live rows: what the rack draws now and how its meters answer. They are a picture of the moment, not a record: they do
// not come from the ledger, and a sink that is down misses them.
import type { FaultCode } from '../quantity/fault.ts';
import type { Kind, PointId, Quality } from '../quantity/quality.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';
import { type LinePoint, printLine } from './line-protocol.ts';

/** One point's power at one instant; the rack is a tag here, since live views are grouped by it. */
interface PowerRow {
  readonly row: 'power';
  readonly point: PointId;
  readonly kind: Kind;
  readonly rack: string;
  /** undefined: not known now. */
  readonly powerW: Watts | undefined;
  /** Expanded uncertainty, 95.45 %; undefined where there is none to state. */
  readonly uncertaintyW: Watts | undefined;
  readonly quality: Quality;
  readonly atNs: InstantNs;
}

/** How one instrument answers. */
interface MeterHealthRow {
  readonly row: 'meter_health';
  readonly source: string;
  readonly exchangesCount: number;
  readonly faultsCount: number;
  /** Age of the last good reading, seconds; undefined before the first. */
  readonly ageS: number | undefined;
  readonly trouble: FaultCode | undefined;
  readonly atNs: InstantNs;
}

/** What a tracker's run claimed and what it used so far; written at the end of its newest span, and anew as evidence comes. */
interface RunRow {
  readonly row: 'run';
  readonly node: string;
  readonly tracker: string;
  readonly run: string;
  readonly project: string;
  readonly claimedKwh: number;
  /** undefined: not known yet. */
  readonly wallKwh: number | undefined;
  readonly expandedKwh: number | undefined;
  readonly quality: Quality;
  readonly atNs: InstantNs;
}

export type LiveRow = PowerRow | MeterHealthRow | RunRow;

function livePoint(row: LiveRow, site: string): LinePoint {
  switch (row.row) {
    case 'power':
      return {
        measurement: 'power',
        tags: { site, rack: row.rack === '' ? 'none' : row.rack, point: row.point, kind: row.kind },
        fields: { power_w: row.powerW, u_w: row.uncertaintyW, quality: row.quality },
        timeNs: row.atNs,
      };
    case 'meter_health':
      return {
        measurement: 'meter_health',
        tags: { site, source: row.source },
        fields: {
          exchanges: BigInt(row.exchangesCount),
          faults: BigInt(row.faultsCount),
          age_s: row.ageS,
          trouble: row.trouble ?? '',
        },
        timeNs: row.atNs,
      };
    case 'run':
      return {
        measurement: 'run',
        tags: { site, node: row.node, tracker: row.tracker, run: row.run },
        fields: {
          project: row.project,
          claimed_kwh: row.claimedKwh,
          wall_energy_kwh: row.wallKwh,
          u_kwh: row.expandedKwh,
          quality: row.quality,
        },
        timeNs: row.atNs,
      };
  }
}

/** Lines of the rows that can be written; a row that cannot (a power that is no number) is left out. */
export function printLive(rows: readonly LiveRow[], site: string): readonly string[] {
  return rows.flatMap((row) => {
    const printed = printLine(livePoint(row, site));
    return 'line' in printed ? [printed.line] : [];
  });
}
