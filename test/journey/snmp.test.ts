// The whole service on an SNMP agent: a Xerus inlet whose energy counter runs, settled in intervals that are the counter's
// own difference, from records in which no secret stands.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { runSite } from '../../src/main.ts';
import type { SettledRow } from '../../src/serve/rack-view.ts';
import { ScriptedAgent } from '../simulators/snmp-agent.ts';
import { until } from '../transport/wire-bench.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const COMMUNITY = 'a-community-that-is-secret';
/** 10 Wh for every second: 36 kW. */
const WH_PER_S = 10;

test('an SNMP inlet is settled by its counter', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-snmp-run-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const beganMs = Date.now();
  const whNow = (): number => 1_000_000 + Math.floor(((Date.now() - beganMs) / 1000) * WH_PER_S);
  const sensor = (oid: string): string | undefined => {
    const match = /^1\.3\.6\.1\.4\.1\.13742\.6\.(5\.2\.3|3\.3\.4)\.1\.(\d+)\.1\.1\.(5|8)$/.exec(
      oid,
    );
    if (oid === '1.3.6.1.2.1.1.3.0') return 'timeticks 4711';
    if (!match) return undefined;
    const [, table, column, type] = match;
    if (table === '5.2.3' && column === '2') return 'integer 1';
    if (table === '5.2.3') return `unsigned32 ${type === '8' ? whNow() : 3600 * WH_PER_S}`;
    return column === '7' ? 'unsigned32 0' : `integer ${type === '8' ? 5 : 3}`;
  };
  const agent = new ScriptedAgent(COMMUNITY, sensor);
  const port = await agent.listen();
  onTestFinished(() => agent.close());
  vi.stubEnv('PDU_COMMUNITY', COMMUNITY);
  const profiles = loadProfiles();
  const site = parseSite(
    `site: hall-2
interval: 5s
settle_after: 5s
listen: 127.0.0.1:0
wires:
  pdu: { transport: snmp, host: 127.0.0.1, port: ${port}, version: 2c, community_env: PDU_COMMUNITY }
instruments:
  inlet: { profile: raritan-px, wire: pdu, inlet: 1 }
points:
  feed/a: { meter: inlet }
`,
    'site.yaml',
    profiles,
  );
  const rows: SettledRow[] = [];
  const running = await runSite(site, {
    clock: systemClock(),
    clockState: () => ({ synchronised: true, uncertaintyS: 0.001 }),
    timers: systemTimers,
    dataDir: join(folder, 'kept'),
    profiles,
    core: 'test',
    seed: 1,
    report: {
      settled: (more) => rows.push(...more),
      fitted: () => undefined,
      refreshed: () => undefined,
      note: () => undefined,
    },
    fail: (cause) => {
      throw cause;
    },
  });
  const metered = (): SettledRow[] =>
    rows.filter(({ point, quality }) => point === 'feed/a' && quality === 'actual');
  await until(
    () => metered().length >= 2,
    90_000,
    `nothing was settled: ${JSON.stringify(rows.map(({ quality }) => quality))}`,
  );
  const remainders = await running.stop();
  const [whole] = remainders;
  expect(whole?.last.energyUj).toBeGreaterThan(whole?.first.energyUj ?? 0n);
  // 36 kW for 5 s are 180 kJ; the counter moves in steps of 3.6 kJ.
  for (const { energyUj } of metered()) expect(Number(energyUj) / 1e6).toBeCloseTo(180_000, -4.5);
  const journal = readdirSync(join(folder, 'kept/journal')).map((name) =>
    readFileSync(join(folder, 'kept/journal', name)),
  );
  expect(Buffer.concat(journal).includes('1.3.6')).toBe(false);
  expect(Buffer.concat(journal).includes(Buffer.from('2b060104', 'hex'))).toBe(true);
  const everything = readdirSync(join(folder, 'kept'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  expect(everything.some((bytes) => bytes.includes(COMMUNITY))).toBe(false);
});
