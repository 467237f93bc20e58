// What is known of sensors is written down once for people, with sources, and once for the fit: the two agree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  affineTerm,
  chipKindOf,
  componentTerms,
  GAIN_PRIORS,
} from '../../src/calibrate/chip-terms.ts';

test('calibration/sensors.yaml and the fit hold the same priors', () => {
  const text = readFileSync(join(import.meta.dirname, '../../calibration/sensors.yaml'), 'utf8');
  const { gain_priors: written } = parse(text) as {
    gain_priors: Record<string, Record<string, number | string>>;
  };
  expect(Object.keys(written).sort()).toEqual(Object.keys(GAIN_PRIORS).sort());
  for (const [name, prior] of Object.entries(GAIN_PRIORS)) {
    expect(written[name]).toMatchObject({
      lower_ratio: prior.lowerRatio,
      mean_ratio: prior.meanRatio,
      sd_ratio: prior.sdRatio,
    });
    expect(String(written[name]!['source']).length).toBeGreaterThan(10);
  }
});

describe('terms from names', () => {
  test('kinds', () => {
    const kinds = Object.fromEntries(
      [
        'rapl:package-0',
        'rapl:dram-1',
        'rapl:core',
        'nvml:GPU-ab12',
        'occ:mem-0',
        'occ:proc-1',
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
      'occ:mem-0': 'dram',
      'occ:proc-1': 'cpu',
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
});
