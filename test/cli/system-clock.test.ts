// The civil clock of the service: it follows slewing, never goes back for it, and tells a step once.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { rehearsalClock, systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { readLedger } from '../../src/ledger/index.ts';
import { runSite } from '../../src/main.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';

let hostMs = 0;
let monotonicNs = 0n;
beforeEach(() => {
  hostMs = 1_790_000_000_000;
  monotonicNs = 5_000_000_000n;
  vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(hostMs));
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => monotonicNs);
});
afterEach(() => {
  vi.restoreAllMocks();
});
const passMs = (realMs: number, civilMs = realMs): void => {
  monotonicNs += BigInt(Math.round(realMs * 1e6));
  hostMs += civilMs;
};

test('it has the resolution of the monotonic clock', () => {
  const clock = systemClock();
  const startNs = clock.nowNs();
  monotonicNs += 1_234n;
  expect(clock.nowNs() - startNs).toBe(1_234n);
});

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
  ['a little', 150],
  ['a little back', -150],
])('a step %s is adopted and told once, by how much', (_name, stepMs) => {
  const steps: bigint[] = [];
  const clock = systemClock((by) => steps.push(by));
  passMs(1000);
  const beforeNs = clock.nowNs();
  passMs(1000, 1000 + stepMs);
  const afterNs = clock.nowNs();
  expect(steps).toEqual([BigInt(stepMs) * 1_000_000n]);
  expect(afterNs - beforeNs).toBe(BigInt(1000 + stepMs) * 1_000_000n);
  passMs(1000);
  expect(clock.nowNs() - afterNs).toBe(1_000_000_000n);
  expect(steps).toHaveLength(1);
});

test('slewing is followed without a step, and the clock never goes back for it', () => {
  const steps: bigint[] = [];
  const clock = systemClock((by) => steps.push(by));
  let latestNs = clock.nowNs();
  for (let second = 0; second < 3600; second += 1) {
    // 500 ppm is what the kernel slews at most; now this way, now that.
    passMs(1000, second % 600 < 300 ? 1000.5 : 999.5);
    const nowNs = clock.nowNs();
    expect(nowNs >= latestNs).toBe(true);
    const offNs = nowNs - BigInt(Math.floor(hostMs * 1e6));
    expect(offNs < 4_000_000n && offNs > -4_000_000n).toBe(true);
    latestNs = nowNs;
  }
  expect(steps).toEqual([]);
});

test('a rehearsal runs on the monotonic clock alone, as fast as it says', () => {
  const anchor = { civilNs: instantNs(1_790_000_000_000_000_000n), monotonicNs, speedRatio: 20 };
  const clock = rehearsalClock(anchor);
  passMs(1000, -99_999_999);
  expect(clock.nowNs() - anchor.civilNs).toBe(20_000_000_000n);
});

test('a step stands in the journal, with its size', async () => {
  vi.restoreAllMocks();
  const dataDir = await mkdtemp(join(tmpdir(), 'trueup-step-'));
  try {
    const site = parseSite(
      'site: t\nlisten: 127.0.0.1:0\nwires: {}\ninstruments: {}\n',
      'site.yaml',
    );
    const nothing = (): void => undefined;
    const running = await runSite(site, {
      clock: systemClock(),
      clockState: () => ({ synchronised: true, uncertaintyS: 0.01 }),
      timers: systemTimers,
      dataDir,
      profiles: loadProfiles(),
      core: 'test',
      seed: 1,
      report: { settled: nothing, fitted: nothing, refreshed: nothing, note: nothing },
      fail: (cause) => {
        throw cause;
      },
    });
    running.clockStepped(durationNs(-3_600_000_000_000n));
    await running.stop();
    const ledger = await readLedger(dataDir);
    const events: [string, string | undefined][] = [];
    for await (const records of ledger.records(0)) {
      for (const record of records) {
        if (record.is !== 'event') continue;
        events.push([record.event.kind, record.event.detail['stepped_by_ns']]);
      }
    }
    ledger.close();
    expect(events).toEqual([
      ['start', undefined],
      ['clock', '-3600000000000'],
      ['stop', undefined],
    ]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
