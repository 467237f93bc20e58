// Whether the instruments of a site answer, are those that the site file means, and tell what can be. Everything on a wire
// is asked once, by the wire's own rules, as the service would.
import { decodeExchange } from '../../decode/decode-exchange.ts';
import type { IdentityReading } from '../../decode/identity-reading.ts';
import { decodeIdentity, identityQuestions } from '../../decode/identity.ts';
import { plausibilityOf } from '../../decode/plausibility.ts';
import type { Profile } from '../../decode/profile.ts';
import { wireTasks, type ProfiledInstrument } from '../../decode/wire-tasks.ts';
import { SiteFault, type FaultCode } from '../../quantity/fault.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import { choosesItsTimes, type Instrument, type Site } from '../../quantity/site.ts';
import { askRound } from '../read/ask-round.ts';
import type { KnownProfiles } from '../site/site-profiles.ts';
import { remedyOf, troubled, well, type Finding } from './finding.ts';

/** A wire on which everything is silent may take this long for each device. */
const DEVICE_MS = 10_000;

export async function checkInstruments(
  site: Site,
  profiles: KnownProfiles,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [id, wire] of site.wires) {
    const here = [...site.instruments.values()].flatMap((instrument): ProfiledInstrument[] => {
      const profile = profiles.get(instrument.profile)?.profile;
      return instrument.wire === id && profile ? [{ instrument, profile }] : [];
    });
    if (here.length === 0) {
      const remedy = 'leave it out, or put an instrument on it';
      findings.push(troubled(`wire ${id}`, 'doubtful', 'no instrument hangs on it', remedy));
      continue;
    }
    if (choosesItsTimes(wire)) {
      // These speak when they like, which may be in an hour: "trueup read" waits for them.
      const says = `it sends by itself (${wire.transport}), so it was not asked`;
      findings.push(...here.map(({ instrument }) => well(about(instrument), says)));
      continue;
    }
    const { devices } = wireTasks(id, wire, here);
    const questions = here.flatMap(({ instrument, profile }) => {
      const device = devices.find(({ source }) => source === instrument.id);
      if (device === undefined) return [];
      const who = { ...device, source: `who ${instrument.id}` };
      return [{ ...who, ...identityQuestions(profile, instrument) }, device];
    });
    try {
      const answers = await askRound(wire, questions, DEVICE_MS * here.length);
      for (const { instrument, profile } of here) {
        const readings = readingFindings(profile, instrument, answers.get(instrument.id) ?? []);
        findings.push(...readings);
        // Whoever gives no reading tells no name either: that is said once.
        if (readings.some(({ state }) => state === 'unreachable')) continue;
        const told = answers.get(`who ${instrument.id}`) ?? [];
        findings.push(identityFinding(profile, instrument, told));
      }
    } catch (cause) {
      if (!(cause instanceof SiteFault)) throw cause;
      findings.push(troubled(`wire ${id}`, 'ill', cause.notice.what, cause.notice.remedy));
    }
  }
  return findings;
}

const about = ({ id }: Instrument): string => `instrument ${id}`;

function readingFindings(
  profile: Profile,
  instrument: Instrument,
  exchanges: readonly Exchange[],
): readonly Finding[] {
  const observations = exchanges.flatMap((each) => decodeExchange(profile, each, instrument));
  const { goodCount, strange } = plausibilityOf(observations);
  const gaps = observations.filter((each) => each.kind === 'gap');
  if (goodCount === 0) {
    const fault: FaultCode = exchanges[0]?.fault ?? gaps[0]?.fault ?? 'transport.timeout';
    return [troubled(about(instrument), 'unreachable', `no reading: ${fault}`, remedyOf(fault))];
  }
  const findings: Finding[] = [];
  if (strange.length > 0)
    findings.push(
      troubled(
        about(instrument),
        'ill',
        `this cannot be: ${strange.join('; ')}`,
        'check the profile, the word order of the meter, and its ratios of current and voltage transformers',
      ),
    );
  for (const { channel, fault } of gaps)
    findings.push(troubled(about(instrument), 'doubtful', `${channel}: ${fault}`, remedyOf(fault)));
  return findings.length > 0
    ? findings
    : [well(about(instrument), `${String(goodCount)} channels read`)];
}

/** Serial number and model against the site file and the profile; what cannot be read is said. */
export function identityFinding(
  profile: Profile,
  instrument: Instrument,
  exchanges: readonly Exchange[],
): Finding {
  const subject = `${about(instrument)}, identity`;
  const told = exchanges.flatMap((exchange): readonly IdentityReading[] => {
    const read = decodeIdentity(profile, exchange, instrument);
    return 'fault' in read ? [] : read;
  });
  const stranger = told.find(({ fits }) => fits === false);
  if (stranger !== undefined)
    return troubled(
      subject,
      'ill',
      `its ${stranger.what} is ${stranger.text}: no ${profile.model}`,
      'name the profile of this model ("trueup probe" finds it)',
    );
  const serial = told.find(({ what }) => what === 'serial')?.text;
  const rest = 'ratios of transformers cannot be read: compare them in its menu';
  if (serial === undefined)
    return troubled(
      subject,
      'doubtful',
      instrument.serial === undefined
        ? 'it tells no serial number, and the site file names none'
        : `it tells no serial number; the site file says ${instrument.serial}`,
      `compare its label; ${rest}`,
    );
  if (instrument.serial === undefined)
    return troubled(
      subject,
      'doubtful',
      `its serial number is ${serial}; the site file names none`,
      `add serial: ${JSON.stringify(serial)} so that another meter is noticed; ${rest}`,
    );
  return serial === instrument.serial
    ? well(subject, `serial number ${serial}, as the site file says; ${rest}`)
    : troubled(
        subject,
        'ill',
        `its serial number is ${serial}, the site file says ${instrument.serial}`,
        'it is another meter: correct the wire or unit, or the serial where the meter was replaced',
      );
}
