// Zeus' window log (`log_file`): joules of each GPU per window, from the energy counters. Windows of one file lie within
// each other by intention, so a file is one run.
import type { Claim } from '../../quantity/claim.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { fromSeconds, instantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { firstRefusal, numberOf, readCsvTable, type CsvRow } from './csv-table.ts';
import { epochInstant } from './epoch-time.ts';
import { wrongFormat, type ReadTracker, type Told } from './tracker.ts';

export const readZeus: ReadTracker = (text, told) => {
  const table = readCsvTable(text, ['start_time', 'window_name', 'elapsed_time']);
  if (isRefusal(table)) return table;
  const gpus = table.columns.filter((name) => /^gpu\d+_energy$/.test(name));
  if (gpus.length === 0) return wrongFormat('its header has no gpu0_energy: no GPU was measured');
  const claims = table.rows.map((row) => claimOf(row, gpus, told));
  if (claims.length === 0) return wrongFormat('it has a header and no rows');
  if (claims.every(isRefusal)) return firstRefusal(claims) ?? wrongFormat('it has no claims');
  return { claims, write: table.write };
};

function claimOf(row: CsvRow, gpus: readonly string[], told: Told): Claim | Refusal {
  const broken = (what: string): Refusal => wrongFormat(`line ${row.line}: ${what}`);
  if (!row.isWhole) return broken('it has not as many fields as the header');
  const fromNs = epochInstant(row.text('start_time') ?? '');
  const durationS = numberOf(row.text('elapsed_time'));
  if (fromNs === undefined) return broken('start_time is no time');
  if (durationS === undefined || durationS <= 0) return broken('elapsed_time is no time above 0');
  let energyJ = 0;
  for (const gpu of gpus) {
    const gpuJ = row.number(gpu);
    if (gpuJ === undefined || gpuJ < 0) return broken(`${gpu} is no number above 0`);
    energyJ += gpuJ;
  }
  return {
    tracker: 'zeus',
    run: told.name,
    application: row.text('window_name') ?? '',
    fromNs,
    untilNs: instantNs(fromNs + fromSeconds(durationS)),
    measured: new Map([['gpu', { energyJ: joules(energyJ), stepS: told.stepS ?? 0 }]]),
    repairs: [],
  };
}
