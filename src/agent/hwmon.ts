// Energy and power of hwmon: AMD packages on kernels whose powercap lacks them (amd_energy), and power meters of boards and
// supplies. A power meter of the board is telemetry beside the chips; it is never added to them.
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ChipReader, Obstacle } from './chip-reader.ts';
import { codeOf, countIn, textOf } from './powercap.ts';

interface OpenFile {
  readonly source: string;
  readonly file: number;
}

const AMD_SOCKET = /^Esocket(\d+)$/;
const POWER_METERS = new Set(['acpi_power_meter', 'power_meter']);
/** 4294967295 µW and its thousandfold: what a driver prints where the hardware gave all ones. */
const SENTINELS_UW = new Set([4_294_967_295n, 4_294_967_295_000n]);

/** `known` are sources that powercap reads already: one register is not read twice. */
export function openHwmon(root: string, known: readonly string[]): ChipReader {
  const base = join(root, 'sys/class/hwmon');
  const energies: OpenFile[] = [];
  const powers: OpenFile[] = [];
  const obstacles: Obstacle[] = [];
  const open = (path: string, source: string, list: OpenFile[]): void => {
    try {
      list.push({ source, file: openSync(path, 'r') });
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return;
      obstacles.push({
        what: `${source}: ${path} may be read by root alone`,
        remedy: 'let a service with CAP_DAC_READ_SEARCH read it (trueup agent --unit prints one)',
      });
    }
  };
  for (const entry of entriesOf(base)) {
    const folder = join(base, entry);
    const chip = textOf(join(folder, 'name')) ?? '';
    if (chip === 'amd_energy') {
      for (const file of entriesOf(folder)) {
        const label = file.endsWith('_label') ? textOf(join(folder, file)) : undefined;
        const socket = AMD_SOCKET.exec(label ?? '')?.[1];
        const source = `rapl:package-${socket ?? ''}`;
        if (socket === undefined || known.includes(source)) continue;
        open(join(folder, file.replace('_label', '_input')), source, energies);
      }
    }
    if (POWER_METERS.has(chip)) {
      open(join(folder, 'power1_average'), `hwmon:${entry.replace('hwmon', 'platform-')}`, powers);
    }
  }
  const buffer = Buffer.alloc(32);
  return {
    sources: [...energies, ...powers].map(({ source }) => source),
    obstacles,
    read: ({ counters, gauges }) => {
      for (const { source, file } of energies) {
        const count = countIn(file, buffer);
        if (count !== undefined) counters.push({ source, unit: 'uJ', count, maxCount: undefined });
      }
      for (const { source, file } of powers) {
        const powerUw = countIn(file, buffer);
        if (powerUw === undefined || SENTINELS_UW.has(powerUw)) continue;
        gauges.push({ source, powerW: Number(powerUw) / 1e6 });
      }
    },
    close: () => {
      for (const { file } of [...energies.splice(0), ...powers.splice(0)]) closeSync(file);
    },
  };
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
