// Power usage effectiveness of a period from a settlement: PUE = E_DC / E_IT over the same period (EN 50600-4-2,
// ISO/IEC 30134-2:2026), with the formula's version, the category of the measuring points, and its uncertainty.
import { SiteFault } from '../quantity/fault.ts';
import type { LineJson } from './settlement-json.ts';

/** 1 at the output of the UPS, 2 at the PDUs, 3 at the input of the equipment. */
export const PUE_CATEGORIES = ['1', '2', '3'] as const;
export type PueCategory = (typeof PUE_CATEGORIES)[number];

export interface KpiPoints {
  readonly category: PueCategory;
  /** Meters at the boundary of the data centre, and of the IT load. */
  readonly facility: readonly string[];
  readonly it: readonly string[];
}

/** The KPI as a document. Throws SiteFault where a point is no meter of the settlement, or the IT load is 0. */
export function pueOf(
  settlement: LineJson,
  lines: readonly LineJson[],
  { category, facility, it }: KpiPoints,
  where: string,
): LineJson {
  const meters = new Map(
    lines.filter(({ line }) => line === 'meter').map((line) => [String(line['meter']), line]),
  );
  const sumOf = (points: readonly string[]): bigint =>
    points.reduce((sum, point) => {
      const meter = meters.get(point);
      if (meter !== undefined) return sum + BigInt(String(meter['measured_uj']));
      const remedy = `name one of: ${[...meters.keys()].join(', ')}`;
      throw new SiteFault({ where, what: `${point} is no meter of this settlement`, remedy });
    }, 0n);
  const [facilityUj, itUj] = [sumOf(facility), sumOf(it)];
  if (itUj <= 0n || facilityUj < itUj) {
    const remedy = 'look whether boundary and IT points are swapped, or a meter was silent';
    throw new SiteFault({ where, what: 'E_DC is less than E_IT, or E_IT is 0', remedy });
  }
  return {
    kpi: 'PUE',
    formula: 'E_DC / E_IT',
    formula_version: 'ISO/IEC 30134-2:2026',
    pue_category: `PUE${category}`,
    from: settlement['from'],
    until: settlement['until'],
    standing: settlement['standing'],
    pue: (Number((facilityUj * 1_000_000n) / itUj) / 1e6).toFixed(4),
    e_dc_uj: facilityUj.toString(),
    e_it_uj: itUj.toString(),
    e_dc_points: facility,
    e_it_points: it,
    completeness: [...facility, ...it].map((point) => ({
      point,
      expected: meters.get(point)?.['expected'],
      settled: meters.get(point)?.['settled'],
    })),
    settlement: settlement['settlement'],
    version: settlement['version'],
    lines_root: settlement['lines_root'],
    core: settlement['core'],
    note: 'a period of less than 12 months is an interim value (iPUE)',
  };
}
