// An interval statement as the JSON that is hashed and published: snake_case with units, energies as decimal strings,
// instants as RFC 3339. Both directions stand side by side, so that they cannot drift apart.
import { FAULT_CODES, type FaultCode } from '../quantity/fault.ts';
import { KINDS, QUALITIES, isPointId, type Tier } from '../quantity/quality.ts';
import {
  STATEMENT_FLAGS,
  type Anchor,
  type EdgeAnchors,
  type IntervalStatement,
} from '../quantity/statement.ts';
import {
  NS_PER_S,
  durationNs,
  formatInstant,
  parseInstant,
  type DurationNs,
  type InstantNs,
} from '../quantity/time.ts';
import { joules, microjoules, watts, type Microjoules } from '../quantity/units.ts';
import { isObject } from './canonical.ts';

/** Stored JSON that is not what its type says. The message names the field. */
export class UnreadableEntry extends Error {}

/** @throws RangeError where a duration is too long to be exact to the nanosecond as seconds in a double */
export function statementJson(statement: IntervalStatement): Record<string, unknown> {
  const { uncertainty } = statement;
  return {
    type: 'statement',
    point: statement.point,
    kind: statement.kind,
    start: formatInstant(statement.startNs),
    duration_s: secondsOf(statement.durationNs),
    energy_uj: statement.energyUj?.toString(),
    u_sys_j: uncertainty.systematicJ,
    u_ind_j: uncertainty.independentJ,
    u_edge_j: uncertainty.edgeJ,
    dof: uncertainty.dof === Infinity ? 'infinity' : uncertainty.dof,
    quality: statement.quality,
    method: statement.method,
    tier: statement.tier,
    version: statement.version,
    supersedes: statement.supersedes,
    power_mean_w: statement.powerMeanW,
    power_max_w: statement.powerMaxW,
    because: statement.because,
    covered_s: secondsOf(statement.coveredNs),
    anchors: statement.anchors.map(({ source, edge, energyUj, before, after, models }) => ({
      source,
      edge,
      energy_uj: energyUj.toString(),
      before: anchorJson(before),
      after: anchorJson(after),
      ...(models ? { models } : {}),
    })),
    flags: statement.flags,
    model: statement.model,
    core: statement.core,
  };
}

const anchorJson = ({ atNs, energyUj }: Anchor) => ({
  at: formatInstant(atNs),
  energy_uj: energyUj.toString(),
});

/** Seconds as a double from which the nanoseconds come back exactly; up to 48 days that is always so. */
function secondsOf(duration: DurationNs): number {
  const durationS = Number(duration / NS_PER_S) + Number(duration % NS_PER_S) / 1e9;
  if (nanosecondsOf(durationS) !== duration) {
    throw new RangeError('a duration is too long to be written exactly in seconds');
  }
  return durationS;
}

function nanosecondsOf(durationS: number): DurationNs {
  const wholeS = Math.trunc(durationS);
  return durationNs(BigInt(wholeS) * NS_PER_S + BigInt(Math.round((durationS - wholeS) * 1e9)));
}

/** @throws UnreadableEntry */
export function readStatement(json: Record<string, unknown>): IntervalStatement {
  const field = new Fields(json);
  const point = field.text('point');
  if (!isPointId(point)) throw new UnreadableEntry('point');
  const dof = json['dof'];
  return {
    point,
    kind: field.word('kind', KINDS),
    startNs: field.instant('start'),
    durationNs: nanosecondsOf(field.number('duration_s')),
    energyUj: json['energy_uj'] === undefined ? undefined : field.energy('energy_uj'),
    uncertainty: {
      systematicJ: joules(field.number('u_sys_j')),
      independentJ: joules(field.number('u_ind_j')),
      edgeJ: joules(field.number('u_edge_j')),
      dof: dof === 'infinity' ? Infinity : field.number('dof'),
    },
    quality: field.word('quality', QUALITIES),
    method: field.text('method'),
    tier: field.tier('tier'),
    version: field.whole('version'),
    supersedes: field.text('supersedes'),
    powerMeanW:
      json['power_mean_w'] === undefined ? undefined : watts(field.number('power_mean_w')),
    powerMaxW: json['power_max_w'] === undefined ? undefined : watts(field.number('power_max_w')),
    because: json['because'] === undefined ? undefined : field.fault('because'),
    coveredNs: nanosecondsOf(field.number('covered_s')),
    anchors: field.list('anchors').map(readEdge),
    flags: field.words('flags', STATEMENT_FLAGS),
    model: field.text('model'),
    core: field.text('core'),
  };
}

function readEdge(json: Record<string, unknown>): EdgeAnchors {
  const field = new Fields(json);
  return {
    source: field.text('source'),
    edge: field.word('edge', ['from', 'until'] as const),
    energyUj: field.energy('energy_uj'),
    before: readAnchor(field.object('before')),
    after: readAnchor(field.object('after')),
    ...(json['models'] === undefined ? {} : { models: field.texts('models') }),
  };
}

function readAnchor(json: Record<string, unknown>): Anchor {
  const field = new Fields(json);
  return { atNs: field.instant('at'), energyUj: field.energy('energy_uj') };
}

/** Reads typed fields out of JSON; each throws an UnreadableEntry that names the field. */
export class Fields {
  readonly #json: Record<string, unknown>;
  constructor(json: Record<string, unknown>) {
    this.#json = json;
  }

  text(name: string): string {
    const found = this.#json[name];
    if (typeof found !== 'string') throw new UnreadableEntry(name);
    return found;
  }

  number(name: string): number {
    const found = this.#json[name];
    if (typeof found !== 'number' || !Number.isFinite(found)) throw new UnreadableEntry(name);
    return found;
  }

  /** A safe integer that is not negative. */
  whole(name: string): number {
    const found = this.number(name);
    if (!Number.isSafeInteger(found) || found < 0) throw new UnreadableEntry(name);
    return found;
  }

  instant(name: string): InstantNs {
    const found = parseInstant(this.text(name));
    if (found === undefined) throw new UnreadableEntry(name);
    return found;
  }

  energy(name: string): Microjoules {
    const found = this.text(name);
    if (!/^(0|-?[1-9]\d{0,40})$/.test(found)) throw new UnreadableEntry(name);
    return microjoules(BigInt(found));
  }

  word<Word extends string>(name: string, words: readonly Word[]): Word {
    const found = words.find((word) => word === this.#json[name]);
    if (found === undefined) throw new UnreadableEntry(name);
    return found;
  }

  words<Word extends string>(name: string, words: readonly Word[]): readonly Word[] {
    const found = this.#json[name];
    if (!Array.isArray(found)) throw new UnreadableEntry(name);
    return found.map((text) => {
      const known = words.find((word) => word === text);
      if (known === undefined) throw new UnreadableEntry(name);
      return known;
    });
  }

  texts(name: string): readonly string[] {
    const found = this.#json[name];
    if (!Array.isArray(found)) throw new UnreadableEntry(name);
    return found.map((text: unknown) => {
      if (typeof text !== 'string') throw new UnreadableEntry(name);
      return text;
    });
  }

  tier(name: string): Tier {
    const found = ([1, 2, 3, 4] as const).find((tier) => tier === this.#json[name]);
    if (found === undefined) throw new UnreadableEntry(name);
    return found;
  }

  fault(name: string): FaultCode {
    const found = this.text(name);
    if (!isFaultCode(found)) throw new UnreadableEntry(name);
    return found;
  }

  object(name: string): Record<string, unknown> {
    const found = this.#json[name];
    if (!isObject(found)) throw new UnreadableEntry(name);
    return found;
  }

  list(name: string): Record<string, unknown>[] {
    const found = this.#json[name];
    if (!Array.isArray(found) || !found.every(isObject)) throw new UnreadableEntry(name);
    return found;
  }
}

const isFaultCode = (text: string): text is FaultCode => Object.hasOwn(FAULT_CODES, text);
