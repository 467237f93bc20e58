// Recorded runs played through a rehearsed meter: exact energy, holes skipped and told, faults with file and line.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import ModbusRTU from 'modbus-serial';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SiteFault } from '../../src/quantity/fault.ts';
import { instantNs, parseInstant } from '../../src/quantity/time.ts';
import { countOf } from '../../src/rehearse/machine.ts';
import { loadReplay } from '../../src/rehearse/replay-files.ts';
import { replayMachines } from '../../src/rehearse/replay-machine.ts';
import { replayTimeline } from '../../src/rehearse/replay-track.ts';
import { shared } from '../fixtures.ts';
import { START_NS, startTestRack } from './rehearsal-rig.ts';

const at = (second: number): string => new Date(1_700_000_000_000 + second * 1000).toISOString();
const csv = (rows: string[]): string => ['time,source,quantity,value', ...rows, ''].join('\n');

/** Two wall outlets, a package as power, a chip as counter; a hole of 100 s in outlet-2 from second 60. */
function writeRun(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const meter: string[] = [];
  const chips: string[] = [];
  for (let second = 0; second <= 240; second += 1) {
    meter.push(`${at(second)},outlet-1,power_w,${100 + (second % 7)}`);
    if (second <= 60 || second >= 160) meter.push(`${at(second)},outlet-2,power_w,200.5`);
    meter.push(`${at(second)},bmc,power_w,9999`);
    chips.push(`${at(second + 0.25)},rapl:package-0,power_w,80`);
    chips.push(`${at(second + 0.25)},rapl:core,power_w,20`);
    chips.push(`${at(second + 0.5)},nvml:0,energy_j,${1000 + 50 * second}`);
    chips.push(`${at(second + 0.5)},nvml:0,power_w,51`);
  }
  writeFileSync(join(folder, 'meter.csv.gz'), gzipSync(csv(meter)));
  writeFileSync(join(folder, 'chips.csv'), csv(chips));
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'replay-'));

test('sources without set.json, gzip and plain, counters before powers', async () => {
  const root = folder();
  writeRun(join(root, 'b'));
  const [run, ...others] = await loadReplay(root);
  expect(others).toEqual([]);
  expect([...run!.meters.keys()]).toEqual(['outlet-1', 'outlet-2']);
  expect([...run!.chips].map(([source, { role, quantity }]) => [source, role, quantity])).toEqual([
    ['rapl:package-0', 'sum', 'power_w'],
    ['rapl:core', 'part', 'power_w'],
    ['nvml:0', 'sum', 'energy_j'],
  ]);
});

test('set.json decides what is the wall, what adds up and what contains what', async () => {
  const root = folder();
  writeRun(join(root, 'b'));
  const rules = {
    meter: { sources: ['bmc'] },
    chips: { sum_of: ['nvml:0'], whole: 'rapl:package-0', part_of: { 'rapl:core': 'x' } },
  };
  writeFileSync(join(root, 'set.json'), JSON.stringify(rules));
  const [run] = await loadReplay(join(root, 'b'));
  expect([...run!.meters.keys()]).toEqual(['bmc']);
  expect([...run!.chips.values()].map(({ role }) => role)).toEqual(['whole', 'part', 'sum']);
});

test('only the time that all sources share is played; a hole over a minute is skipped and told', async () => {
  const root = folder();
  writeRun(root);
  const timeline = replayTimeline(await loadReplay(root));
  const spans = timeline.segments.map(({ fromNs, untilNs }) => [fromNs, untilNs]);
  expect(spans).toEqual([
    [parseInstant(at(0.5)), parseInstant(at(60))],
    [parseInstant(at(160)), parseInstant(at(240))],
  ]);
  expect(timeline.lengthNs).toBe(139_500_000_000n);
  expect(timeline.gaps).toEqual([
    expect.stringMatching(/hole of 100 s from 2023-11-14T22:14:20Z skipped/),
  ]);
});

test('the energy of feeds and chips is that of the recording, to the microjoule', async () => {
  const root = folder();
  writeRun(root);
  const replay = replayMachines(await loadReplay(root));
  const [machine] = replay.machines;
  machine!.step(instantNs(START_NS + 10_000_000_000n));
  expect(machine!.awake).toBe(false);
  expect(machine!.feeds.map((feed) => feed.energyUj)).toEqual([0n, 0n]);
  replay.begin(instantNs(START_NS + 20_000_000_000n));
  const played = (seconds: number): bigint[] => {
    machine!.step(instantNs(START_NS + BigInt(Math.round((20 + seconds) * 1000)) * 1_000_000n));
    return [...machine!.feeds.map((feed) => feed.energyUj), ...machine!.chips.map(countOf)];
  };
  // Half a second of the sample that ends at second 1 (101 W), then whole ones.
  expect(played(0.5)[0]).toBe(50_500_000n);
  expect(played(1.5)[0]).toBe(152_500_000n);
  expect(machine!.awake).toBe(true);
  const wholeUj = (seconds: number[]): bigint =>
    seconds.reduce((sum, second) => sum + BigInt(100 + (second % 7)) * 1_000_000n, 0n);
  const seconds = [
    ...Array.from({ length: 59 }, (_, index) => index + 2),
    ...Array.from({ length: 80 }, (_, index) => index + 161),
  ];
  const [outlet1, outlet2, packageUj, , nvmlMj] = played(1000);
  expect(outlet1).toBe(50_500_000n + wholeUj(seconds));
  expect(outlet2).toBe((139_500_000n * 401n) / 2n);
  // 80 W on a register of 61 035 nJ.
  expect(packageUj).toBe((((80n * 139_500_000n * 1000n) / 61_035n) * 61_035n) / 1000n);
  expect(nvmlMj).toBe(1_000_000n + 50n * 139_500n);
  expect(machine!.awake).toBe(false);
});

test('a replayed rack: waits for its first reader, plays, and ends with registers exact to their quantum', async () => {
  const root = folder();
  writeRun(root);
  const rack = await startTestRack(60, { replay: await loadReplay(root) });
  expect(rack.trouble).toHaveLength(1);
  expect(rack.nodes).toEqual([
    {
      id: 'node1',
      type: 'replayed',
      fedBy: ['feed/outlet-1', 'feed/outlet-2'],
      meters: ['m-outlet-1', 'm-outlet-2'],
      chipSources: ['rapl:package-0', 'nvml:0'],
    },
  ]);
  const site = parse(rack.siteText) as {
    wires: { pdu: { port: number } };
    nodes: { node1: { chip_sources: string[] } };
  };
  expect(site.nodes.node1.chip_sources).toEqual(['rapl:package-0', 'nvml:0']);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(rack.playedRatio()).toBe(0);
  const client = new ModbusRTU.default();
  await client.connectTCP('127.0.0.1', { port: site.wires.pdu.port });
  client.setID(1);
  await client.readHoldingRegisters(3203, 4);
  await rack.finished;
  expect(rack.playedRatio()).toBe(1);
  for (const { firstRegisterUj, lastRegisterUj, energyUj, quantumUj } of rack.truth().values()) {
    expect(energyUj > 10_000_000_000n).toBe(true);
    expect(lastRegisterUj).toBe(((firstRegisterUj + energyUj) / quantumUj) * quantumUj);
  }
  await new Promise<void>((resolve) => {
    client.close(() => {
      resolve();
    });
  });
  await rack.stop();
});

test.each([
  ['no folder', undefined, /there is no such folder/],
  ['no run in it', {}, /no folder here holds/],
  ['header', { 'meter.csv': 'a,b\n', 'chips.csv': csv([]) }, /meter\.csv:1: the header/],
  [
    'time',
    {
      'meter.csv': csv([`${at(0)},wall,power_w,1`, 'yesterday,wall,power_w,1']),
      'chips.csv': csv([]),
    },
    /meter\.csv:3: "yesterday/,
  ],
  ['number', { 'meter.csv': csv([`${at(0)},wall,power_w,NaN`]), 'chips.csv': csv([]) }, /csv:2/],
  ['gzip', { 'meter.csv.gz': 'plain', 'chips.csv': csv([]) }, /no gzip file/],
  ['set.json', { 'meter.csv': csv([]), 'chips.csv': csv([]), 'set.json': '{' }, /no JSON/],
] as [string, Record<string, string> | undefined, RegExp][])(
  'what is no recording is refused with its place: %s',
  async (_name, files, message) => {
    const root = files === undefined ? join(folder(), 'absent') : folder();
    for (const [name, text] of Object.entries(files ?? {})) writeFileSync(join(root, name), text);
    await expect(loadReplay(root)).rejects.toThrow(SiteFault);
    await expect(loadReplay(root)).rejects.toThrow(message);
  },
);

test('runs in which meter and chips share no time are refused', async () => {
  const root = folder();
  writeFileSync(
    join(root, 'meter.csv'),
    csv([0, 1, 2].map((second) => `${at(second)},wall,power_w,1`)),
  );
  writeFileSync(
    join(root, 'chips.csv'),
    csv([50, 51].map((second) => `${at(second)},nvml:0,power_w,1`)),
  );
  const runs = await loadReplay(root);
  expect(() => replayMachines(runs)).toThrow(/share no time/);
});

const dgx = shared('data', 'dgx1-v100');
test.skipIf(dgx === undefined)(
  'the recorded 8-GPU node: its gap is that of the recording',
  async () => {
    const runs = await loadReplay(dgx!);
    expect(runs).toHaveLength(6);
    const replay = replayMachines(runs);
    replay.begin(START_NS);
    const [machine] = replay.machines;
    const firstUj = machine!.chips.map((chip) => chip.energyUj);
    machine!.step(replay.endsNs!);
    const wallUj = Number(machine!.feeds[0]!.energyUj);
    const chipsUj = machine!.chips.reduce(
      (sum, chip, i) => sum + Number(chip.energyUj - firstUj[i]!),
      0,
    );
    expect(machine!.chips).toHaveLength(12);
    expect(1 - chipsUj / wallUj).toBeGreaterThan(0.3);
    expect(1 - chipsUj / wallUj).toBeLessThan(0.34);
  },
);

const ac922 = shared('data', 'ac922-pdu');
test.skipIf(ac922 === undefined)(
  'the recorded node on two outlets: counters pass as they are',
  async () => {
    const replay = replayMachines(await loadReplay(ac922!));
    const [machine] = replay.machines;
    expect(machine!.meterSources).toEqual(['outlet-1', 'outlet-2']);
    expect(machine!.sumSources).not.toContain('occ:system-bulk');
    expect(machine!.chips.map(({ source }) => source)).toContain('occ:system-bulk');
    replay.begin(START_NS);
    machine!.step(replay.endsNs!);
    const sumUj = machine!.chips
      .filter(({ source }) => machine!.sumSources.includes(source))
      .reduce((sum, { energyUj }) => sum + Number(energyUj), 0);
    const wallUj = machine!.feeds.reduce((sum, { energyUj }) => sum + Number(energyUj), 0);
    expect(1 - sumUj / wallUj).toBeGreaterThan(0.24);
    expect(1 - sumUj / wallUj).toBeLessThan(0.28);
  },
);
