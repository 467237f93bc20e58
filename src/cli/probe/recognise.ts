// Which profile a device speaks: each that could be is tried, and judged by what the device says of itself and by whether
// its readings can be those of a live meter. Nothing is written to the device.
import { decodeExchange } from '../../decode/decode-exchange.ts';
import type { IdentityReading } from '../../decode/identity-reading.ts';
import { decodeIdentity, identityQuestions } from '../../decode/identity.ts';
import { plausibilityOf, type Plausibility } from '../../decode/plausibility.ts';
import { isHttpJson, isModbus, type Profile } from '../../decode/profile.ts';
import { BYTE_ORDERS, type ByteOrder } from '../../decode/profile-words.ts';
import { speaksOver, wireTasks } from '../../decode/wire-tasks.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import type { Instrument, Wire } from '../../quantity/site.ts';
import { fromSeconds } from '../../quantity/time.ts';
import type { PolledDevice } from '../../transport/transport.ts';
import { askRound } from '../read/ask-round.ts';

export interface Candidate {
  readonly profile: Profile;
  readonly identity: readonly IdentityReading[];
  readonly plausibility: Plausibility;
  /** Model or code told as this profile expects it. */
  readonly isIdentified: boolean;
  /** The order in which the words of this device come, where it is not the profile's. */
  readonly otherOrder: ByteOrder | undefined;
}

/** More than any profile needs; a device that takes longer than this for one profile is not of it. */
const TRIAL_MS = 20_000;

/** Profiles that fit the device, best first; empty where none does. `told` is called with each profile that is tried. */
export async function recognise(
  wire: Wire,
  unit: number,
  profiles: Iterable<Profile>,
  told: (profile: Profile) => void,
): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  for (const profile of profiles) {
    if (!speaksOver(profile, wire)) continue;
    told(profile);
    const candidate = await tried(wire, unit, profile);
    if (candidate !== undefined) candidates.push(candidate);
    if (candidate?.isIdentified === true && candidate.plausibility.gapsCount === 0) break;
  }
  return candidates.sort((a, b) => worthOf(b) - worthOf(a));
}

/** A name that fits outweighs everything; a wrong word order is better than no reading, and worse than a right one. */
const worthOf = ({ isIdentified, otherOrder, plausibility }: Candidate): number =>
  (isIdentified ? 1000 : 0) +
  (otherOrder === undefined ? 100 : 0) +
  10 * plausibility.tellingCount +
  plausibility.goodCount -
  5 * plausibility.gapsCount;

async function tried(wire: Wire, unit: number, profile: Profile): Promise<Candidate | undefined> {
  const instrument: Instrument = {
    id: profile.id,
    profile: profile.id,
    wire: 'wire',
    unit,
    topic: '',
    poll: fromSeconds(3600),
    serial: undefined,
  };
  const { devices } = wireTasks('wire', wire, [{ instrument, profile }]);
  const [device] = devices;
  if (device === undefined) return undefined;
  // A path that begins at no fixed place cannot be guessed: such a profile is chosen by a person.
  const who: Omit<PolledDevice, 'poll'> = {
    ...device,
    source: 'who',
    ...identityQuestions(profile, instrument),
  };
  const paths = [...(device.asks ?? []), ...(who.asks ?? [])];
  if (isHttpJson(profile) && paths.some((path) => !path.startsWith('/'))) return undefined;
  const answers = await askRound(wire, [who, device], TRIAL_MS);
  const identity = (answers.get('who') ?? []).flatMap((exchange) => {
    const told = decodeIdentity(profile, exchange, instrument);
    return 'fault' in told ? [] : told;
  });
  // It says itself that it is another.
  if (identity.some(({ fits }) => fits === false)) return undefined;
  const isIdentified = identity.some(({ fits }) => fits === true);
  const exchanges = answers.get(profile.id) ?? [];
  const plain = judged(profile, exchanges, instrument);
  const isRight = plain.strange.length === 0 && plain.goodCount > plain.gapsCount;
  if (isRight && (plain.tellingCount > 0 || isIdentified || !isModbus(profile)))
    return { profile, identity, isIdentified, plausibility: plain, otherOrder: undefined };
  return inOtherOrder(profile, exchanges, instrument, { identity, isIdentified });
}

/** The same bytes once more, as if the words of the device came in another order than the profile says. */
function inOtherOrder(
  profile: Profile,
  exchanges: readonly Exchange[],
  instrument: Instrument,
  known: Pick<Candidate, 'identity' | 'isIdentified'>,
): Candidate | undefined {
  if (!isModbus(profile)) return undefined;
  for (const order of BYTE_ORDERS) {
    if (order === profile.speaks.order) continue;
    const turned = { ...profile, speaks: { ...profile.speaks, order } };
    const plausibility = judged(turned, exchanges, instrument);
    // By chance alone one value may come to look right: two that can only be mains are asked for.
    if (plausibility.strange.length === 0 && plausibility.tellingCount >= 2)
      return { profile, ...known, plausibility, otherOrder: order };
  }
  return undefined;
}

const judged = (
  profile: Profile,
  exchanges: readonly Exchange[],
  instrument: Instrument,
): Plausibility =>
  plausibilityOf(exchanges.flatMap((exchange) => decodeExchange(profile, exchange, instrument)));
