// Recorded runs of real machines: what is fitted on the earlier part predicts the later within 3 %, with the plain limits
// of the main job. Where the data is absent the tests are skipped by name. bench/calibration-first.ts prints the table.
import { expect, test } from 'vitest';
import { scoreDgx1V100, scoreHalves } from '../../bench/calibration-first.ts';
import type { HeldOutScore } from '../../bench/held-out-score.ts';
import { shared } from '../fixtures.ts';

const within = (score: HeldOutScore, worstPercent: number, cvMinutePercent: number): void => {
  expect(score.worstPercent, score.heldOut).toBeLessThan(worstPercent);
  expect(score.cvMinutePercent, score.heldOut).toBeLessThan(cvMinutePercent);
};

test.skipIf(!shared('data', 'dgx1-v100'))(
  'dgx1-v100: later runs within 1 %, inside U',
  async () => {
    const [later, spot, applications] = await scoreDgx1V100();
    within(later!, 1, 2);
    expect(later!.coverRunsPercent).toBe(100);
    within(spot!, 1.5, 2);
    within(applications!, 3.5, 3.5);
  },
);

test.skipIf(!shared('data', 'ac922-pdu'))('ac922-pdu: the second half within 0.5 %', async () => {
  for (const score of await scoreHalves('ac922-pdu')) within(score, 0.5, 1);
});

test.skipIf(!shared('data', 'epyc-rome'))('epyc-rome: the second half within 3 %', async () => {
  const [half] = await scoreHalves('epyc-rome');
  within(half!, 3, 3);
});
