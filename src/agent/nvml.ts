// NVIDIA GPUs: the energy counter of each board by its UUID, and its power beside it. After a reset or a reload of the driver
// the library is started anew; the counters then begin again, which the service sees as what it is.
import type { ChipReader, Obstacle, Say } from './chip-reader.ts';
import { EnergyCheck } from './energy-check.ts';
import { NVML, nvmlWord, type NvmlDevice, type NvmlLibrary } from './nvml-library.ts';

interface Board {
  readonly source: string;
  readonly device: NvmlDevice;
  readonly hasCounter: boolean;
}

/** Tries again this often after the library or a board failed, ns. */
const RETRY_NS = 10_000_000_000n;

export interface NvmlOptions {
  readonly library: NvmlLibrary | undefined;
  readonly monotonicNs: () => bigint;
  readonly say: Say;
}

/** Opens the boards that are there; `library` undefined means that this node has none. */
export function openNvml({ library, monotonicNs, say }: NvmlOptions): ChipReader {
  const obstacles: Obstacle[] = [];
  const checks = new Map<string, EnergyCheck>();
  let boards: readonly Board[] = [];
  let isBroken = false;
  let triedNs = monotonicNs();

  const start = (): void => {
    triedNs = monotonicNs();
    isBroken = false;
    if (!library) return;
    const status = library.init();
    if (status !== NVML.success) {
      isBroken = true;
      obstacles.push({ what: `NVML: ${nvmlWord(status)}`, remedy: remedyOf(status) });
      return;
    }
    boards = boardsOf(library, obstacles);
  };
  const restart = (): void => {
    library?.shutdown();
    checks.clear();
    boards = [];
    start();
  };
  start();

  return {
    get sources() {
      return boards.map(({ source }) => source);
    },
    get obstacles() {
      return obstacles;
    },
    read: ({ counters, gauges }) => {
      if (isBroken && monotonicNs() - triedNs >= RETRY_NS) restart();
      for (const { source, device, hasCounter } of boards) {
        const power = library?.powerMw(device);
        if (power?.value !== undefined) gauges.push({ source, powerW: power.value / 1000 });
        const energy = hasCounter ? library?.totalEnergyMj(device) : undefined;
        if (energy?.value !== undefined) {
          counters.push({ source, unit: 'mJ', count: energy.value, maxCount: undefined });
        }
        const failed = [power, energy].find((each) => each && isFatal(each.status));
        if (failed) {
          isBroken = true;
          say(`${source}: ${nvmlWord(failed.status)}; tried again each 10 s`);
        }
        if (power?.value === undefined || energy?.value === undefined) continue;
        const check = checks.get(source) ?? new EnergyCheck();
        checks.set(source, check);
        const doubt = check.add(monotonicNs(), energy.value, power.value);
        if (doubt !== undefined) say(`${source}: ${doubt}`);
      }
    },
    close: () => {
      if (boards.length > 0) library?.shutdown();
      boards = [];
    },
  };
}

/** What a handle does not survive. "Not supported" and "no permission" are answers, and stay. */
const isFatal = (status: number): boolean =>
  status !== NVML.success && status !== NVML.notSupported && status !== NVML.noPermission;

function boardsOf(library: NvmlLibrary, obstacles: Obstacle[]): readonly Board[] {
  const boards: Board[] = [];
  const count = library.deviceCount().value ?? 0;
  for (let index = 0; index < count; index++) {
    const { status, value: device } = library.device(index);
    const uuid = status === NVML.success ? library.uuid(device).value : undefined;
    if (uuid === undefined || !/^[\x21-\x7e]{1,96}$/.test(uuid)) {
      obstacles.push({ what: `GPU ${index}: ${nvmlWord(status)}`, remedy: remedyOf(status) });
      continue;
    }
    const source = `nvml:${uuid}`;
    const energy = library.totalEnergyMj(device);
    const hasCounter = energy.status === NVML.success;
    if (!hasCounter) {
      obstacles.push({
        what: `${source}: no energy counter (${nvmlWord(energy.status)})`,
        remedy:
          'its power is sent instead; boards before Volta and some virtual GPUs have no counter',
      });
    }
    boards.push({ source, device, hasCounter });
  }
  return boards;
}

function remedyOf(status: number): string {
  switch (status) {
    case NVML.noPermission:
      return 'let the user of the agent open /dev/nvidiactl and /dev/nvidia*';
    case NVML.driverNotLoaded:
      return 'load the NVIDIA driver (modprobe nvidia); it is tried again each 10 s';
    default:
      return 'see nvidia-smi; it is tried again each 10 s';
  }
}
