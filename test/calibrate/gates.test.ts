// Blocks in which a held-back part is judged: the longest that the evidence holds thirty of, and shorter ones where the runs
// that were held back are too short for those. None at all opens a gate: nothing was judged.
import { expect, test } from 'vitest';
import { heldErrors, judge } from '../../src/calibrate/gates.ts';
import type { Rows } from '../../src/calibrate/rows.ts';

/** Runs of rows of 10 s at 500 W. */
function runsOf(...lengthsS: readonly number[]): Rows {
  const runs = lengthsS.flatMap((lengthS, run) =>
    Array.from({ length: Math.round(lengthS / 10) }, () => run),
  );
  const count = runs.length;
  return {
    count,
    meterW: new Float64Array(count).fill(500),
    chipW: [new Float64Array(count).fill(300)],
    sourceW: [new Float64Array(count).fill(300)],
    shapeW: [],
    conditions: [],
    lengthS: new Float64Array(count).fill(10),
    atS: Float64Array.from({ length: count }, (_, row) => 1e9 + 10 * row),
    run: Int32Array.from(runs),
    runsCount: lengthsS.length,
    application: new Int32Array(count).fill(-1),
    applications: [],
  };
}

const errorsOf = (evidence: readonly number[], held: readonly number[]) => {
  const rows = runsOf(...held);
  return heldErrors(runsOf(...evidence, ...held), rows, new Float64Array(rows.count).fill(505));
};

test('hours where hours were held back, quarters of an hour where runs are shorter, minutes below', () => {
  const day = Array.from({ length: 30 }, () => 3600);
  const quarters = Array.from({ length: 12 }, () => 900);
  expect(errorsOf(day, [7200, 7200, 7200])).toMatchObject({ blockS: 3600, blocksCount: 6 });
  expect(errorsOf(day, quarters)).toMatchObject({ blockS: 900, blocksCount: 12 });
  expect(errorsOf(day, [300, 300])).toMatchObject({ blockS: 60, blocksCount: 10 });
  expect(errorsOf(day, quarters).cvRatio).toBeCloseTo(0.01, 9);
});

test('no block at all is no evidence of small errors', () => {
  const held = errorsOf(
    Array.from({ length: 40 }, () => 600),
    [20],
  );
  expect(held).toMatchObject({ blocksCount: 0, cvRatio: 0 });
  const { standing, open } = judge(runsOf(36_000), {
    aligned: true,
    held,
    byApplication: [],
    byDay: [],
    doubts: [],
  });
  expect(standing).toBe('provisional');
  expect(open.join('; ')).toContain('record longer runs');
});
