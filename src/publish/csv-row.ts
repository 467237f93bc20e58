// One settled interval as a row of CSV, the same in an export and in a CSV sink, byte for byte.
import { expandedKwh, formatKwh } from '../quantity/format.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { formatInstant, NS_PER_S } from '../quantity/time.ts';
import { printRecord } from './csv-text.ts';

export const CSV_COLUMNS = [
  'point',
  'start',
  'duration_s',
  'energy_uj',
  'energy_kwh',
  'u_kwh',
  'quality',
  'method',
  'tier',
  'version',
  'leaf',
] as const;

export const CSV_HEADER = printRecord(CSV_COLUMNS);

/** Digits of `u_kwh` after the point: 1e-9 kWh is 3.6 mJ, below every uncertainty that is stated. */
const U_DIGITS_COUNT = 9;

/** Whole nanoseconds as exact decimal seconds. */
function formatSeconds(durationNs: bigint): string {
  const fraction = (durationNs % NS_PER_S).toString().padStart(9, '0').replace(/0+$/, '');
  const whole = (durationNs / NS_PER_S).toString();
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** The row with its line end. Energy and uncertainty are empty where there is no energy. */
export function csvRow(statement: IntervalStatement, leaf: number): string {
  const { energyUj, uncertainty } = statement;
  const known = energyUj !== undefined;
  return printRecord([
    statement.point,
    formatInstant(statement.startNs),
    formatSeconds(statement.durationNs),
    known ? energyUj.toString() : '',
    known ? formatKwh(energyUj) : '',
    known ? expandedKwh(uncertainty).toFixed(U_DIGITS_COUNT) : '',
    statement.quality,
    statement.method,
    String(statement.tier),
    String(statement.version),
    String(leaf),
  ]);
}
