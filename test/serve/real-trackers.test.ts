// Unmodified trackers from PyPI against our doors and readers, on RAPL files of ours that rise by known powers. Where they are
// not installed each test is skipped by name; .ci/run makes their environment where PyPI can be reached.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { TRACKERS } from '../../src/decode/trackers/trackers.ts';
import type { Claim } from '../../src/quantity/claim.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { fakeDoor, type FakeDoor } from './fake-door.ts';
import { appOf } from './test-app.ts';

const environment =
  process.env['TRUEUP_TRACKERS'] ?? join(import.meta.dirname, '../../.cache/trackers');
const python = join(environment, 'bin/python');
const has = (name: string): boolean =>
  existsSync(python) &&
  readdirSync(join(environment, 'lib')).some((version) =>
    existsSync(join(environment, 'lib', version, 'site-packages', name)),
  );
const folder = mkdtempSync(join(tmpdir(), 'trueup-trackers-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const LONG = { timeout: 180_000 };

/** A package of 100 W with memory of 10 W, and a platform zone; files are replaced, so that no reader sees a part. */
const CHIPS = `
import os, sys, threading, time
root = sys.argv[1]
def zone(place, name, watts):
    folder = os.path.join(root, place)
    os.makedirs(folder, exist_ok=True)
    for file, text in (("name", name), ("max_energy_range_uj", "262143328850")):
        with open(os.path.join(folder, file), "w") as out: out.write(text + "\\n")
    return os.path.join(folder, "energy_uj"), watts
zones = [zone("intel-rapl:0", "package-0", 100), zone("intel-rapl:0/intel-rapl:0:0", "dram", 10), zone("intel-rapl:1", "psys", 150)]
began = time.time()
def rise():
    while True:
        for path, watts in zones:
            with open(path + ".new", "w") as out: out.write(str(int((time.time() - began) * watts * 1e6) + 1))
            os.replace(path + ".new", path)
        time.sleep(0.01)
threading.Thread(target=rise, daemon=True).start()
time.sleep(0.2)
`;

/** Runs a script behind the chips; resolves with what it printed. */
async function runPython(script: string, argv: readonly string[], env = {}): Promise<string> {
  const child = spawn(python, ['-W', 'ignore', '-c', CHIPS + script, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, err).toBe(0);
  return out;
}

/** A door on the clock of this machine. */
async function listening(): Promise<{ door: FakeDoor; url: string }> {
  const door = fakeDoor();
  const began = Date.now();
  // The curves of the fake nodes begin at a fixed time: the doors' clock goes on from there.
  Object.defineProperty(door, 'nowS', { get: () => (Date.now() - began) / 1000 + 1 });
  const url = await appOf({ activity: door }).listen({ host: '127.0.0.1', port: 0 });
  return { door, url };
}

const ZEUS = `
import json
import zeus.device.cpu.rapl as rapl
rapl.RAPL_DIR = root
`;

describe('Zeus', () => {
  test.skipIf(!has('zeus'))(
    'reads processors from us as from its daemon: what it adds up is the wall',
    LONG,
    async () => {
      const { url } = await listening();
      const said = await runPython(
        `${ZEUS}
from zeus.monitor import ZeusMonitor
monitor = ZeusMonitor(gpu_indices=[])
monitor.begin_window("w", sync_execution=False)
time.sleep(6)
seen = monitor.end_window("w", sync_execution=False)
print(json.dumps({"s": seen.time, "cpu": seen.cpu_energy}))
`,
        [join(folder, 'rapl-zeus')],
        { ZEUSD_HOST_PORT: `${url.replace('http://', '')}/v1/nodes/n2/zeusd` },
      );
      const { s, cpu } = JSON.parse(said.trim().split('\n').at(-1) ?? '') as {
        s: number;
        cpu: Record<string, number>;
      };
      // 1.25 x 600 + 300 W at the wall, of which the board of 500 W is for NVML to say; its platform zone carries nothing.
      expect((cpu['0'] ?? 0) / s / 550).toBeGreaterThan(0.8);
      expect((cpu['0'] ?? 0) / s / 550).toBeLessThan(1.2);
      expect(cpu['1']).toBe(0);
    },
  );

  test.skipIf(!has('zeus'))(
    'pushes windows, and their rise is what it measured',
    LONG,
    async () => {
      const { door, url } = await listening();
      const said = await runPython(
        `${ZEUS}
from zeus.metric import EnergyHistogram
histogram = EnergyHistogram(cpu_indices=[0], gpu_indices=[], pushgateway_url=sys.argv[2], job="train")
for _ in range(3):
    histogram.begin_window("step", sync_execution=False)
    time.sleep(2)
    histogram.end_window("step", sync_execution=False)
print(histogram.cpu_histograms.labels(window="step", index=0)._sum.get())
`,
        [join(folder, 'rapl-push'), `${url}/v1/nodes/n1/pushgateway`],
      );
      const claims = door.records.flatMap((record) => (record.kind === 'claim' ? [record] : []));
      expect(claims.map(({ tracker }) => tracker)).toEqual(['zeus', 'zeus', 'zeus']);
      const risenJ = claims.reduce((sum, each) => sum + each.cpu_kwh * 3.6e6, 0);
      // The first of three windows of 200 J, and of 20 J of memory, is where the counter begins.
      const sumJ = Number(said.trim().split('\n').at(-1));
      expect(sumJ / 600).toBeGreaterThan(0.9);
      expect(risenJ / ((sumJ * 2) / 3)).toBeGreaterThan(0.95);
      expect(risenJ / ((sumJ * 2) / 3)).toBeLessThan(1.25);
    },
  );
});

describe('CodeCarbon', () => {
  test.skipIf(!has('codecarbon'))(
    'sends its totals to the webhook: they are what its file says',
    LONG,
    async () => {
      const { door, url } = await listening();
      const out = join(folder, 'codecarbon');
      await runPython(
        `
os.makedirs(sys.argv[3], exist_ok=True)
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(project_name="hook", country_iso_code="FRA", emissions_endpoint=sys.argv[2], output_dir=sys.argv[3],
    measure_power_secs=1, log_level="error", allow_multiple_runs=True, pue=1.5)
tracker.start()
time.sleep(5)
tracker.stop()
`,
        [join(folder, 'rapl-cc'), `${url}/v1/nodes/n1/codecarbon/webhook`, out],
      );
      const [claim, ...more] = door.records.flatMap((record) =>
        record.kind === 'claim' ? [record] : [],
      );
      expect(more).toEqual([]);
      const reading = TRACKERS.codecarbon(readFileSync(join(out, 'emissions.csv'), 'utf8'), {
        name: 'emissions.csv',
        zone: undefined,
        pueRatio: undefined,
        stepS: undefined,
      });
      const [row] = isRefusal(reading) ? [] : reading.claims;
      if (!claim || !row || isRefusal(row)) throw new Error('no claim');
      // PUE is off in both.
      const rowJ = row.measured.get('cpu')?.energyJ ?? NaN;
      expect((claim.cpu_kwh * 3.6e6) / rowJ).toBeCloseTo(1, 3);
      const lengthNs = BigInt(claim.until_ns) - BigInt(claim.from_ns);
      expect(Math.abs(Number(lengthNs - (row.untilNs - row.fromNs)) / 1e9)).toBeLessThan(0.1);
    },
  );
});

const claimsIn = (tracker: keyof typeof TRACKERS, path: string, pueRatio?: number): Claim[] => {
  const told = { name: 'x', zone: undefined, pueRatio, stepS: undefined };
  const reading = TRACKERS[tracker](readFileSync(path, 'utf8'), told);
  if (isRefusal(reading)) throw new Error(reading.because);
  return reading.claims.flatMap((claim) => (isRefusal(claim) ? [] : [claim]));
};

describe('CarbonTracker', () => {
  test.skipIf(!has('carbontracker'))(
    'its log is its own consumption without the PUE, and the chips that we made',
    LONG,
    async () => {
      const out = join(folder, 'carbontracker');
      await runPython(
        `
import carbontracker.components.cpu.intel as intel
intel.RAPL_DIR = root + "/"
# It has one zone per processor: the platform is not one of them.
import shutil; zones.pop(); time.sleep(0.2); shutil.rmtree(os.path.join(root, "intel-rapl:1"))
from carbontracker.tracker import CarbonTracker
tracker = CarbonTracker(epochs=2, monitor_epochs=2, components="cpu", log_dir=sys.argv[2], verbose=0)
for _ in range(2):
    tracker.epoch_start()
    time.sleep(5)
    tracker.epoch_end()
tracker.stop()
`,
        [join(folder, 'rapl-ct'), out],
      );
      const files = readdirSync(out);
      const log = files.find((name) => name.endsWith('_carbontracker.log')) ?? '';
      const output = files.find((name) => name.endsWith('_output.log')) ?? '';
      const claims = claimsIn('carbontracker', join(out, log));
      expect(claims).toHaveLength(2);
      const claimedJ = claims.reduce(
        (sum, each) => sum + [...each.measured.values()].reduce((all, one) => all + one.energyJ, 0),
        0,
      );
      const actual = readFileSync(join(out, output), 'utf8').split('Actual consumption')[1] ?? '';
      const kwh = Number(/Energy:\s+([\d.]+) kWh/.exec(actual)?.[1]);
      expect(claimedJ / ((kwh * 3.6e6) / 1.58)).toBeCloseTo(1, 2);
      const lengthS = claims.reduce(
        (sum, each) => sum + Number(each.untilNs - each.fromNs) / 1e9,
        0,
      );
      expect(claimedJ / lengthS / 100).toBeGreaterThan(0.85);
      expect(claimedJ / lengthS / 100).toBeLessThan(1.3);
    },
  );
});

describe('Eco2AI', () => {
  test.skipIf(!has('eco2ai'))(
    'its row is one claim, the PUE that it was given off',
    LONG,
    async () => {
      const path = join(folder, 'emission.csv');
      await runPython(
        `
from eco2ai import Tracker
tracker = Tracker(project_name="real", experiment_description="busy", file_name=sys.argv[2], measure_period=2,
    alpha_2_code="FR", pue=1.5, ignore_warnings=True)
tracker.start()
end = time.time() + 6
while time.time() < end: sum(range(1000))
tracker.stop()
`,
        [join(folder, 'rapl-eco'), path],
      );
      const [header = '', row = ''] = readFileSync(path, 'utf8').split('\n');
      const kwh = Number(row.split(',')[header.split(',').indexOf('power_consumption(kWh)')]);
      expect(kwh).toBeGreaterThan(0);
      const [claim, ...more] = claimsIn('eco2ai', path, 1.5);
      expect(more).toEqual([]);
      expect(claim?.measured.get('total')?.energyJ).toBeCloseTo((kwh * 3.6e6) / 1.5, 6);
      expect(claim?.application).toBe('real');
    },
  );
});
