// RAPL by the powercap files of Linux. Packages and their memory are read; cores and uncore lie inside of the package,
// intel-rapl-mmio is a second view of it, and psys contains it: it counts only where it is all there is.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ChipReader, Obstacle } from './chip-reader.ts';

interface Zone {
  readonly folder: string;
  readonly name: string;
  /** `0` of intel-rapl:0 and of intel-rapl:0:1. */
  readonly place: string;
  readonly isChild: boolean;
}

interface OpenZone {
  readonly source: string;
  readonly file: number;
  readonly maxCount: bigint | undefined;
}

const FOLDER = /^intel-rapl:(\d+)(?::(\d+))?$/;
const INTEGER = /^\d{1,20}$/;

const ALLOW =
  'let a service with CAP_DAC_READ_SEARCH read it (trueup agent --unit prints one), or: chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj, which lets every user of the node watch its power (CVE-2020-8694)';

/** Opens what lies below `root` (`/` on a real node). */
export function openPowercap(root: string): ChipReader {
  const base = join(root, 'sys/class/powercap');
  const zones = zonesOf(base);
  const wanted = namedZones(zones);
  const open: OpenZone[] = [];
  const obstacles: Obstacle[] = [];
  for (const { source, zone } of wanted) {
    try {
      const file = openSync(join(zone.folder, 'energy_uj'), 'r');
      open.push({ source, file, maxCount: integerOf(join(zone.folder, 'max_energy_range_uj')) });
    } catch (cause) {
      const isForbidden = codeOf(cause) === 'EACCES' || codeOf(cause) === 'EPERM';
      obstacles.push({
        what: `${source}: ${join(zone.folder, 'energy_uj')} ${isForbidden ? 'may be read by root alone' : 'cannot be opened'}`,
        remedy: isForbidden ? ALLOW : 'load the module intel_rapl_msr',
      });
    }
  }
  if (zones.length === 0) {
    obstacles.push({
      what: `no RAPL zone below ${base}`,
      remedy: 'load intel_rapl_msr (modprobe); virtual machines have none as a rule',
    });
  }
  const buffer = Buffer.alloc(32);
  return {
    sources: open.map(({ source }) => source),
    obstacles,
    read: ({ counters }) => {
      for (const { source, file, maxCount } of open) {
        const count = countIn(file, buffer);
        if (count !== undefined) counters.push({ source, unit: 'uJ', count, maxCount });
      }
    },
    close: () => {
      for (const { file } of open.splice(0)) closeSync(file);
    },
  };
}

/** The count in an open file of sysfs, read from its start; undefined where the kernel has none now. */
export function countIn(file: number, buffer: Buffer): bigint | undefined {
  try {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const text = buffer.toString('latin1', 0, length).trim();
    return INTEGER.test(text) ? BigInt(text) : undefined;
  } catch {
    // EIO and ENODATA of a zone that is asleep: a hole now, another try at the next read.
    return undefined;
  }
}

function zonesOf(base: string): readonly Zone[] {
  let names: string[];
  try {
    names = readdirSync(base).sort(byNumber);
  } catch {
    return [];
  }
  return names.flatMap((entry): Zone[] => {
    const match = FOLDER.exec(entry);
    const name = match ? textOf(join(base, entry, 'name')) : undefined;
    if (!match || name === undefined) return [];
    const folder = join(base, entry);
    return [{ folder, name, place: match[1] ?? '', isChild: match[2] !== undefined }];
  });
}

function namedZones(zones: readonly Zone[]): readonly { source: string; zone: Zone }[] {
  const named: { source: string; zone: Zone }[] = [];
  const packageOf = new Map<string, string>();
  for (const zone of zones) {
    const number = /^package-(\d+(?:-die-\d+)?)$/.exec(zone.name)?.[1];
    if (zone.isChild || number === undefined) continue;
    packageOf.set(zone.place, number);
    named.push({ source: `rapl:package-${number}`, zone });
  }
  for (const zone of zones) {
    if (zone.name !== 'dram') continue;
    named.push({ source: `rapl:dram-${packageOf.get(zone.place) ?? zone.place}`, zone });
  }
  if (named.length === 0) {
    for (const zone of zones) if (zone.name === 'psys') named.push({ source: 'rapl:psys', zone });
  }
  // Two zones of one name are two packages all the same: the second is told apart by its place.
  const taken = new Set<string>();
  return named.map(({ source, zone }) => {
    const own = taken.has(source) ? `${source}-zone-${zone.place}` : source;
    taken.add(own);
    return { source: own, zone };
  });
}

const byNumber = (a: string, b: string): number =>
  a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);

export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function integerOf(path: string): bigint | undefined {
  const text = textOf(path);
  return text !== undefined && INTEGER.test(text) && text !== '0' ? BigInt(text) : undefined;
}

export const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && 'code' in cause ? cause.code : undefined;
