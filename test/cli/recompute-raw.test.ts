// A Python program that shares no code with us recomputes a month of statements from the raw bytes of the journal, to the
// microjoule; and any changed byte voids it.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import type { SettledRow } from '../../src/serve/rack-view.ts';
import { temporaryFolder } from '../ledger/samples.ts';
import { findPython, testWith } from '../real-programs.ts';
import { VirtualSite } from './virtual-site.ts';

const folder = temporaryFolder();
// A month where nobody waits for it; elsewhere all that goes wrong in it, and a day more.
const DAYS = Number(process.env['TRUEUP_DAYS'] ?? (process.env['CI'] === undefined ? 10 : 30));
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const between =
  (fromS: number, untilS: number) =>
  (second: number): boolean =>
    second >= fromS && second < untilS;
const site = new VirtualSite(join(folder, 'data'), {
  // Forty minutes without a meter, and on another day an hour and a half.
  isSilent: (second) =>
    between(3 * DAY_S + 10 * HOUR_S, 3 * DAY_S + 10 * HOUR_S + 2400)(second) ||
    between(5 * DAY_S, 5 * DAY_S + 5400)(second),
  isZero: between(6 * DAY_S + 7 * HOUR_S, 6 * DAY_S + 7 * HOUR_S + 60),
  rebootsAt: 8 * DAY_S + 11 * HOUR_S,
});
const python = findPython('hashlib');
const program = join(import.meta.dirname, '../independent/recompute_raw.py');
const recompute = (...argv: string[]): string =>
  execFileSync(python ?? '', [program, ...argv], { encoding: 'utf8', stdio: 'pipe' });

const rows: SettledRow[] = [];

// The service is stopped and started every twenty hours: less than what it looks back at.
beforeAll(async () => {
  for (let part = 0; part < Math.round(DAYS * 1.2); part++) {
    rows.push(...(await site.live(20 * HOUR_S)));
  }
}, 900_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

testWith({ python })(
  'a Python program recomputes a month from raw bytes, to the µJ',
  { timeout: 600_000 },
  async () => {
    const said: string[] = [];
    const out = join(folder, 'month.csv');
    const until = new Date(Date.UTC(2026, 9, 1 + DAYS)).toISOString();
    const code = await main(
      [
        ...['export', '--data', site.dataDir, '--from', '2026-10-01', '--to', until],
        ...['--out', out, '--provisional'],
      ],
      {
        out: (line) => said.push(line),
        err: (line) => said.push(line),
        interactive: false,
        widthCount: 120,
      },
    );
    expect(code, said.join('\n')).toBe(0);
    const found = JSON.parse(recompute(site.dataDir, out)) as Record<string, number>;
    // Two feeds and the node; a few intervals at the very beginning and end have no number yet.
    expect(found['metered']).toBeGreaterThanOrEqual(3 * (96 * DAYS - 8));
    expect(found['chip']).toBeGreaterThan(95 * DAYS - 10);
    expect(found['corrected']).toBeGreaterThan(90 * (DAYS - 1));
    expect(found['rows']).toBeGreaterThan(4 * 90 * DAYS);
    expect(found['provisional']).toBeLessThan(8);
    // The silence of a meter was bridged by the chips behind it, between its own counts.
    expect(rows.filter(({ quality }) => quality === 'scaled').length).toBeGreaterThan(4);
  },
);

testWith({ python })('a changed byte of a reading voids it', { timeout: 600_000 }, () => {
  const copy = join(folder, 'copy');
  cpSync(site.dataDir, copy, { recursive: true });
  const [segment = ''] = readdirSync(join(copy, 'journal')).sort();
  const path = join(copy, 'journal', segment);
  const bytes = readFileSync(path);
  // The last byte of some reading of the first meter.
  const at = bytes.indexOf(Buffer.from([1, 4, 4]), Math.floor(bytes.length / 2)) + 6;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  let said = '';
  try {
    recompute(copy);
  } catch (failure) {
    said = String((failure as { stdout?: unknown }).stdout);
  }
  expect(said).toContain('is not what was sealed');
});
