// Whether the meters that answer are those that the site file means. Instruments whose serial number stands in the file are
// asked who they are whenever somebody else may have begun to answer (transport.ts, `who`). Until that is told again, what
// they read waits, so that no step from one meter's register to another's is ever taken for energy.
import { isOneOf, decodeIdentity, identityQuestions } from '../../decode/identity.ts';
import type { IdentityReading } from '../../decode/identity-reading.ts';
import type { Profile } from '../../decode/profile.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import type { Observation } from '../../quantity/observation.ts';
import type { Instrument } from '../../quantity/site.ts';
import type { PolledDevice, WireTasks } from '../../transport/transport.ts';

/** As many failures in a row as open the circuit breaker of a wire. */
const SILENT_COUNT = 3;
/** A meter that was to tell who it is, and does not, is read all the same after so many exchanges. */
const HELD_MAX_COUNT = 16;

interface Meant {
  readonly instrument: Instrument;
  readonly profile: Profile;
}

interface Asked extends Meant {
  readonly device: PolledDevice;
  readonly questions: NonNullable<PolledDevice['who']>;
  serial: string | undefined;
  /** How often another serial number was told than before. */
  changesCount: number;
  failuresCount: number;
  /** What came since it may have been exchanged; undefined while it is known. */
  held: Exchange[] | undefined;
}

export class MetersMeant {
  readonly #asked = new Map<string, Asked>();
  readonly #strangers = new Map<string, string>();
  readonly #tell: (instrument: string, says: string) => void;
  #isLive = false;

  /** `tell` is called once for each meter that turns out to be another. */
  constructor(tell: (instrument: string, says: string) => void) {
    this.#tell = tell;
  }

  /** What each instrument tells that is not what was meant, for people. It stays in it until the service starts anew. */
  get strangers(): ReadonlyMap<string, string> {
    return this.#strangers;
  }

  /** The tasks of a wire, and with them the questions who is there. */
  asking(tasks: WireTasks, meant: ReadonlyMap<string, Meant>): WireTasks {
    const devices = tasks.devices.map((device) => {
      const each = meant.get(device.source);
      if (each?.instrument.serial === undefined) return device;
      const who = identityQuestions(each.profile, each.instrument);
      if ((who.gets ?? who.asks ?? who.reads).length === 0) return device;
      this.#asked.set(device.source, {
        ...each,
        device,
        questions: who,
        serial: undefined,
        changesCount: 0,
        failuresCount: 0,
        held: undefined,
      });
      return { ...device, who };
    });
    return { ...tasks, devices };
  }

  /** What of the readings may be believed now, in order: none while it is not known who reads, and then all at once. */
  take(exchange: Exchange): readonly Exchange[] {
    const asked = this.#asked.get(exchange.source);
    if (asked === undefined) return [exchange];
    noteSilence(asked, exchange);
    const tellsWho = isOneOf(asked.questions, exchange);
    const isKnown = tellsWho && this.#told(asked, exchange);
    const believed = !tellsWho || isOneOf(asked.device, exchange) ? [exchange] : [];
    const { held } = asked;
    if (held === undefined) return believed;
    // That nothing came is nobody's reading: it waits behind readings only.
    const passes = exchange.fault !== undefined && held.length === 0;
    if (!passes) held.push(...believed);
    if (isKnown || held.length >= HELD_MAX_COUNT) asked.held = undefined;
    if (passes) return believed;
    return asked.held === undefined ? held : [];
  }

  /** From here on the meters answer themselves, and not the journal: returns what still waits, and asks anew. */
  goLive(): readonly Exchange[] {
    this.#isLive = true;
    return [...this.#asked.values()].flatMap((asked) => {
      const { held = [] } = asked;
      asked.held = [];
      return held;
    });
  }

  /** The same readings; counts of another meter are another counter, between which no difference is energy. */
  ofThisMeter(observations: readonly Observation[]): readonly Observation[] {
    const changesCount = this.#asked.get(observations[0]?.source ?? '')?.changesCount ?? 0;
    if (changesCount === 0) return observations;
    return observations.map((each) =>
      each.kind === 'counter' ? { ...each, epoch: `${each.epoch}#${String(changesCount)}` } : each,
    );
  }

  /** Returns whether it is known now who answers, or that it cannot be. */
  #told(asked: Asked, exchange: Exchange): boolean {
    const { profile, instrument } = asked;
    const read = decodeIdentity(profile, exchange, instrument);
    if ('fault' in read) return read.fault === 'transport.exception';
    const serial = read.find(({ what }) => what === 'serial')?.text;
    if (serial !== undefined) {
      if (asked.serial !== undefined && asked.serial !== serial) asked.changesCount++;
      asked.serial = serial;
    }
    const strange = strangeness(read, instrument.serial);
    if (this.#isLive && strange !== undefined && !this.#strangers.has(instrument.id)) {
      this.#strangers.set(instrument.id, strange);
      this.#tell(instrument.id, strange);
    }
    return serial !== undefined;
  }
}

/** A meter that was silent, or whose wire was closed, may have been exchanged meanwhile. */
function noteSilence(asked: Asked, { fault }: Exchange): void {
  asked.failuresCount = fault === undefined ? 0 : asked.failuresCount + 1;
  if (fault === 'transport.closed' || asked.failuresCount >= SILENT_COUNT) asked.held ??= [];
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
