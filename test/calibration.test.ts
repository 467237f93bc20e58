// The knowledge in calibration/ and what the code makes of it: tables are fresh, bounds are derived, whatever is not
// verified says what to check, and device profiles name only what is known.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { GATE_LIMITS, ASHRAE_PERCENT } from '../src/calibrate/knowledge/gate-table.ts';
import { GAIN_PRIORS } from '../src/calibrate/knowledge/sensor-table.ts';
import { leastGainRatio } from '../src/calibrate/knowledge/supply-loss.ts';
import { parseProfile } from '../src/decode/profile.ts';
import { isKnownClass } from '../src/quantity/accuracy-class.ts';
import { knowledgeTables } from '../tools/make-knowledge.ts';

const root = join(import.meta.dirname, '..');
type Entry = Record<string, unknown>;
const load = (name: string): Record<string, Record<string, Entry>> =>
  parse(readFileSync(join(root, 'calibration', name), 'utf8')) as Record<
    string,
    Record<string, Entry>
  >;
const FILES = readdirSync(join(root, 'calibration')).filter((name) => name.endsWith('.yaml'));
const sensors = load('sensors.yaml');

test('the tables in src/ are those of the YAML (npx tsx tools/make-knowledge.ts)', async () => {
  const tables = await knowledgeTables();
  expect(tables.size).toBe(4);
  for (const [path, text] of tables)
    expect(readFileSync(join(root, path), 'utf8'), path).toBe(text);
});

test('the least gain of each sensor follows from the best supply and the largest known gain', () => {
  const largest = sensors['largest_known_gains']!;
  expect(Object.keys(largest).sort()).toEqual(Object.keys(GAIN_PRIORS).sort());
  for (const [name, prior] of Object.entries(GAIN_PRIORS)) {
    expect(leastGainRatio(Number(largest[name]!['gain_ratio'])), name).toBe(prior.lowerRatio);
    expect(prior.meanRatio).toBeGreaterThan(prior.lowerRatio);
  }
  const best = load('supplies.yaml')['best_efficiency']!;
  const classes = Object.values(load('supplies.yaml')['classes']!);
  const everyPercent = classes.flatMap((each) =>
    Object.values(each['efficiency_percent'] as Entry),
  );
  expect(Math.max(...everyPercent.map(Number))).toBe(Number(best['percent']));
});

/** Every map in a document, with the path to it. */
function* mapsOf(node: unknown, path: string): Generator<[string, Entry]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield [path, node as Entry];
  for (const [key, inner] of Object.entries(node)) yield* mapsOf(inner, `${path}/${key}`);
}

describe.each(FILES)('%s', (name) => {
  const maps = [...mapsOf(load(name), name)];

  test('what is not verified says what to check', () => {
    for (const [path, map] of maps) {
      if (map['verified'] !== false) continue;
      const isExample = 'device' in map;
      expect(
        isExample || (typeof map['check'] === 'string' && map['check'].length > 10),
        path,
      ).toBe(true);
    }
  });

  test('has sources, and is described in calibration/README.md', () => {
    const text = readFileSync(join(root, 'calibration', name), 'utf8');
    expect(text).toMatch(/source/);
    expect(readFileSync(join(root, 'calibration/README.md'), 'utf8')).toContain(`\`${name}\``);
  });
});

test('sensors name a gain that exists, a method, a window and a source', () => {
  for (const [name, sensor] of Object.entries(sensors['sensors']!)) {
    expect(Object.keys(GAIN_PRIORS), name).toContain(sensor['gain']);
    expect(['measured', 'modelled'], name).toContain(sensor['method']);
    for (const key of ['update_ms', 'averaging_ms']) {
      expect(sensor[key] === 'unknown' || Number(sensor[key]) >= 0, `${name}/${key}`).toBe(true);
    }
    expect(String(sensor['source']).length, name).toBeGreaterThan(5);
    // What is averaged is never longer than a second, and a window longer than the update overlaps.
    expect(
      Number(sensor['averaging_ms'] === 'unknown' ? 0 : sensor['averaging_ms']),
    ).toBeLessThanOrEqual(1000);
  }
});

test('RAPL counters: the range is what 32 bits of the unit hold, to a unit', () => {
  for (const counter of Object.values(sensors['rapl_counters']!)) {
    const unitJ = 2 ** -Number(counter['unit_bits']);
    const fullJ = 2 ** Number(counter['register_bits']) * unitJ;
    // The kernel's range is in units of microjoules that are cut, so it is a little below.
    expect(Number(counter['range_j'])).toBeLessThanOrEqual(fullJ);
    expect(Number(counter['range_j'])).toBeGreaterThan(fullJ * (1 - 1e-4));
  }
});

test('our gates are tighter than the floor, and each says what to do', () => {
  expect(GATE_LIMITS.nmbe.limit).toBeLessThan(ASHRAE_PERCENT.monthlyNmbe);
  expect(GATE_LIMITS.cv.limit).toBeLessThan(ASHRAE_PERCENT.monthlyCv);
  for (const gate of Object.values(GATE_LIMITS)) expect(gate.remedy.length).toBeGreaterThan(10);
});

describe('device profiles', () => {
  const files = readdirSync(join(root, 'devices'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.yaml'),
  );
  test.each(files)('%s', (name) => {
    const profile = parseProfile(parse(readFileSync(join(root, 'devices', name), 'utf8')), name);
    const { scheme, class: accuracyClass } = profile.accuracy;
    expect(scheme === 'unknown' || isKnownClass(scheme, accuracyClass), accuracyClass).toBe(true);
    for (const sensor of profile.sensors ?? []) {
      expect(Object.keys(sensors['sensors']!)).toContain(sensor);
    }
    // Chips are what the knowledge of sensors is about.
    expect((profile.sensors ?? []).length > 0).toBe(name.startsWith('chips'));
  });
});
