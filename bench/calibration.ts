// Calibration held out in time, by node and by application on the recorded sets, with a plain affine on the same rows beside it.
// One command: npm run bench:calibration [-- --json]. Sets that are absent are named.
import {
  scoreDgx1Cpu,
  scoreDgx1V100,
  scoreH100,
  scoreHalves,
  verdictOnPackageOnly,
} from './calibration/hold-outs.ts';
import { printHeldMeter, scoreHeldMeter } from './calibration/held-meter.ts';
import { printShared, scoreShared } from './calibration/shared-meters.ts';
import { printWatch, scoreWatch } from './calibration/watch.ts';
import type { HeldOutScore } from './calibration/held-out-score.ts';

const percent = (value: number, width: number): string =>
  (Number.isFinite(value) ? `${value.toFixed(2)} %` : '-').padStart(width);

function lineOf(each: HeldOutScore): string {
  const finest = each.finest
    ? `${each.finest.everyS} s: ${percent(each.finest.cvPercent, 6)} (${percent(each.finest.affineCvPercent, 6)})`
    : '';
  return [
    each.set.padEnd(11),
    each.heldOut.padEnd(40),
    String(each.runsCount).padStart(4),
    percent(each.ours.medianPercent, 9),
    percent(each.ours.p95Percent, 9),
    percent(each.ours.worstPercent, 9),
    percent(each.ours.overallPercent, 9),
    percent(each.affine.worstPercent, 10),
    percent(each.cvMinutePercent, 9),
    percent(each.affineCvMinutePercent, 9),
    `${percent(each.coverRunsPercent, 10)} ${percent(each.coverMinutesPercent, 9)}`,
    `${percent(each.meanURunsPercent, 9)} ${percent(each.meanUMinutesPercent, 8)}`,
    `  ${finest}`,
  ].join('');
}

const scores = [
  ...(await scoreDgx1V100()),
  ...(await scoreDgx1Cpu()),
  ...(await scoreHalves('ac922-pdu', 5)),
  ...(await scoreHalves('epyc-rome')),
  ...(await scoreHalves('xeon-bmc')),
  ...(await scoreH100()),
];
const held = await scoreHeldMeter();
const watched = await scoreWatch();
const shares = await scoreShared();
const packageOnly = await verdictOnPackageOnly();
const absent = ['dgx1-v100', 'dgx1-cpu', 'ac922-pdu', 'epyc-rome', 'xeon-bmc', 'h100-acdc'].filter(
  (set) => !scores.some((score) => score.set === set),
);

if (process.argv.includes('--json')) {
  console.log(
    JSON.stringify({ scores, held, watched, shares, package_only: packageOnly?.standing, absent }),
  );
} else {
  console.log(
    `${'set'.padEnd(11)}${'held out'.padEnd(40)}runs   median      p95    worst      all  (affine)  CV 60 s (affine)   U covers runs / 60 s  mean U runs / 60 s  finest CV (affine)`,
  );
  for (const score of scores) console.log(lineOf(score));
  if (packageOnly) {
    console.log(`epyc-rome, package only: ${packageOnly.standing}; ${packageOnly.open.join('; ')}`);
  }
  console.log('\nac922-pdu, at every poll of the meter that holds its values');
  printHeldMeter(held);
  console.log('\nthe watch over the residual');
  printWatch(watched);
  console.log('\nmeters that carry several nodes, and what each of them got');
  printShared(shares);
  if (absent.length > 0) console.log(`absent: ${absent.join(', ')}`);
}
