// Terms from the names of sources: what adds, what is part of another, what is a second view, and where counters wrap.
import { describe, expect, test } from 'vitest';
import { affineTerm, chipKindOf, componentTerms } from '../../src/calibrate/chip-terms.ts';
import { timeToWrapS, wrapRangeJ } from '../../src/calibrate/knowledge/sensor-knowledge.ts';
import {
  efficiencyRatio,
  leastGainRatio,
  marginalGainRatio,
  supplyLossOf,
} from '../../src/calibrate/knowledge/supply-loss.ts';
import { SUPPLY_CLASSES } from '../../src/calibrate/knowledge/supply-table.ts';

describe('terms from names', () => {
  test('kinds', () => {
    const kinds = Object.fromEntries(
      [
        'rapl:package-0',
        'rapl:dram-1',
        'rapl:core',
        'nvml:GPU-ab12',
        'nvml-module:GPU-ab12',
        'occ:mem-0',
        'occ:proc-1',
        'occ:system-bulk',
        'rapl:psys',
        'dc',
        'fan',
      ].map((name) => [name, chipKindOf(name)]),
    );
    expect(kinds).toEqual({
      'rapl:package-0': 'cpu',
      'rapl:dram-1': 'dram',
      'rapl:core': 'core',
      'nvml:GPU-ab12': 'gpu',
      'nvml-module:GPU-ab12': 'whole',
      'occ:mem-0': 'dram',
      'occ:proc-1': 'cpu',
      'occ:system-bulk': 'whole',
      'rapl:psys': 'whole',
      dc: 'whole',
      fan: 'other',
    });
  });

  test('what contains others never adds to them, and a part enters as the difference', () => {
    const names = ['rapl:package', 'rapl:core', 'rapl:psys', 'intel-rapl-mmio:package-0'];
    const terms = componentTerms(names);
    expect(terms.map(({ name, sources, less }) => ({ name, sources, less }))).toEqual([
      { name: 'cpu-core', sources: ['rapl:core'], less: [] },
      { name: 'cpu-rest', sources: ['rapl:package'], less: ['rapl:core'] },
    ]);
    expect(affineTerm(terms).sources).toEqual(['rapl:package']);
    // No DRAM domain beside it: it may be a model, so physics bounds it only by 0.
    expect(terms.every((term) => term.prior.lowerRatio === 0)).toBe(true);
    expect(componentTerms(['rapl:psys'])[0]!.sources).toEqual(['rapl:psys']);
  });

  test('on Grace Hopper the module contains GPU and CPU: alone it counts, beside them it does not', () => {
    const modules = ['nvml-module:a', 'nvml-module:b'];
    expect(componentTerms(modules).map((term) => term.sources)).toEqual([modules]);
    const both = componentTerms([...modules, 'nvml:a', 'nvml:b', 'hwmon:cpu-0']);
    expect(both.flatMap((term) => term.sources).sort()).toEqual([
      'hwmon:cpu-0',
      'nvml:a',
      'nvml:b',
    ]);
  });
});

describe('counters', () => {
  test('time to wrap: 14.6 min at 300 W, 65 s at 1 kW for the fine unit', () => {
    expect(timeToWrapS(2 ** 32 * 2 ** -14, 300) / 60).toBeCloseTo(14.56, 2);
    expect(timeToWrapS(65532.610987, 1000)).toBeCloseTo(65.5, 1);
  });

  test('a range is believed only of RAPL, and only where the counter came near its end', () => {
    expect(wrapRangeJ('rapl:package-0', Float64Array.of(10, 262100, 5))).toBe(262143.32885);
    expect(wrapRangeJ('rapl:dram-0', Float64Array.of(65500, 3))).toBe(65532.610987);
    expect(wrapRangeJ('rapl:package-0', Float64Array.of(10, 100000, 5))).toBeUndefined();
    expect(wrapRangeJ('rapl:package-0', Float64Array.of(1e9))).toBeUndefined();
    expect(wrapRangeJ('nvml:0', Float64Array.of(262100, 5))).toBeUndefined();
  });
});

describe('supplies', () => {
  test.each(Object.entries(SUPPLY_CLASSES))(
    '%s: the worst physical supply just holds it',
    (name, points) => {
      const loss = supplyLossOf(name)!;
      expect(
        Math.min(loss.idleRatio, loss.proportionalRatio, loss.resistiveRatio),
      ).toBeGreaterThanOrEqual(0);
      const sparePercent = Object.entries(points).map(
        ([load, percent]) => 100 * efficiencyRatio(loss, Number(load) / 100) - percent,
      );
      expect(Math.min(...sparePercent)).toBeGreaterThan(-1e-6);
      // It is the worst that holds: at two points at least there is nothing to spare.
      expect(sparePercent.filter((each) => each < 1e-6).length).toBeGreaterThanOrEqual(2);
    },
  );

  test('one more watt costs more at full load than at half, and less than 1.25 W in any class', () => {
    for (const name of Object.keys(SUPPLY_CLASSES)) {
      const loss = supplyLossOf(name)!;
      const half = marginalGainRatio(loss, 0.5);
      expect(marginalGainRatio(loss, 1)).toBeGreaterThan(half);
      expect(half).toBeGreaterThanOrEqual(1);
      expect(half).toBeLessThan(1.25);
    }
    expect(supplyLossOf('of no class')).toBeUndefined();
  });

  test('least gains by hand: 1 / 0.96 = 1.04, 1 / (0.96 x 1.15) = 0.90', () => {
    expect([leastGainRatio(1), leastGainRatio(1.15), leastGainRatio(0)]).toEqual([1.04, 0.9, 0]);
  });
});
