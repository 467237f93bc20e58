// What alignment finds on the recorded sets: offsets, rates, windows and their uncertainties, beside what is known of them.
// One command: npx tsx bench/calibration/clocks-found.ts [set ...]. The data is not part of the project; sets that are absent are named.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { alignRuns, type AlignedRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms } from '../../src/calibrate/chip-terms.ts';
import type { RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { evidenceOf, layoutOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder } from '../../src/cli/calibrate/run-folder.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { shared } from '../../test/fixtures.ts';

/** All runs of the first machine of a set, aligned together; undefined where the set is absent. */
export async function alignedSet(set: string): Promise<AlignedRuns | undefined> {
  const root = shared('data', set);
  if (root === undefined) return undefined;
  const names = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const runs: RunEvidence[] = [];
  let terms: ReturnType<typeof componentTerms> = [];
  for (const name of names) {
    const folder = await readRunFolder(join(root, name));
    const stamps = {
      meter: folder.notes.meterStamp ?? 'end',
      chips: folder.notes.chipStamp ?? 'end',
    };
    const [node] = evidenceOf(folder, stamps);
    if (!node) continue;
    runs.push(node.evidence);
    terms = componentTerms([...node.evidence.chips.keys()], layoutOf(folder));
  }
  const aligned = alignRuns(runs, terms);
  if (isRefusal(aligned)) throw new Error(`${set}: ${aligned.code}: ${aligned.because}`);
  return aligned;
}

const seconds = (valueS: number): string => `${valueS.toFixed(3)} s`;
const ppm = (ratio: number): string => `${(1e6 * ratio).toFixed(0)} ppm`;

function print(set: string, aligned: AlignedRuns): void {
  console.log(`\n${set}`);
  for (const meter of aligned.held) {
    console.log(
      `  ${meter.source}: mean of ${seconds(meter.windowS)} ± ${seconds(meter.windowUncertaintyS ?? 0)}, shown ${seconds(meter.delayS)} ± ${seconds(meter.delayUncertaintyS ?? 0)} later, new each ${seconds(meter.refreshS ?? 0)}, share ${meter.shareRatio.toFixed(3)}`,
    );
  }
  for (const { habit, law, stamps } of aligned.laws) {
    console.log(
      `  stamps ${habit.origin} each ${habit.periodS.toFixed(3)} s${habit.startsFloored ? ', starts floored' : ''}: offset ${seconds(law.meanS)} ± ${seconds(law.meanUncertaintyS)}, scatter ${seconds(law.scatterS)}, even part ± ${seconds(law.halfWidthS)}, rate ${ppm(law.rateRatio)} ± ${ppm(law.rateUncertaintyRatio)} (scatter ${ppm(law.rateScatterRatio)}), ${law.recordingsCount} recordings; meaning: ${stamps.standing}${stamps.pairs.map((each) => `, meter ${each.meter} / chips ${each.chips}`).join('')}`,
    );
  }
  const taken = new Map<string, number>();
  for (const each of aligned.acquisitions) taken.set(each.taken, (taken.get(each.taken) ?? 0) + 1);
  console.log(
    `  ${aligned.acquisitions.length} acquisitions: ${[...taken].map(([how, count]) => `${count} ${how}`).join(', ')}`,
  );
  for (const notice of aligned.notices) console.log(`  ${notice.run}: ${notice.words}`);
  if (aligned.acquisitions.length > 12) return;
  for (const each of aligned.acquisitions) {
    console.log(
      `  ${each.run} ${each.number}: ${seconds(each.offsetS)} ± ${seconds(each.offsetUncertaintyS)}, rate ${ppm(each.rateRatio)}, ${each.taken}${isRefusal(each.relation) ? '' : `, ${each.relation.track.verdict}, window ${each.relation.window.standing}`}`,
    );
  }
}

const SETS = ['ac922-pdu', 'dgx1-v100', 'dgx1-cpu', 'epyc-rome', 'xeon-bmc', 'h100-acdc'];

async function main(): Promise<void> {
  const named = process.argv.slice(2);
  for (const set of named.length > 0 ? named : SETS) {
    const aligned = await alignedSet(set);
    if (aligned) print(set, aligned);
    else console.log(`\n${set}: absent`);
  }
}

if (process.argv[1] !== undefined && join(process.argv[1]).endsWith('clocks-found.ts'))
  await main();
