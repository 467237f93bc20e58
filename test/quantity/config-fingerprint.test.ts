// The configuration that a correction depends on: what is a change of it, and what is not.
import { expect, test } from 'vitest';
import {
  configChanges,
  configHash,
  fnv1a64,
  mergedConfig,
  UNKNOWN_CONFIG,
} from '../../src/quantity/config-fingerprint.ts';

const known = {
  driver: '535.104',
  bios: '1.4',
  supplyCount: 2,
  powerLimitsW: new Map([
    ['nvml:1', 300],
    ['nvml:0', 300],
  ]),
  chips: ['rapl:package-0', 'nvml:0'],
};

test('a change is told by key, from what to what', () => {
  const now = { ...known, supplyCount: 1, powerLimitsW: new Map([['nvml:0', 250]]) };
  expect(configChanges(known, now)).toEqual([
    { key: 'power_limit nvml:0', from: '300 W', until: '250 W' },
    { key: 'psu_count', from: '2', until: '1' },
  ]);
});

test('what one of them does not know is no change, nor is another order', () => {
  expect(configChanges(known, UNKNOWN_CONFIG)).toEqual([]);
  expect(configChanges(UNKNOWN_CONFIG, known)).toEqual([]);
  const turned = {
    ...known,
    powerLimitsW: new Map([...known.powerLimitsW].reverse()),
    chips: [...known.chips].reverse(),
  };
  expect(configChanges(known, turned)).toEqual([]);
  expect(configHash(turned)).toBe(configHash(known));
});

test('the hash is FNV-1a of 64 bits, empty where nothing is known', () => {
  // Vectors of the authors' draft (draft-eastlake-fnv): "", "a", "foobar".
  expect(fnv1a64('')).toBe('cbf29ce484222325');
  expect(fnv1a64('a')).toBe('af63dc4c8601ec8c');
  expect(fnv1a64('foobar')).toBe('85944171f73967e8');
  expect(configHash(UNKNOWN_CONFIG)).toBe('');
  expect(configHash({ ...known, bios: '1.5' })).not.toBe(configHash(known));
});

test('the newer word goes before the older, key by key', () => {
  const now = { ...UNKNOWN_CONFIG, driver: '550.54', powerLimitsW: new Map([['nvml:0', 250]]) };
  expect(mergedConfig(known, now)).toEqual({
    ...known,
    driver: '550.54',
    powerLimitsW: new Map([
      ['nvml:1', 300],
      ['nvml:0', 250],
    ]),
  });
});
