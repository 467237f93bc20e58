// An unmodified CodeCarbon from PyPI, talking to our door as it talks to its own server. Where it is not installed the test is
// skipped by name; .ci/run makes its environment where PyPI can be reached, and the captured requests are replayed everywhere.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { instantNs } from '../../src/quantity/time.ts';
import { appOf } from './test-app.ts';
import { fakeDoor } from './fake-door.ts';

const python = join(
  process.env['TRUEUP_TRACKERS'] ?? join(import.meta.dirname, '../../.cache/trackers'),
  'bin/python',
);
const folder = mkdtempSync(join(tmpdir(), 'trueup-codecarbon-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const SCRIPT = `
import sys, time
from codecarbon import EmissionsTracker
tracker = EmissionsTracker(project_name="real", experiment_id="e1", save_to_api=True, api_endpoint=sys.argv[1],
    api_key="k", measure_power_secs=1, api_call_interval=3, output_dir=sys.argv[2], log_level="error", allow_multiple_runs=True)
tracker.start()
time.sleep(8)
tracker.stop()
`;

test.skipIf(!existsSync(python))(
  'CodeCarbon 3.3 from PyPI: its messages are kept, and add up to what its file says',
  { timeout: 120_000 },
  async () => {
    const door = fakeDoor();
    const beganNs = BigInt(Date.now()) * 1_000_000n;
    Object.assign(door.sources, { nowNs: () => instantNs(BigInt(Date.now()) * 1_000_000n) });
    const app = appOf({ activity: door });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const child = spawn(python, ['-c', SCRIPT, `${url}/v1/nodes/n1/codecarbon`, folder], {
      stdio: 'ignore',
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
    const claims = door.records.flatMap((record) => (record.kind === 'claim' ? [record] : []));
    expect(claims.length).toBeGreaterThanOrEqual(2);
    expect(claims.every(({ until_ns }) => BigInt(until_ns) > beganNs)).toBe(true);
    const [header = '', row = ''] = readFileSync(join(folder, 'emissions.csv'), 'utf8').split('\n');
    const cpuKwh = Number(row.split(',')[header.split(',').indexOf('cpu_energy')]);
    const sum = claims.reduce((total, { cpu_kwh }) => total + cpu_kwh, 0);
    // What it measures within its last second it does not send.
    expect(sum).toBeLessThanOrEqual(cpuKwh * 1.001);
    expect(sum).toBeGreaterThan(cpuKwh * 0.6);
  },
);
