// Exporters of the field, read as counters: the traps are in the fixtures (a board told three times by MIG, psys around
// packages, cores inside of them, mW under a name that says W) and in a real node_exporter on a tree of files.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { noReadings } from '../../src/agent/chip-reader.ts';
import { wholeOf, samplesOf } from '../../src/agent/scrape/exposition-text.ts';
import { readScrape } from '../../src/agent/scrape/exporters.ts';
import { openScrape } from '../../src/agent/scrape/scrape-reader.ts';
import { shared } from '../fixtures.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { DUAL_SOCKET, writeFile, writeZones } from './fake-node.ts';

const countsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    readScrape(text).readings.counters.map(({ source, unit, count }) => [
      source,
      `${String(count)} ${unit}`,
    ]),
  );
const powersOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    readScrape(text).readings.gauges.map(({ source, powerW }) => [source, powerW]),
  );

describe('numbers', () => {
  test.each([
    ['2.57858316e+08', 0, 257_858_316n],
    ['262143.32885', 6, 262_143_328_850n],
    ['9.007199254740993e+15', 3, 9_007_199_254_740_993_000n],
    ['0', 6, 0n],
    ['1.0000019', 6, 1_000_001n],
    ['-1', 6, undefined],
    ['NaN', 0, undefined],
    ['1e400', 0, undefined],
    ['1e30', 0, undefined],
    ['0x10', 0, undefined],
  ])('%s x 10^%i', (digits, power, whole) => {
    expect(wholeOf(digits, power)).toBe(whole);
  });

  test('labels with quotes, commas and braces; lines that are none', () => {
    const text = 'a{x="1,\\"}",Y="b\\\\c"} 5 1700000000\na{x="2"} 6\nb 7\n# a 8\nnonsense\na\n';
    const samples = samplesOf(text, (name) => name === 'a');
    expect(samples.map(({ digits }) => digits)).toEqual(['5', '6']);
    expect(samples[0]?.labels.get('x')).toBe('1,"}');
    expect(samples[0]?.labels.get('y')).toBe('b\\c');
  });
});

const folder = shared('fixtures/trackers');
const fixture = (name: string): string => readFileSync(join(folder ?? '', name), 'utf8');

describe('exporters', () => {
  const withFixtures = test.skipIf(!folder);

  withFixtures('DCGM: one counter per board in mJ (fixtures)', () => {
    expect(countsOf(fixture('constructed/dcgm_exporter.metrics'))).toEqual({
      'nvml:GPU-00000000-0000-0000-0000-000000000001': '5551899580 mJ',
    });
  });

  withFixtures('DCGM with MIG: three rows of one board are one board (fixtures)', () => {
    expect(countsOf(fixture('constructed/dcgm_exporter.mig.metrics'))).toEqual({
      'nvml:GPU-00000000-0000-0000-0000-00000000000a': '257858316 mJ',
    });
  });

  test('DCGM: blank values are no readings', () => {
    const blank =
      'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{UUID="GPU-a"} 9223372036854775794\nDCGM_FI_DEV_POWER_USAGE{UUID="GPU-a"} 140737488355328\n';
    expect(readScrape(blank).readings).toEqual(noReadings());
  });

  withFixtures('nvidia_gpu_exporter: instant power, the UUID as NVML says it (fixtures)', () => {
    const name = 'prometheus/nvidia_gpu_exporter-nvidia-h100-80gb-hbm3__590.48.01__load.metrics';
    expect(powersOf(fixture(name))).toEqual({
      'nvml:GPU-00000000-0000-0000-0000-000000000000': 625.68,
    });
  });

  withFixtures('Kepler 0.11: package and memory, no psys around them (fixtures)', () => {
    expect(countsOf(fixture('constructed/kepler-0.11.metrics'))).toEqual({
      'rapl:package-0': '120034500000 uJ',
      'rapl:dram-0': '10250250000 uJ',
    });
  });

  withFixtures(
    'Kepler 0.7: idle and dynamic are one counter; its platform and its models are none (fixtures)',
    () => {
      const text = fixture('constructed/kepler-0.7.metrics');
      expect(countsOf(text)).toEqual({
        'rapl:package-0': '120034500000 uJ',
        'rapl:dram-0': '10250250000 uJ',
      });
      expect(countsOf(text.replaceAll('intel_rapl', 'trained_power_model'))).toEqual({});
    },
  );

  withFixtures(
    'ROCm: first partitions only; Gaudi in mW is not taken for anything (fixtures)',
    () => {
      expect(countsOf(fixture('constructed/amd_metrics_exporter.metrics'))).toEqual({
        'rocm:00000001': '2089703420000 uJ',
      });
      expect(readScrape(fixture('constructed/gaudi_exporter.metrics')).readings).toEqual(
        noReadings(),
      );
    },
  );

  withFixtures(
    'Scaphandre: never its host, whose meaning depends on the machine; IPMI stays beside the chips (fixtures)',
    () => {
      expect(countsOf(fixture('constructed/scaphandre-1.0.metrics'))).toEqual({});
      expect(
        countsOf(
          'scaph_socket_energy_microjoules{socket_id="1"} 258218293244\nscaph_host_energy_microjoules 9\n',
        ),
      ).toEqual({
        'rapl:package-1': '258218293244 uJ',
      });
      expect(powersOf(fixture('constructed/ipmi_exporter.metrics'))).toEqual({
        'hwmon:platform-dcmi': 397,
      });
    },
  );

  withFixtures('node_exporter: two packages, their memory, no psys, no cores (fixtures)', () => {
    const text = fixture('prometheus/node_exporter-1.5.0-dual-socket-rapl-psys-hwmon.txt');
    expect(countsOf(text)).toEqual({
      'rapl:package-0': '1000000 uJ',
      'rapl:package-1': '1000001 uJ',
      'rapl:dram-0': '500000 uJ',
      'rapl:dram-1': '500001 uJ',
    });
    expect(powersOf(text)).toEqual({ 'hwmon:platform-power_meter': 412 });
    expect(Object.keys(countsOf(fixture('prometheus/node_exporter-e2e-output.txt')))).toEqual([
      'rapl:package-0',
    ]);
  });

  test('a reboot, and a restart of an exporter that counts by itself, is another epoch', () => {
    const text =
      'node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 5\n';
    expect(
      readScrape(`${text}node_boot_time_seconds 1.7e+09\nprocess_start_time_seconds 1.8e+09\n`)
        .readings.epochs,
    ).toEqual(['1.7e+09']);
    expect(readScrape(`${text}process_start_time_seconds 1.8e+09\n`).readings.epochs).toEqual([
      '1.8e+09',
    ]);
  });

  test('a second view of a package is none, and one source is told once', () => {
    const text =
      'node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl-mmio:0"} 4\n' +
      'node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 5\n' +
      'kepler_node_cpu_joules_total{zone="package",path="/sys/class/powercap/intel-rapl:0"} 7\n';
    expect(countsOf(text)).toEqual({ 'rapl:package-0': '5000000 uJ' });
  });
});

const base = mkdtempSync(join(tmpdir(), 'trueup-scrape-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill();
  rmSync(base, { recursive: true, force: true });
});

describe('a scrape', () => {
  test('what fails or answers nonsense is a hole, and is said', async () => {
    const said: string[] = [];
    const port = await freePort();
    const url = new URL(`http://127.0.0.1:${String(port)}/metrics`);
    const reader = openScrape(url, (line) => said.push(line));
    const readings = noReadings();
    await reader.read(readings);
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/metrics' ? 500 : 200).end('x'),
    );
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await reader.read(readings);
    await openScrape(new URL('/other', url), (line) => said.push(line)).read(readings);
    server.closeAllConnections();
    server.close();
    expect(readings).toEqual(noReadings());
    expect(said.join('\n')).toMatch(/ECONNREFUSED[\s\S]*HTTP 500[\s\S]*no energy of chips/);
  });

  const exporter = findProgram('prometheus-node-exporter');
  testWith({ 'prometheus-node-exporter': exporter })(
    'a real node_exporter on two sockets',
    async () => {
      const root = join(base, 'node');
      writeZones(
        root,
        DUAL_SOCKET.map((zone) => ({ ...zone, energyUj: zone.energyUj * 1_000_000n })),
      );
      writeFile(root, 'sys/class/powercap/intel-rapl/enabled', '1\n');
      const port = await freePort();
      children.push(
        spawn(
          exporter ?? '',
          [
            `--path.sysfs=${join(root, 'sys')}`,
            `--web.listen-address=127.0.0.1:${String(port)}`,
            '--collector.disable-defaults',
            '--collector.rapl',
            '--collector.stat',
          ],
          { stdio: 'ignore' },
        ),
      );
      const reader = openScrape(
        new URL(`http://127.0.0.1:${String(port)}/metrics`),
        () => undefined,
      );
      await expect
        .poll(
          async () => {
            const readings = noReadings();
            await reader.read(readings);
            return Object.fromEntries(
              readings.counters.map(({ source, count }) => [source, String(count)]),
            );
          },
          { timeout: 15_000, interval: 300 },
        )
        .toEqual({
          'rapl:package-0': '1000000000',
          'rapl:package-1': '2000000000',
          'rapl:dram-0': '200000000',
          'rapl:dram-1': '300000000',
        });
    },
  );
});
