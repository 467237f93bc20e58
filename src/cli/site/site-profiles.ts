// Instruments of a site file against the device profiles: the profile is there, and speaks over the wire it hangs on.
import { isSnmp, type Profile } from '../../decode/profile.ts';
import { isPart, partOf } from '../../decode/snmp-part.ts';
import { speaksOver } from '../../decode/wire-tasks.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { Instrument, Wire } from '../../quantity/site.ts';

/** Profiles by id, as `loadProfiles` gives them. */
export type KnownProfiles = ReadonlyMap<string, { readonly profile: Profile }>;

/** Throws SiteFault; `place` turns a pointer into the file and line that it stands in. */
export function checkProfile(
  instrument: Instrument,
  wire: Wire,
  profiles: KnownProfiles,
  place: (pointer: string) => string,
): void {
  const where = (): string => place(`/instruments/${instrument.id}/profile`);
  const profile = profiles.get(instrument.profile)?.profile;
  if (!profile) {
    throw new SiteFault({
      where: where(),
      what: `there is no profile "${instrument.profile}"`,
      remedy: `name one of: ${[...profiles.keys()].join(', ')}`,
    });
  }
  if (!speaksOver(profile, wire)) {
    throw new SiteFault({
      where: where(),
      what: `profile ${profile.id} speaks ${profile.speaks.transport}, but wire ${instrument.wire} is ${wire.transport}`,
      remedy: 'choose a profile that fits the wire, or the wire that the instrument hangs on',
    });
  }
  if (wire.transport !== 'snmp' || !isSnmp(profile)) return;
  const part = partOf(profile, instrument.part);
  if (!isPart(part)) throw new SiteFault({ where: where(), ...part });
}
