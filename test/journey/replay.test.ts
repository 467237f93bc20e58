// Recorded runs through the whole product: the recording drives registers of rehearsed meters, and what settles is what
// was recorded, to the µJ; a hole is reported, and the raw gap of a real machine comes out as its authors measured it.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shared } from '../fixtures.ts';
import { freePort } from '../real-programs.ts';
import { type Event, startTrueup } from './stack.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trueup-replay-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function replay(recording: string, data: string): Promise<readonly Event[]> {
  const listen = `127.0.0.1:${String(await freePort())}`;
  const program = startTrueup(
    ...['rehearse', '--replay', recording, '--speed', '60', '--json'],
    ...['--data', join(folder, data), '--listen', listen],
  );
  try {
    expect(await program.ended, program.lines.join('\n')).toBe(0);
  } finally {
    program.child.kill('SIGKILL');
  }
  return program.events;
}

interface Remainder {
  readonly point: string;
  readonly meter: string;
  readonly from: string;
  readonly until: string;
  readonly register_from_uj: string;
  readonly register_until_uj: string;
  readonly head_uj: string;
  readonly tail_uj: string;
}

/** Newest energy of each settled interval of a point and kind, by start. */
function settled(events: readonly Event[], point: string, kind: string): Map<string, bigint> {
  const newest = new Map<string, bigint>();
  for (const each of events) {
    if (each.event !== 'settled' || each['point'] !== point || each['kind'] !== kind) continue;
    if (typeof each['energy_uj'] === 'string') {
      newest.set(String(each['start']), BigInt(each['energy_uj']));
    } else newest.delete(String(each['start']));
  }
  return newest;
}
const sum = (energies: Iterable<bigint>): bigint => [...energies].reduce((a, b) => a + b, 0n);

/** Intervals and edges of each feed are its register; returns what the registers counted, by point. */
function checkSums(events: readonly Event[]): Map<string, bigint> {
  const ended = events.find(({ event }) => event === 'ended');
  const counted = new Map<string, bigint>();
  for (const each of (ended?.['remainders'] ?? []) as Remainder[]) {
    const registerUj = BigInt(each.register_until_uj) - BigInt(each.register_from_uj);
    const inside = [...settled(events, each.point, 'metered')]
      .filter(([start]) => start >= each.from && start < each.until)
      .map(([, energyUj]) => energyUj);
    expect(BigInt(each.head_uj) + sum(inside) + BigInt(each.tail_uj), each.point).toBe(registerUj);
    const truth = events.find((t) => t.event === 'truth' && t['meter'] === each.meter);
    const firstUj = BigInt(String(truth?.['register_from_uj']));
    const lastUj = BigInt(String(truth?.['register_until_uj']));
    expect(BigInt(each.register_from_uj)).toBeGreaterThanOrEqual(firstUj);
    expect(BigInt(each.register_until_uj)).toBeLessThanOrEqual(lastUj);
    counted.set(each.point, lastUj - firstUj);
  }
  return counted;
}

/** 1 - chips / wall over the intervals in which both are known. */
function rawGapRatio(events: readonly Event[], node: string): number {
  const wall = settled(events, node, 'metered');
  const chip = settled(events, node, 'chip');
  const both = [...wall.keys()].filter((start) => chip.has(start));
  expect(both.length).toBeGreaterThan(0);
  const wallUj = sum(both.map((start) => wall.get(start) ?? 0n));
  return 1 - Number(sum(both.map((start) => chip.get(start) ?? 0n))) / Number(wallUj);
}

const stamp = (atS: number): string => new Date(1_767_225_600_000 + 1000 * atS).toISOString();

/** Six minutes of two feeds, a counting and a drawing chip, with 90 s in the middle that nobody recorded. */
async function smallRecording(): Promise<string> {
  const run = join(folder, 'small', 'run-1');
  await mkdir(run, { recursive: true });
  const meter = ['time,source,quantity,value'];
  const chips = ['time,source,quantity,value'];
  let energyJ = 5000;
  for (let atS = 0; atS <= 450; atS += 1) {
    const loadW = atS % 60 < 30 ? 300 : 100;
    energyJ += loadW;
    if (atS > 200 && atS < 290) continue;
    meter.push(`${stamp(atS)},wall-a,power_w,${String(100 + 0.6 * loadW)}`);
    meter.push(`${stamp(atS)},wall-b,power_w,${String(80 + 0.6 * loadW)}`);
    chips.push(`${stamp(atS)},rapl:package-0,energy_j,${String(energyJ)}`);
    chips.push(`${stamp(atS)},nvml:GPU-0,power_w,50`);
  }
  await writeFile(join(run, 'meter.csv'), `${meter.join('\n')}\n`);
  await writeFile(join(run, 'chips.csv'), `${chips.join('\n')}\n`);
  return join(folder, 'small');
}

test(
  'a small recording of two feeds settles to what was recorded',
  { timeout: 60_000 },
  async () => {
    const events = await replay(await smallRecording(), 'small-data');
    const gap = events.find(({ line }) => /hole of 90 s/.test(String(line)));
    expect(gap, 'the hole is reported').toBeDefined();
    const counted = checkSums(events);
    expect([...counted.keys()].sort()).toEqual(['feed/wall-a', 'feed/wall-b']);
    // 200 s before the hole and 160 s behind it; the register shows whole watt-hours.
    const loads = (fromS: number, untilS: number): number => {
      let energyJ = 0;
      for (let atS = fromS + 1; atS <= untilS; atS += 1) energyJ += atS % 60 < 30 ? 300 : 100;
      return energyJ;
    };
    const loadJ = loads(0, 200) + loads(290, 450);
    for (const [point, baseW] of [
      ['feed/wall-a', 100],
      ['feed/wall-b', 80],
    ] as const) {
      const missingJ = baseW * 360 + 0.6 * loadJ - Number(counted.get(point)) / 1e6;
      expect(missingJ, point).toBeGreaterThan(-1);
      expect(missingJ, point).toBeLessThan(3600);
    }
  },
);

const recorded = shared('data', 'dgx1-v100');
test.skipIf(recorded === undefined)(
  'the first run of dgx1-v100 shows the raw gap that was measured on it',
  { timeout: 180_000 },
  async () => {
    const set = recorded ?? '';
    const firstRun = readdirSync(set, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort()[0];
    const cut = join(folder, 'dgx1');
    await mkdir(cut);
    await symlink(join(set, 'set.json'), join(cut, 'set.json'));
    await symlink(join(set, firstRun ?? ''), join(cut, firstRun ?? ''));
    const events = await replay(cut, 'dgx1-data');
    checkSums(events);
    const ratio = rawGapRatio(events, 'node/node1');
    console.log(`dgx1-v100 ${firstRun ?? ''}: raw gap ${(100 * ratio).toFixed(1)} %`);
    expect(ratio).toBeGreaterThan(0.3);
    expect(ratio).toBeLessThan(0.34);
  },
);
