// A model is applied within its range only, adds its uncertainty by parts, and survives JSON; what is no model is refused
// by field.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyModel } from '../../src/calibrate/apply-model.ts';
import { fitNode } from '../../src/calibrate/fit-node.ts';
import { decodeModel, encodeModel } from '../../src/calibrate/model-json.ts';
import { decodeModelSet, encodeModelSet } from '../../src/calibrate/model-set.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal, SiteFault } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { nodeSeries, PLAIN, sampleNode } from './synthetic-node.ts';

const outcome = fitNode({
  node: 'n1',
  ...nodeSeries(sampleNode(PLAIN)),
  fittedAtNs: instantNs(1_700_000_000_000_000_000n),
  seed: 7,
});
if (isRefusal(outcome)) throw new Error(outcome.because);
const model: CorrectionModel = outcome;

/** Chip energies of one second at about this chip power. */
const chipsAt = (chipW: number, durationS: number): Map<string, number> =>
  new Map([
    ['rapl:package-0', 0.25 * chipW * durationS],
    ['rapl:dram-0', 0.05 * chipW * durationS],
    ['nvml:0', 0.35 * chipW * durationS],
    ['nvml:1', 0.35 * chipW * durationS],
  ]);

describe('applying', () => {
  const middleW = (model.holds.fromW + model.holds.untilW) / 2;

  test('refuses outside of its range, widens at its edge', () => {
    const at = (chipW: number): ReturnType<typeof applyModel> =>
      applyModel(model, chipsAt(chipW, 60), 60, { ageS: 0 });
    expect(at(3 * model.holds.untilW)).toMatchObject({ code: 'calibrate.out-of-range' });
    const inside = at(model.holds.untilW - 1);
    const edge = at(1.1 * model.holds.untilW);
    if (isRefusal(inside) || isRefusal(edge)) throw new Error('refused');
    expect(edge.parts.systematicJ).toBeGreaterThan(3 * inside.parts.systematicJ);
  });

  test('refuses what lacks a source, a length or a number', () => {
    const chips = chipsAt(middleW, 60);
    chips.delete('nvml:1');
    expect(applyModel(model, chips, 60)).toMatchObject({ code: 'align.overlap' });
    expect(applyModel(model, chipsAt(middleW, 60), 0)).toMatchObject({ kind: 'refusal' });
    const broken = chipsAt(middleW, 60).set('nvml:0', Number.NaN);
    expect(applyModel(model, broken, 60)).toMatchObject({ code: 'calibrate.implausible' });
  });

  test('over longer spans systematic parts grow linearly, independent ones slower, edges not at all', () => {
    const over = (durationS: number) => {
      const at = applyModel(model, chipsAt(middleW, durationS), durationS);
      if (isRefusal(at)) throw new Error(at.because);
      return at.parts;
    };
    const one = over(600);
    const ten = over(6000);
    expect(ten.systematicJ / one.systematicJ).toBeCloseTo(10, 6);
    expect(ten.independentJ / one.independentJ).toBeCloseTo(Math.sqrt(10), 6);
    expect(ten.edgeJ).toBeCloseTo(one.edgeJ, 9);
  });

  test('a model without detail is applied by its stated ratio', () => {
    const bare = Object.fromEntries(
      Object.entries(model).filter(([name]) => name !== 'detail'),
    ) as unknown as CorrectionModel;
    const at = applyModel(bare, chipsAt(middleW, 60), 60);
    if (isRefusal(at)) throw new Error(at.because);
    expect(at.parts.systematicJ).toBeCloseTo(model.systematicRatio * at.energyJ, 6);
  });
});

describe('as JSON', () => {
  test('comes back the same, alone and in a set', () => {
    const text = JSON.stringify(encodeModel(model));
    expect(decodeModel(JSON.parse(text), 'm.json')).toEqual(model);
    const set = { models: [model], unmetered: { ...model, node: 'type' } };
    expect(decodeModelSet(JSON.parse(JSON.stringify(encodeModelSet(set))), 'm.json')).toEqual(set);
    expect(decodeModelSet(JSON.parse(text), 'm.json').models).toEqual([model]);
  });

  test('each field that is missing or of another kind is named', () => {
    const whole = encodeModel(model);
    for (const name of Object.keys(whole)) {
      if (name === 'detail') continue;
      for (const wrong of [undefined, null, [], { a: 1 }, -1e400, true]) {
        const document = { ...whole, [name]: wrong };
        if (name === 'open' && Array.isArray(wrong)) continue;
        let problem: unknown;
        try {
          decodeModel(JSON.parse(JSON.stringify(document)), 'm.json');
        } catch (caught) {
          problem = caught;
        }
        expect(problem, `${name} = ${JSON.stringify(wrong)}`).toBeInstanceOf(SiteFault);
        expect((problem as Error).message).toContain(name);
      }
    }
  });

  test('nothing hostile gets through or breaks it in another way', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (document) => {
        expect(() => decodeModelSet(document, 'm.json')).toThrow(SiteFault);
      }),
      { numRuns: 200 },
    );
    const deep = { ...encodeModel(model), terms: new Array(1000).fill({}) };
    expect(() => decodeModel(deep, 'm.json')).toThrow(SiteFault);
  });
});
