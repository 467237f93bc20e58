// Whether the meters that answer are those that the site file means, asked once before the wires are opened for good. Only
// instruments whose serial number stands in the file are asked.
import { decodeIdentity, identityQuestions } from '../../decode/identity.ts';
import type { IdentityReading } from '../../decode/identity-reading.ts';
import { wireTasks } from '../../decode/wire-tasks.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { choosesItsTimes, type Site } from '../../quantity/site.ts';
import { askRound, questionsCount } from '../read/ask-round.ts';
import type { Seat } from './seats.ts';

/** A start waits no longer than this for meters that do not answer; they are read all the same. */
const LIMIT_MS = 5000;

/** What each instrument tells that is not what was meant, for people; instruments that tell nothing are not in it. */
export async function strangersOf(
  site: Site,
  seats: ReadonlyMap<string, Seat>,
): Promise<ReadonlyMap<string, string>> {
  const strangers = new Map<string, string>();
  const wires = [...site.wires].map(async ([id, wire]) => {
    if (choosesItsTimes(wire)) return;
    const here = [...seats.values()].filter(({ instrument }) => instrument.wire === id);
    const { devices } = wireTasks(id, wire, here);
    const questions = here.flatMap(({ instrument, profile }) => {
      const device = devices.find(({ source }) => source === instrument.id);
      if (device === undefined || instrument.serial === undefined) return [];
      return [{ ...device, ...identityQuestions(profile, instrument) }];
    });
    if (!questions.some((device) => questionsCount(device) > 0)) return;
    try {
      const answers = await askRound(wire, questions, LIMIT_MS);
      for (const { instrument, profile } of here) {
        const told = (answers.get(instrument.id) ?? []).flatMap((exchange) => {
          const read = decodeIdentity(profile, exchange, instrument);
          return 'fault' in read ? [] : read;
        });
        const strange = strangeness(told, instrument.serial);
        if (strange !== undefined) strangers.set(instrument.id, strange);
      }
    } catch (cause) {
      // That the wire cannot be is said when it is opened for good.
      if (!(cause instanceof SiteFault)) throw cause;
    }
  });
  await Promise.all(wires);
  return strangers;
}

/** Why what a device tells cannot be the one that is meant; undefined where it can. */
export function strangeness(
  told: readonly IdentityReading[],
  serial: string | undefined,
): string | undefined {
  const model = told.find(({ fits }) => fits === false);
  if (model !== undefined) return `its ${model.what} is ${model.text}, which is another model`;
  const number = told.find(({ what }) => what === 'serial')?.text;
  return serial === undefined || number === undefined || number === serial
    ? undefined
    : `its serial number is ${number}, the site file says ${serial}`;
}
