// A meter that pushes SML over a serial line, in the whole service: intervals are the register to the µJ, also when the
// adapter is pulled out and comes back, and nobody restarts anything.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { stringify } from 'yaml';
import { findProgram, testWith } from '../real-programs.ts';
import { AdapterLine, PushingMeter } from '../transport/push-bench.ts';
import { smlReading } from '../transport/push-frames.ts';
import { runTrueup, startTrueup } from './stack.ts';

const socat = findProgram('socat');
const started: { end: () => unknown }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

/** 0.1 Wh in µJ. */
const TENTH_UJ = 360_000_000n;

testWith({ socat })(
  'intervals of a pushing meter are its register, through an adapter that goes and comes back',
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trueup-push-'));
    started.push({ end: () => rm(folder, { recursive: true, force: true }) });
    // A tenth of a watt-hour each 15 ms is 24 kW.
    const first = 98_765_432n;
    let newest = first;
    const meter = new PushingMeter((number) => {
      newest = first + BigInt(number);
      return smlReading(newest, 24_000n);
    });
    started.push({ end: () => meter.end() });
    const line = new AdapterLine(socat ?? 'socat', await meter.listen());
    started.push({
      end: () => {
        line.remove();
      },
    });
    await line.plugIn();
    const siteFile = join(folder, 'site.yaml');
    const dataDir = join(folder, 'data');
    await writeFile(
      siteFile,
      stringify({
        site: 'cellar',
        interval: '2s',
        listen: '127.0.0.1:0',
        wires: { head: { transport: 'serial-push', path: line.path, baud: 115200 } },
        instruments: { house: { profile: 'sml-ehz', wire: 'head' } },
        points: { 'feed/house': { meter: 'house' } },
      }),
    );
    const service = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
    started.push({ end: () => service.end() });
    const settled = (): Record<string, unknown>[] =>
      service.events.filter(
        ({ event, quality }) =>
          event === 'settled' && quality !== 'missing' && quality !== 'provisional',
      );
    const settledMore = async (count: number): Promise<void> => {
      const enough = settled().length + count;
      await service.waitFor(() => settled().length >= enough, 60_000);
    };
    await settledMore(2);
    await line.unplug();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await line.plugIn();
    await settledMore(4);
    expect(await service.end('SIGTERM'), service.lines.join('\n')).toBe(0);

    const ended = service.events.find(({ event }) => event === 'ended');
    const [edges] = ended?.['remainders'] as Record<string, string>[];
    const byStart = new Map(
      settled().map((row) => [String(row['start']), BigInt(String(row['energy_uj']))]),
    );
    const sum = [...byStart.values()].reduce((total, each) => total + each, 0n);
    const from = BigInt(edges!['register_from_uj']!);
    const until = BigInt(edges!['register_until_uj']!);
    expect(sum + BigInt(edges!['head_uj']!) + BigInt(edges!['tail_uj']!)).toBe(until - from);
    expect(from).toBeGreaterThanOrEqual(first * TENTH_UJ);
    expect(until).toBeLessThanOrEqual(newest * TENTH_UJ);
    const verified = await runTrueup('ledger', 'verify', dataDir);
    expect(verified.code, verified.lines.join('\n')).toBe(0);
  },
);
