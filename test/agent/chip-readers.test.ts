// What a node's chips say, read from a tree of files and from a library that we compile: domains that overlap, devices that
// fail, reset and lie. The library's functions are those of nvml.h; a real board is not needed to see what becomes of them.
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { noReadings, type ChipReader, type ChipReadings } from '../../src/agent/chip-reader.ts';
import { EnergyCheck } from '../../src/agent/energy-check.ts';
import { openHwmon } from '../../src/agent/hwmon.ts';
import { openNvml } from '../../src/agent/nvml.ts';
import { loadNvml } from '../../src/agent/nvml-library.ts';
import { openPowercap } from '../../src/agent/powercap.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { DUAL_SOCKET, fakeNvml, writeFile, writeZones } from './fake-node.ts';

const base = mkdtempSync(join(tmpdir(), 'trueup-chips-'));
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});
let treeCount = 0;
const newRoot = (): string => join(base, `root${String(treeCount++)}`);

function readAll(reader: ChipReader): ChipReadings {
  const readings = noReadings();
  void reader.read(readings);
  return readings;
}
const countsOf = (reader: ChipReader): Record<string, string> =>
  Object.fromEntries(readAll(reader).counters.map(({ source, count }) => [source, String(count)]));

describe('powercap', () => {
  test('packages and their memory; no cores, no second view, no platform beside them', () => {
    const root = newRoot();
    writeZones(root, DUAL_SOCKET);
    const reader = openPowercap(root);
    expect(countsOf(reader)).toEqual({
      'rapl:package-0': '1000',
      'rapl:package-1': '2000',
      'rapl:dram-0': '200',
      'rapl:dram-1': '300',
    });
    expect(readAll(reader).counters[2]?.maxCount).toBe(65_532_610_987n);
    writeZones(root, [{ place: 'intel-rapl:0', name: 'package-0', energyUj: 5n }]);
    expect(countsOf(reader)['rapl:package-0']).toBe('5');
    reader.close();
    reader.close();
  });

  test('dies, two zones of one name, and a platform zone that is all there is', () => {
    const root = newRoot();
    writeZones(root, [
      { place: 'intel-rapl:0', name: 'package-0-die-0', energyUj: 1n },
      { place: 'intel-rapl:1', name: 'package-0-die-1', energyUj: 2n },
      { place: 'intel-rapl:2', name: 'package-1', energyUj: 3n },
      { place: 'intel-rapl:10', name: 'package-1', energyUj: 4n },
    ]);
    expect(countsOf(openPowercap(root))).toEqual({
      'rapl:package-0-die-0': '1',
      'rapl:package-0-die-1': '2',
      'rapl:package-1': '3',
      'rapl:package-1-zone-10': '4',
    });
    const platform = newRoot();
    writeZones(platform, [{ place: 'intel-rapl:0', name: 'psys', energyUj: 7n }]);
    expect(countsOf(openPowercap(platform))).toEqual({ 'rapl:psys': '7' });
  });

  test('what is not there is said with a remedy; a file that holds no count is a hole', () => {
    expect(openPowercap(newRoot()).obstacles[0]?.remedy).toContain('intel_rapl_msr');
    const root = newRoot();
    writeZones(root, DUAL_SOCKET);
    writeFile(root, 'sys/class/powercap/intel-rapl:0/energy_uj', 'nonsense\n');
    unlinkSync(join(root, 'sys/class/powercap/intel-rapl:1/energy_uj'));
    const reader = openPowercap(root);
    expect(reader.obstacles.map(({ what }) => what.split(':').slice(0, 2).join(':'))).toEqual([
      'rapl:package-1',
    ]);
    expect(Object.keys(countsOf(reader))).toEqual(['rapl:dram-0', 'rapl:dram-1']);
  });
});

describe('hwmon', () => {
  test('AMD sockets where powercap lacks them, and the power meter of the board without its sentinel', () => {
    const root = newRoot();
    writeFile(root, 'sys/class/hwmon/hwmon0/name', 'amd_energy\n');
    for (const [index, label, energy] of [
      [1, 'Ecore000', '9'],
      [2, 'Esocket0', '111'],
      [3, 'Esocket1', '222'],
    ] as const) {
      writeFile(root, `sys/class/hwmon/hwmon0/energy${String(index)}_label`, `${label}\n`);
      writeFile(root, `sys/class/hwmon/hwmon0/energy${String(index)}_input`, `${energy}\n`);
    }
    writeFile(root, 'sys/class/hwmon/hwmon3/name', 'power_meter\n');
    writeFile(root, 'sys/class/hwmon/hwmon3/power1_average', '450000000\n');
    const reader = openHwmon(root, ['rapl:package-1']);
    expect(countsOf(reader)).toEqual({ 'rapl:package-0': '111' });
    expect(readAll(reader).gauges).toEqual([{ source: 'hwmon:platform-3', powerW: 450 }]);
    writeFile(root, 'sys/class/hwmon/hwmon3/power1_average', '4294967295000\n');
    expect(readAll(reader).gauges).toEqual([]);
    expect(openHwmon(newRoot(), []).sources).toEqual([]);
  });
});

const withGcc = testWith({ gcc: findProgram('gcc') });
const BOARDS = [
  { uuid: 'GPU-a', energyMj: 18_000_000_000_000_123n, powerMw: 300_000 },
  { uuid: 'GPU-b', energyMj: 5000n, powerMw: 60_500 },
];

describe('nvml', () => {
  withGcc('energy above 2^53 and power of each board, by UUID', () => {
    const stub = fakeNvml(newRoot());
    stub.set(BOARDS);
    const reader = openNvml({ library: loadNvml(stub.path), monotonicNs: () => 1n, say: () => 0 });
    expect(countsOf(reader)).toEqual({ 'nvml:GPU-a': '18000000000000123', 'nvml:GPU-b': '5000' });
    expect(readAll(reader).gauges).toEqual([
      { source: 'nvml:GPU-a', powerW: 300 },
      { source: 'nvml:GPU-b', powerW: 60.5 },
    ]);
    reader.close();
  });

  withGcc('a board without a counter sends its power, and says why', () => {
    const stub = fakeNvml(newRoot());
    stub.set([{ uuid: 'GPU-old', energyMj: 1n, powerMw: 200_000, status: 3 }]);
    const reader = openNvml({ library: loadNvml(stub.path), monotonicNs: () => 1n, say: () => 0 });
    expect(reader.obstacles[0]?.what).toContain('no energy counter');
    expect(readAll(reader)).toMatchObject({
      counters: [],
      gauges: [{ source: 'nvml:GPU-old', powerW: 200 }],
    });
  });

  withGcc(
    'a lost board is a hole for itself alone, and comes back after the library is started anew',
    () => {
      const stub = fakeNvml(newRoot());
      stub.set(BOARDS);
      const said: string[] = [];
      let nowNs = 0n;
      const reader = openNvml({
        library: loadNvml(stub.path),
        monotonicNs: () => nowNs,
        say: (line) => said.push(line),
      });
      const [a = { uuid: '', energyMj: 0n, powerMw: 0 }, b = a] = BOARDS;
      stub.set([{ ...a, status: 15 }, b]);
      expect(Object.keys(countsOf(reader))).toEqual(['nvml:GPU-b']);
      expect(said.join()).toContain('lost');
      // Reset: its counter begins again. Before ten seconds nothing is tried.
      stub.set([{ ...a, energyMj: 7n }, b]);
      nowNs += 11_000_000_000n;
      expect(countsOf(reader)).toEqual({ 'nvml:GPU-a': '7', 'nvml:GPU-b': '5000' });
    },
  );

  withGcc('a driver that is not loaded yet is tried again', () => {
    const stub = fakeNvml(newRoot());
    stub.set(BOARDS, 9);
    let nowNs = 0n;
    const reader = openNvml({
      library: loadNvml(stub.path),
      monotonicNs: () => nowNs,
      say: () => 0,
    });
    expect(reader.sources).toEqual([]);
    expect(reader.obstacles[0]?.what).toContain('driver is not loaded');
    stub.set(BOARDS);
    expect(countsOf(reader)).toEqual({});
    nowNs += 10_000_000_000n;
    expect(Object.keys(countsOf(reader))).toEqual(['nvml:GPU-a', 'nvml:GPU-b']);
  });

  test('no library, or one that lacks the functions, is no library', () => {
    expect(loadNvml('/nonexistent/libnvidia-ml.so.1')).toBeUndefined();
    expect(loadNvml('libc.so.6')).toBeUndefined();
    const none = openNvml({ library: undefined, monotonicNs: () => 1n, say: () => 0 });
    expect(readAll(none)).toEqual(noReadings());
  });
});

describe('a counter against its own power', () => {
  const minute = (countedW: number, powerW: number): string | undefined => {
    const check = new EnergyCheck();
    let doubt: string | undefined;
    for (let second = 1; second <= 61; second++) {
      const mj = BigInt(Math.round(countedW * second * 1000));
      doubt = check.add(BigInt(second) * 1_000_000_000n, mj, powerW * 1000) ?? doubt;
    }
    return doubt;
  };
  test('187 J against 327 J is said, a tenth is not', () => {
    expect(minute(37.4, 65.4)).toContain('one of them is wrong');
    expect(minute(300, 330)).toBeUndefined();
  });
});
