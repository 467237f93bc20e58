// A provider's log of the Green Metrics Tool: `time_us value[ detail]` a line. RAPL providers log µJ since the line before,
// one line per package or memory. A provider of AC power is a wall meter, and there is nothing to correct in it.
import type { Claim, ClaimedKind, ClaimedEnergy, ClaimOutcome } from '../../quantity/claim.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import {
  addedWords,
  alreadyCorrected,
  wrongFormat,
  type ReadTracker,
  type Told,
} from './tracker.ts';

const LINE = /^(\d{15,16}) (\d{1,18})(?: (\S{1,128}))?$/;
const PACKAGE = /^package[_-]\d+$/i;
const DRAM = /^dram[_-]\d+$/i;

interface Group {
  readonly atNs: InstantNs;
  readonly measured: Map<ClaimedKind, number>;
  readonly lines: number[];
}

export const readGreenMetricsTool: ReadTracker = (text, told) => {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  if (lines.some((line) => line.includes(' wall_energy_kwh='))) {
    return alreadyCorrected('its lines have wall_energy_kwh');
  }
  const groups: Group[] = [];
  for (const [index, line] of lines.entries()) {
    const match = LINE.exec(line);
    if (!match) return wrongFormat(`line ${index + 1} is not "time_us value detail"`);
    const [, time = '', value = '', detail = ''] = match;
    const kind = PACKAGE.test(detail) ? 'cpu' : DRAM.test(detail) ? 'dram' : undefined;
    if (kind === undefined) return noRapl(index + 1, detail);
    const atNs = instantNs(BigInt(time) * 1000n);
    const last = groups[groups.length - 1];
    const group =
      last?.atNs === atNs ? last : { atNs, measured: new Map<ClaimedKind, number>(), lines: [] };
    if (group !== last) groups.push(group);
    group.measured.set(kind, (group.measured.get(kind) ?? 0) + Number(value) / 1e6);
    group.lines.push(index);
  }
  const claims = groups.map((group, index) => claimOf(groups[index - 1], group, told));
  if (claims.every(isRefusal)) return wrongFormat('it has fewer than two times');
  return { claims, write: (outcomes) => written(lines, groups, outcomes) };
};

const noRapl = (line: number, detail: string): Refusal =>
  refuse(
    'tracker.unmeasured',
    `line ${line} is of ${detail === '' ? 'no named domain' : `"${detail}"`}, which is neither a RAPL package nor dram: a log without domains is of a meter (psu_energy_ac) or of an estimate`,
    'give the log of a cpu_energy_rapl or memory_energy_rapl provider; a meter needs no correction',
  );

function claimOf(before: Group | undefined, group: Group, told: Told): Claim | Refusal {
  if (!before) return wrongFormat('the first line has no time before it');
  if (group.atNs <= before.atNs) return wrongFormat('a time does not rise');
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  for (const [kind, energyJ] of group.measured) {
    measured.set(kind, { energyJ: joules(energyJ), stepS: told.stepS ?? 0 });
  }
  return {
    tracker: 'green-metrics-tool',
    run: told.name,
    application: '',
    fromNs: before.atNs,
    untilNs: group.atNs,
    measured,
    repairs: [],
  };
}

/** The outcome of a time stands on its first line: the others are parts of the same node. */
function written(
  lines: readonly string[],
  groups: readonly Group[],
  outcomes: readonly ClaimOutcome[],
): string {
  const of = new Map(groups.map((group, index) => [group.lines[0] ?? -1, index]));
  return `${lines
    .map((line, index) => {
      const group = of.get(index);
      return group === undefined ? line : `${line} ${addedWords(outcomes[group])}`;
    })
    .join('\n')}\n`;
}
