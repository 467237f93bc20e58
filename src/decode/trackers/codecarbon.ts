// CodeCarbon's emissions.csv, 2022 to 3.x. Its component energies hold the PUE that was configured; its RAM is a constant
// that nobody measured. Older versions summed GPU power times steps and let a RAPL wrap through as negative energy.
import type { Claim, ClaimedKind, ClaimedEnergy } from '../../quantity/claim.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { fromSeconds, instantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { firstRefusal, readCsvTable, type CsvRow } from './csv-table.ts';
import { localInstant } from './local-time.ts';
import { RAPL_RANGE_J, unwrapped } from './rapl-wrap.ts';
import { wrongFormat, type ReadTracker, type Told } from './tracker.ts';

const COLUMNS = ['timestamp', 'duration', 'cpu_energy', 'gpu_energy', 'ram_energy'] as const;

/** `measure_power_secs` unless it was configured. */
const STEP_S = 15;
/** From 2.3 on GPU energy is the difference of a counter. */
const COUNTER_SINCE = 2.3;
const KWH_J = 3.6e6;

export const readCodecarbon: ReadTracker = (text, told) => {
  const table = readCsvTable(text, COLUMNS);
  if (isRefusal(table)) return table;
  const siblings = table.rows.flatMap((row) => cpuPowerW(row) ?? []);
  const claims = table.rows.map((row) => claimOf(row, told, siblings));
  if (claims.length === 0) return wrongFormat('it has a header and no rows');
  if (claims.every(isRefusal)) return firstRefusal(claims) ?? wrongFormat('it has no claims');
  return { claims, write: table.write };
};

/** Mean CPU power of a row that did not wrap, W. */
function cpuPowerW(row: CsvRow): number | undefined {
  const energyKwh = row.number('cpu_energy');
  const durationS = row.number('duration');
  const pueRatio = pueOf(row);
  if (energyKwh === undefined || durationS === undefined || pueRatio === undefined)
    return undefined;
  return energyKwh > 0 && durationS > 0 ? (energyKwh * KWH_J) / pueRatio / durationS : undefined;
}

/** 1 where the version did not write it down, since it did not know it either. */
function pueOf(row: CsvRow): number | undefined {
  if (row.text('pue') === undefined) return 1;
  const pueRatio = row.number('pue');
  return pueRatio !== undefined && pueRatio >= 1 && pueRatio <= 10 ? pueRatio : undefined;
}

function claimOf(row: CsvRow, told: Told, siblingsW: readonly number[]): Claim | Refusal {
  const broken = (what: string): Refusal => wrongFormat(`line ${row.line}: ${what}`);
  if (!row.isWhole) return broken('it has not as many fields as the header');
  const end = localInstant(row.text('timestamp') ?? '', told.zone);
  const durationS = row.number('duration');
  const pueRatio = pueOf(row);
  if (!end) return broken('timestamp is no time');
  if (durationS === undefined || durationS <= 0) return broken('duration is no time above 0');
  if (pueRatio === undefined) return broken('pue is not between 1 and 10');
  const chipJ = (column: string): number | undefined => {
    const energyKwh = row.number(column);
    return energyKwh === undefined ? undefined : (energyKwh * KWH_J) / pueRatio;
  };
  const repairs: string[] = [];
  if (pueRatio !== 1) repairs.push(`PUE ${pueRatio} taken off`);
  if (end.isDoubtful) repairs.push('the hour came twice; the first is taken');
  const saidJ = chipJ('cpu_energy');
  const gpuSaidJ = chipJ('gpu_energy') ?? 0;
  if (saidJ === undefined) return broken('cpu_energy is no number');
  if (gpuSaidJ < 0) return refuse('counter.fell', `line ${row.line}: GPU energy is negative`, GPU);
  if (gpuSaidJ === 0 && (row.number('gpu_count') ?? 0) > 0) {
    return refuse(
      'tracker.unmeasured',
      `line ${row.line}: its GPUs have no counter that CodeCarbon could read, and count as 0 kWh`,
      GPU,
    );
  }
  const cpuJ = saidJ < 0 ? unwrapped(saidJ, durationS, siblingsW) : saidJ;
  if (isRefusal(cpuJ)) return cpuJ;
  if (saidJ < 0) {
    const wraps = Math.round((cpuJ - saidJ) / RAPL_RANGE_J);
    repairs.push(`RAPL wrapped ${wraps} time${wraps === 1 ? '' : 's'}`);
  }
  const version = Number.parseFloat(row.text('codecarbon_version') ?? '0');
  const isStepped = !(version >= COUNTER_SINCE);
  const gpuJ = isStepped ? overOwnTime(row, gpuSaidJ, durationS, repairs) : gpuSaidJ;
  if ((chipJ('ram_energy') ?? 0) > 0) repairs.push('made-up RAM left out');
  const measured = new Map<ClaimedKind, ClaimedEnergy>([
    ['cpu', { energyJ: joules(cpuJ), stepS: 0 }],
  ]);
  if (gpuJ > 0) {
    const stepS = isStepped ? (told.stepS ?? STEP_S) : 0;
    measured.set('gpu', { energyJ: joules(gpuJ), stepS });
  }
  const runId = row.text('run_id');
  return {
    tracker: 'codecarbon',
    run: runId === undefined || runId === 'None' ? `${told.name}:${row.line}` : runId,
    application: row.text('project_name') ?? '',
    fromNs: instantNs(end.atNs - fromSeconds(durationS)),
    untilNs: end.atNs,
    measured,
    repairs,
    configured: { pueRatio, ramW: row.number('ram_power') ?? 0 },
  };
}

const GPU = 'measure this run by the GPU counter itself';

/**
 * Power times steps covers whole steps, not the run: 75 s of GPU in a run of 60 s. RAM is a constant times the same steps, so
 * RAM energy over RAM power is the time that the sum stands for, and the mean power over that time is what was measured.
 */
function overOwnTime(row: CsvRow, gpuJ: number, durationS: number, repairs: string[]): number {
  const ramKwh = row.number('ram_energy');
  const ramW = row.number('ram_power');
  if (ramKwh === undefined || ramW === undefined || !(ramKwh > 0 && ramW > 0)) return gpuJ;
  const summedS = (ramKwh * KWH_J) / ((pueOf(row) ?? 1) * ramW);
  const ratio = durationS / summedS;
  // Farther off than a few steps the RAM power was not constant, and says nothing of time.
  if (Math.abs(summedS - durationS) > 2 * STEP_S || Math.abs(ratio - 1) < 0.005) return gpuJ;
  repairs.push(`GPU summed over ${summedS.toFixed(0)} s of a run of ${durationS.toFixed(0)} s`);
  return gpuJ * ratio;
}
