// Eco2AI's emission.csv: one energy for everything, of which the CPU is a table value times a load and the RAM a constant;
// the PUE given to it is multiplied in and not written down. A row is written anew as its run goes on: the last one counts.
import type { Claim } from '../../quantity/claim.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { fromSeconds, instantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { firstRefusal, readCsvTable, type CsvRow } from './csv-table.ts';
import { localInstant } from './local-time.ts';
import { wrongFormat, type ReadTracker, type Told } from './tracker.ts';

const COLUMNS = ['id', 'start_time', 'duration(s)', 'power_consumption(kWh)'] as const;
/** `measure_period` unless it was configured. */
const STEP_S = 10;

export const readEco2ai: ReadTracker = (text, told) => {
  const table = readCsvTable(text, COLUMNS);
  if (isRefusal(table)) return table;
  const keyOf = (row: CsvRow): string =>
    `${row.text('id') ?? ''} ${row.text('experiment_description') ?? ''} ${row.text('epoch') ?? ''}`;
  const last = new Map(table.rows.map((row, index) => [keyOf(row), index]));
  const claims = table.rows.map((row, index) =>
    last.get(keyOf(row)) === index
      ? claimOf(row, told)
      : refuse(
          'time.duplicate',
          `line ${row.line}: a later row tells the same run and epoch`,
          'the later row is corrected; nothing needs to be done',
        ),
  );
  if (claims.length === 0) return wrongFormat('it has a header and no rows');
  if (claims.every(isRefusal)) return firstRefusal(claims) ?? wrongFormat('it has no claims');
  return { claims, write: table.write };
};

function claimOf(row: CsvRow, told: Told): Claim | Refusal {
  const broken = (what: string): Refusal => wrongFormat(`line ${row.line}: ${what}`);
  if (!row.isWhole) return broken('it has not as many fields as the header');
  const start = localInstant(row.text('start_time') ?? '', told.zone);
  const durationS = row.number('duration(s)');
  const energyKwh = row.number('power_consumption(kWh)');
  if (!start) return broken('start_time is no time');
  if (durationS === undefined || durationS <= 0) return broken('duration(s) is no time above 0');
  if (energyKwh === undefined || energyKwh < 0) return broken('its energy is no number above 0');
  const pueRatio = told.pueRatio ?? 1;
  const repairs = pueRatio === 1 ? [] : [`PUE ${pueRatio} taken off`];
  if (start.isDoubtful) repairs.push('the hour came twice; the first is taken');
  const energyJ = joules((energyKwh * 3.6e6) / pueRatio);
  return {
    tracker: 'eco2ai',
    run: row.text('id') ?? told.name,
    application: row.text('project_name') ?? '',
    fromNs: start.atNs,
    untilNs: instantNs(start.atNs + fromSeconds(durationS)),
    measured: new Map([['total', { energyJ, stepS: told.stepS ?? STEP_S }]]),
    repairs,
  };
}
