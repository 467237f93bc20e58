// CarbonTracker's log (`..._carbontracker.log`): mean power of each epoch by component. From 2.0 on it averages devices
// instead of adding them, so a single number counts once per device; the older vector is one number per device.
import type { Claim, ClaimedEnergy, ClaimedKind, ClaimOutcome } from '../../quantity/claim.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { fromSeconds, instantNs, type InstantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { numberOf } from './csv-table.ts';
import { localInstant } from './local-time.ts';
import {
  addedWords,
  alreadyCorrected,
  wrongFormat,
  type ReadTracker,
  type Told,
} from './tracker.ts';

const LINE = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (.*)$/;
const EPOCH = /^Epoch (\d{1,9}):$/;
const DURATION = /^Duration: (?:(\d{1,5}) days?, )?(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,6})?)$/;
const POWER = /^Average power usage \(W\) for (gpu|cpu): (.*)$/;
const DEVICES = /(GPU|CPU) with device\(s\) (.*?)\.(?= (?:GPU|CPU) with|$)/g;
/** What CarbonTracker calls a RAPL device; a model name there means that it found none and estimates. */
const RAPL = /^(cpu|dram|package|psys)[-:]?\d/;
/** Seconds between two samples: 10 in the line 1.x, 1 from 2.0 on. */
const STEP_S = { before2: 10, since2: 1 } as const;

interface Epoch {
  readonly atNs: InstantNs;
  readonly isDoubtful: boolean;
  durationS: number | undefined;
  /** Text after the last line of this epoch. */
  untilLine: number;
  readonly powers: Map<string, string>;
}

interface Entry {
  readonly stamp: string;
  readonly says: string;
  /** Index of its last line: numpy breaks a long vector over several. */
  readonly lastLine: number;
}

export const readCarbontracker: ReadTracker = (text, told) => {
  const lines = text.split(/\r?\n/);
  if (lines.some((line) => line.includes('Wall energy: wall_energy_kwh='))) {
    return alreadyCorrected('it has lines "Wall energy"');
  }
  const entries = entriesOf(lines);
  const devices = new Map<string, readonly string[]>();
  let since2 = true;
  const epochs: Epoch[] = [];
  for (const { stamp, says, lastLine } of entries) {
    const version = /^carbontracker version (\d+)\./.exec(says)?.[1];
    if (version !== undefined) since2 = Number(version) >= 2;
    if (says.startsWith('The following components were found:')) {
      for (const [, kind = '', list = ''] of says.matchAll(DEVICES)) {
        devices.set(kind.toLowerCase(), splitDevices(list));
      }
    }
    if (EPOCH.test(says)) {
      const at = localInstant(stamp, told.zone);
      if (!at) continue;
      epochs.push({ ...at, durationS: undefined, untilLine: lastLine, powers: new Map() });
    }
    const epoch = epochs[epochs.length - 1];
    const length = DURATION.exec(says);
    const power = POWER.exec(says);
    if (!epoch || !(length ?? power)) continue;
    if (length) epoch.durationS = secondsOf(length);
    else if (power) epoch.powers.set(power[1] ?? '', power[2] ?? '');
    epoch.untilLine = lastLine;
  }
  if (epochs.length === 0) {
    return wrongFormat(
      lines.some((line) => line.includes('Actual consumption for'))
        ? 'it is the output log, whose energy holds a PUE; give the file that ends in _carbontracker.log'
        : 'no epoch was finished in it',
    );
  }
  const stepS = told.stepS ?? (since2 ? STEP_S.since2 : STEP_S.before2);
  const claims = epochs.map((epoch, index) => claimOf(epoch, index + 1, devices, stepS, told));
  if (claims.every(isRefusal)) return claims[0] ?? wrongFormat('it has no claims');
  return { claims, write: (outcomes) => written(lines, epochs, outcomes) };
};

/** Lines with a stamp, each with the broken lines behind it. */
function entriesOf(lines: readonly string[]): readonly Entry[] {
  const entries: Entry[] = [];
  lines.forEach((line, index) => {
    const match = LINE.exec(line);
    const before = entries[entries.length - 1];
    if (match) entries.push({ stamp: match[1] ?? '', says: match[2] ?? '', lastLine: index });
    else if (before && before.says.includes('[') && !before.says.includes(']')) {
      entries[entries.length - 1] = {
        ...before,
        says: `${before.says} ${line.trim()}`,
        lastLine: index,
      };
    }
  });
  return entries;
}

const splitDevices = (list: string): readonly string[] =>
  list.split(',').map((name) => name.trim());

const secondsOf = (match: RegExpExecArray): number => {
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1, 5)
    .map((part: string | undefined) => Number(part ?? 0));
  return 86_400 * days + 3600 * hours + 60 * minutes + seconds;
};

function claimOf(
  epoch: Epoch,
  number: number,
  devices: ReadonlyMap<string, readonly string[]>,
  stepS: number,
  told: Told,
): Claim | Refusal {
  const broken = (what: string): Refusal => wrongFormat(`epoch ${number}: ${what}`);
  const { durationS, powers } = epoch;
  if (durationS === undefined || durationS <= 0) return broken('it has no duration');
  if (powers.size === 0) return broken('it has no power: no component was measured');
  const repairs: string[] = [];
  if (epoch.isDoubtful) repairs.push('the hour came twice; the first is taken');
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  for (const [component, text] of powers) {
    const names = devices.get(component) ?? [];
    if (component === 'cpu' && names.length > 0 && !names.some((name) => RAPL.test(name))) {
      repairs.push('cpu came from a table of design powers: left out');
      continue;
    }
    const sum = summedPower(text, names);
    if (sum === undefined) return broken(`the power of ${component} is no number`);
    if (sum.isMean) repairs.push(`${component}: mean of ${names.length} devices counted for each`);
    const kind = component === 'gpu' ? 'gpu' : cpuKind(names);
    measured.set(kind, { energyJ: joules(sum.powerW * durationS), stepS, isMean: true });
  }
  if (measured.size === 0) return broken('nothing in it was measured');
  return {
    tracker: 'carbontracker',
    run: told.name,
    application: told.name,
    fromNs: instantNs(epoch.atNs - fromSeconds(durationS)),
    untilNs: epoch.atNs,
    measured,
    repairs,
  };
}

const cpuKind = (names: readonly string[]): ClaimedKind =>
  names.some((name) => /dram/i.test(name)) ? 'cpu+dram' : 'cpu';

/** Watts of all devices of a component. */
function summedPower(
  text: string,
  names: readonly string[],
): { readonly powerW: number; readonly isMean: boolean } | undefined {
  const vector = /^\[([^\]]*)\]$/.exec(text.trim());
  const numbers = (vector?.[1] ?? text)
    .trim()
    .split(/[\s,]+/)
    .map(numberOf);
  let powerW = 0;
  for (const each of numbers) {
    if (each === undefined || each < 0) return undefined;
    powerW += each;
  }
  const isMean = vector === null && names.length > 1;
  return { powerW: isMean ? powerW * names.length : powerW, isMean };
}

function written(
  lines: readonly string[],
  epochs: readonly Epoch[],
  outcomes: readonly ClaimOutcome[],
): string {
  const behind = new Map(epochs.map((epoch, index) => [epoch.untilLine, index]));
  return lines
    .flatMap((line, index) => {
      const epoch = behind.get(index);
      if (epoch === undefined) return [line];
      const stamp = LINE.exec(lines.slice(0, index + 1).findLast((each) => LINE.test(each)) ?? '');
      return [line, `${stamp?.[1] ?? ''} - Wall energy: ${addedWords(outcomes[epoch])}`];
    })
    .join('\n');
}
