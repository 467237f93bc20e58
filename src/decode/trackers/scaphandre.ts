// Scaphandre's JSON exporter: an array of reports in µW. A corrected report holds the power at the wall in the same fields,
// host and consumers alike, so that what reads these files (BoAgent) needs no change. Its host is psys where there is one:
// sockets and their dram are taken instead. It measures no GPU.
import type { Claim, ClaimedEnergy, ClaimedKind, ClaimOutcome } from '../../quantity/claim.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import { joules } from '../../quantity/units.ts';
import { addedFields, ADDED_COLUMNS, alreadyCorrected } from './tracker.ts';
import { wrongFormat, type ReadTracker, type Told } from './tracker.ts';

type Json = Readonly<Record<string, unknown>>;

interface Report {
  readonly json: Json;
  readonly host: Json;
  readonly atNs: InstantNs;
  readonly powers: ReadonlyMap<ClaimedKind, number>;
}

export const readScaphandre: ReadTracker = (text, told) => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return wrongFormat('it is no whole JSON: it was cut short, or is of another exporter');
  }
  if (!Array.isArray(document)) return wrongFormat('it is no array of reports');
  const reports = Array.from<unknown>(document).map(reportOf);
  if (reports.some((each) => !isRefusal(each) && ADDED_COLUMNS[0] in each.host)) {
    return alreadyCorrected('its hosts have wall_energy_kwh');
  }
  const claims = reports.map((each, index) => claimBetween(reports[index - 1], each, index, told));
  if (claims.length === 0) return wrongFormat('it has no report');
  if (claims.every(isRefusal)) {
    return reports.find(isRefusal) ?? wrongFormat('it has one report, and a power is no energy');
  }
  return {
    claims,
    write: (outcomes) =>
      `${JSON.stringify(
        reports.map((each, index) =>
          isRefusal(each)
            ? Array.from<unknown>(document)[index]
            : corrected(each, claims[index], outcomes[index]),
        ),
      )}\n`,
  };
};

const isJson = (field: unknown): field is Json =>
  typeof field === 'object' && field !== null && !Array.isArray(field);
const listOf = (field: unknown): readonly Json[] =>
  Array.isArray(field) ? Array.from<unknown>(field).filter(isJson) : [];
const numberAt = (json: Json, name: string): number | undefined => {
  const field = json[name];
  return typeof field === 'number' && Number.isFinite(field) && field >= 0 ? field : undefined;
};

function reportOf(entry: unknown, index: number): Report | Refusal {
  const json = isJson(entry) ? entry : {};
  const host = json['host'];
  if (!isJson(host)) return wrongFormat(`report ${index + 1} has no host`);
  const atS = numberAt(host, 'timestamp');
  if (atS === undefined || atS < 9.4e8 || atS > 4.1e9) {
    return wrongFormat(`report ${index + 1} has no timestamp of its host`);
  }
  const sockets = listOf(json['sockets']);
  let socketsUw = 0;
  let dramUw: number | undefined;
  for (const socket of sockets) {
    const powerUw = numberAt(socket, 'consumption');
    if (powerUw === undefined) return wrongFormat(`report ${index + 1}: a socket has no power`);
    socketsUw += powerUw;
    for (const domain of listOf(socket['domains'])) {
      if (domain['name'] !== 'dram') continue;
      dramUw = (dramUw ?? 0) + (numberAt(domain, 'consumption') ?? 0);
    }
  }
  if (sockets.length === 0) return wrongFormat(`report ${index + 1} has no sockets`);
  const powers = new Map<ClaimedKind, number>([['cpu', socketsUw / 1e6]]);
  if (dramUw !== undefined) powers.set('dram', dramUw / 1e6);
  return { json, host, atNs: instantNs(BigInt(Math.round(atS * 1e6)) * 1000n), powers };
}

function claimBetween(
  before: Report | Refusal | undefined,
  report: Report | Refusal,
  index: number,
  told: Told,
): Claim | Refusal {
  if (isRefusal(report)) return report;
  if (before === undefined || isRefusal(before)) {
    return wrongFormat(`report ${index + 1}: its power has no report before it`);
  }
  const durationS = Number(report.atNs - before.atNs) / 1e9;
  if (!(durationS > 0)) return wrongFormat(`report ${index + 1}: its time does not rise`);
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  for (const [kind, powerW] of report.powers) {
    measured.set(kind, { energyJ: joules(powerW * durationS), stepS: told.stepS ?? 0 });
  }
  return {
    tracker: 'scaphandre',
    run: told.name,
    application: '',
    fromNs: before.atNs,
    untilNs: report.atNs,
    measured,
    repairs: [],
  };
}

/** The report with the power at the wall, consumers in proportion; one that is refused keeps its numbers and says so. */
function corrected(
  { json, host }: Report,
  claim: Claim | Refusal | undefined,
  outcome: ClaimOutcome | undefined,
): Json {
  const fields = addedFields(outcome);
  const added = Object.fromEntries(
    ADDED_COLUMNS.map((name, place) => {
      const field = fields[place] ?? '';
      return [name, name.endsWith('kwh') ? (field === '' ? null : Number(field)) : field];
    }),
  );
  if (!outcome || isRefusal(outcome) || !claim || isRefusal(claim)) {
    return { ...json, host: { ...host, ...added } };
  }
  const wallUw = (outcome.energyJ / (Number(claim.untilNs - claim.fromNs) / 1e9)) * 1e6;
  const hostUw = numberAt(host, 'consumption') ?? 0;
  const ratio = hostUw > 0 ? wallUw / hostUw : 1;
  const consumers = json['consumers'];
  return {
    ...json,
    host: { ...host, consumption: wallUw, ...added },
    ...(Array.isArray(consumers)
      ? {
          consumers: Array.from<unknown>(consumers).map((each) =>
            isJson(each)
              ? { ...each, consumption: (numberAt(each, 'consumption') ?? 0) * ratio }
              : each,
          ),
        }
      : {}),
  };
}
