// Versions of a model: what each replaces and why, what it still claims, and that a document carries all of it.
import { describe, expect, test } from 'vitest';
import {
  expired,
  lifeOf,
  modelAt,
  reanchored,
  reconfigured,
  typicalW,
  validUntilNs,
  versionOf,
} from '../../src/calibrate/life/model-life.ts';
import { decodeModel, encodeModel } from '../../src/calibrate/model-json.ts';
import { configChanges, UNKNOWN_CONFIG } from '../../src/quantity/config-fingerprint.ts';
import { isRefusal, SiteFault } from '../../src/quantity/fault.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { START_S, watchedModel } from './watched-node.ts';

const after = (days: number): InstantNs =>
  instantNs(BigInt(START_S) * 1_000_000_000n + BigInt(days * 86_400) * 1_000_000_000n);
const model = watchedModel();

describe('a level that was metered anew', () => {
  const level = {
    shiftW: -157,
    uncertaintyW: 3,
    sinceNs: after(1),
    checkedNs: after(1),
    known: false,
  };
  const first = reanchored(model, level, 'level-stepped', after(1));
  const second = reanchored(
    first,
    { ...level, shiftW: 2, uncertaintyW: 1.5, known: true },
    're-anchored',
    after(1),
  );

  test('moves the intercept and says what it replaces', () => {
    expect(first.interceptW).toBe(970 - 157);
    expect(first.life).toMatchObject({ supersedes: 'a', because: 'level-stepped' });
    expect(second.interceptW).toBe(970 - 155);
    expect(second.life).toMatchObject({ supersedes: first.id, because: 're-anchored' });
    expect(new Set([model.id, first.id, second.id]).size).toBe(3);
  });

  test('is provisional with an open gate until a minute of it is known', () => {
    expect([first.standing, second.standing]).toEqual(['provisional', 'accepted']);
    expect(first.open).toEqual([expect.stringMatching(/^level: stepped by -157.0 W at /)]);
    expect(second.open).toEqual([]);
  });

  test('claims the uncertainty of the metering, and keeps what the fit had said for the watch', () => {
    expect(second.detail?.levelW).toBe(1.5);
    expect(second.life?.anchor).toEqual({
      shiftW: -155,
      uncertaintyW: 1.5,
      fitLevelW: 7,
      fitLevelDof: 60,
    });
  });
});

describe('a changed configuration', () => {
  const before = { ...UNKNOWN_CONFIG, driver: '535.104', supplyCount: 2 };
  const now = { ...before, driver: '550.54', bios: '2.1' };
  const known = versionOf(model, { ...lifeOf(model), config: before });
  const next = reconfigured(known, configChanges(before, now), now, after(3));

  test('makes the model provisional, and the gate says what changed', () => {
    expect(next.standing).toBe('provisional');
    expect(next.open).toEqual([
      'configuration: driver was 535.104, is 550.54; meter the node again',
    ]);
    expect(next.life).toMatchObject({
      supersedes: known.id,
      because: 'configuration-changed',
      config: now,
      sinceNs: after(3),
    });
  });

  test('widens to what is known of a node that nobody metered', () => {
    expect(next.detail!.scaleRatio).toBeGreaterThanOrEqual(0.1);
    expect(next.systematicRatio).toBeGreaterThanOrEqual(0.1);
  });
});

describe('age', () => {
  test('widens by the drift since the meter was last looked at', () => {
    const month = modelAt(model, after(30));
    if (isRefusal(month)) throw new Error(month.because);
    const gateW = 0.01 * typicalW(model);
    expect(month.detail!.levelW).toBeCloseTo(Math.hypot(7, gateW), 1);
    expect(month.standing).toBe('accepted');
    expect(modelAt(model, after(0.5))).toBe(model);
  });

  test('makes provisional after a year and refuses after two', () => {
    expect(validUntilNs(model)).toBe(after(366));
    const old = modelAt(model, after(400));
    if (isRefusal(old)) throw new Error(old.because);
    expect(old.standing).toBe('provisional');
    expect(old.open[0]).toMatch(/^age: last metered /);
    expect(modelAt(model, after(800))).toMatchObject({ code: 'calibrate.expired' });
  });

  test('counts backwards from the evidence too', () => {
    expect(modelAt(model, after(-800))).toMatchObject({ code: 'calibrate.expired' });
  });

  test('an expired version is named so, and a metered minute takes the gate away', () => {
    const old = expired(model, after(400));
    expect(old.life).toMatchObject({ because: 'expired', supersedes: 'a' });
    const level = {
      shiftW: 0,
      uncertaintyW: 2,
      sinceNs: after(401),
      checkedNs: after(401),
      known: true,
    };
    const again = reanchored(old, level, 're-anchored', after(401));
    expect(again.standing).toBe('accepted');
    expect(isRefusal(modelAt(again, after(1000)))).toBe(false);
  });
});

describe('the document of a life', () => {
  const config = {
    driver: '535.104',
    bios: undefined,
    supplyCount: 4,
    powerLimitsW: new Map([['nvml:0', 300]]),
    chips: ['nvml:0', 'rapl:package-0'],
  };
  const level = {
    shiftW: 5,
    uncertaintyW: 2,
    sinceNs: after(1),
    checkedNs: after(2),
    known: true,
  };
  const lived = reanchored(
    versionOf(model, { ...lifeOf(model), sources: ['m1', 'chips'], config }),
    level,
    'level-drifted',
    after(2),
  );

  test('comes back whole', () => {
    const back = decodeModel(JSON.parse(JSON.stringify(encodeModel(lived))), 'm.json');
    expect(back).toEqual(lived);
  });

  test('a model without one is read as before', () => {
    expect(decodeModel(JSON.parse(JSON.stringify(encodeModel(model))), 'm.json')).toEqual(model);
  });

  test.each([
    ['because', 'fashion'],
    ['since', 'yesterday'],
    ['sources', [7]],
    ['config', 'same'],
  ])('a wrong %s is named', (name, wrong) => {
    const document = JSON.parse(JSON.stringify(encodeModel(lived))) as { life: object };
    const broken = { ...document, life: { ...document.life, [name]: wrong } };
    expect(() => decodeModel(broken, 'm.json')).toThrow(SiteFault);
  });
});
