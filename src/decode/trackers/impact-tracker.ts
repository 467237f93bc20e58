// experiment-impact-tracker's data.json: one JSON object a line, with the power of the machine at its stamp. Of its fields
// the absolute ones are taken: the attributable ones say 0 W for a node that idles at 1 kW. info.pkl is never opened.
import type { Claim, ClaimedEnergy, ClaimedKind } from '../../quantity/claim.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { fieldAt, parseJson } from '../json-field.ts';
import { epochInstant } from './epoch-time.ts';
import { addedFields, ADDED_COLUMNS, alreadyCorrected } from './tracker.ts';
import { wrongFormat, type ReadTracker, type Told } from './tracker.ts';

const FIELDS = [
  ['cpu', 'rapl_power_draw_absolute'],
  ['gpu', 'nvidia_draw_absolute'],
] as const;
/** It measures for two seconds and sleeps for one: a row has not seen the rest of its span. */
const SAMPLED_S = 2;
const TIMESTAMP = /"timestamp"\s*:\s*(\d+(?:\.\d+)?)/;

interface Sample {
  readonly atNs: InstantNs;
  readonly powers: ReadonlyMap<ClaimedKind, number>;
}

export const readImpactTracker: ReadTracker = (text, told) => {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.some((line) => line.includes(`"${ADDED_COLUMNS[0]}"`))) {
    return alreadyCorrected('its lines have wall_energy_kwh');
  }
  const samples = lines.map(sampleOf);
  const claims = samples.map((sample, index) =>
    claimBetween(samples[index - 1], sample, index, told),
  );
  if (claims.every(isRefusal)) {
    return (
      samples.find(isRefusal) ?? wrongFormat('it has one sample, and a power alone is no energy')
    );
  }
  return {
    claims,
    write: (outcomes) =>
      `${lines
        .map((line, index) => {
          const fields = addedFields(outcomes[index]);
          const added = ADDED_COLUMNS.map((name, place) => `"${name}":${jsonOf(fields[place])}`);
          return line.replace(/\}\s*$/, `,${added.join(',')}}`);
        })
        .join('\n')}\n`,
  };
};

/** Numbers stay numbers, what is not there is null. */
const jsonOf = (field = ''): string =>
  field === '' ? 'null' : /^\d/.test(field) && field.includes('.') ? field : JSON.stringify(field);

function sampleOf(line: string, index: number): Sample | Refusal {
  const json = parseJson(new TextEncoder().encode(line))?.json;
  if (typeof json !== 'object' || json === null) return wrongFormat(`line ${index + 1} is no JSON`);
  // From the digits: a double of today's seconds is not exact.
  const atNs = epochInstant(TIMESTAMP.exec(line)?.[1] ?? '');
  if (atNs === undefined) return wrongFormat(`line ${index + 1} has no timestamp`);
  const powers = new Map<ClaimedKind, number>();
  for (const [kind, name] of FIELDS) {
    const powerW = fieldAt(json, [name]);
    if (powerW === undefined || powerW === null) continue;
    if (typeof powerW !== 'number' || !Number.isFinite(powerW) || powerW < 0) {
      return wrongFormat(`line ${index + 1}: ${name} is no power`);
    }
    powers.set(kind, powerW);
  }
  return powers.size > 0
    ? { atNs, powers }
    : wrongFormat(`line ${index + 1} has none of ${FIELDS.map(([, name]) => name).join(', ')}`);
}

/** Power at the end of a span stands for the span, as the tool itself adds it up. */
function claimBetween(
  before: Sample | Refusal | undefined,
  sample: Sample | Refusal,
  index: number,
  told: Told,
): Claim | Refusal {
  if (isRefusal(sample)) return sample;
  if (before === undefined || isRefusal(before)) {
    return wrongFormat(`line ${index + 1}: its power has no sample before it`);
  }
  const durationS = Number(sample.atNs - before.atNs) / 1e9;
  if (!(durationS > 0)) return wrongFormat(`line ${index + 1}: its time does not rise`);
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  for (const [kind, powerW] of sample.powers) {
    const stepS = told.stepS ?? Math.max(0, durationS - SAMPLED_S);
    measured.set(kind, { energyJ: joules(powerW * durationS), stepS, isMean: true });
  }
  return {
    tracker: 'impact-tracker',
    run: told.name,
    application: told.name,
    fromNs: before.atNs,
    untilNs: sample.atNs,
    measured,
    repairs: [],
  };
}
