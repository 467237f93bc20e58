// Reading a JSON document field by field, trusting nothing: what is missing or of another kind is named with its path.
import { SiteFault } from '../quantity/fault.ts';
import { parseInstant, type InstantNs } from '../quantity/time.ts';

type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };
/** Plain JSON, as it is written. */
export type ModelDocument = Readonly<Record<string, Json>>;

const REMEDY = 'use a model that trueup calibrate fit wrote';

/** Fields of a JSON object; every getter throws SiteFault with the path of what is wrong. */
export class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #where: string;

  constructor(document: unknown, where: string) {
    this.#where = where;
    if (typeof document !== 'object' || document === null || Array.isArray(document)) {
      throw new SiteFault({ where, what: 'is no JSON object', remedy: REMEDY });
    }
    this.#fields = new Map<string, unknown>(Object.entries(document));
  }

  fault(name: string, what: string): SiteFault {
    return new SiteFault({ where: `${this.#where}/${name}`, what, remedy: REMEDY });
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  text(name: string): string {
    const field = this.#fields.get(name);
    if (typeof field !== 'string' || field.length > 1000) throw this.fault(name, 'is no text');
    return field;
  }

  truth(name: string): boolean {
    const field = this.#fields.get(name);
    if (typeof field !== 'boolean') throw this.fault(name, 'is neither true nor false');
    return field;
  }

  number(name: string, least = -Number.MAX_VALUE): number {
    const field = this.#fields.get(name);
    if (typeof field !== 'number' || !Number.isFinite(field)) {
      throw this.fault(name, 'is no finite number');
    }
    if (field < least) throw this.fault(name, `is below ${least}`);
    return field;
  }

  /** Degrees of freedom: a number, or the word for type B alone. */
  freedom(name: string): number {
    return this.#fields.get(name) === 'infinite' ? Infinity : this.number(name, 0);
  }

  instant(name: string): InstantNs {
    const instant = parseInstant(this.text(name));
    if (instant === undefined) throw this.fault(name, 'is no RFC 3339 time');
    return instant;
  }

  #array(name: string): readonly unknown[] {
    const field = this.#fields.get(name);
    if (!Array.isArray(field) || field.length > 10_000) throw this.fault(name, 'is no list');
    return Array.from<unknown>(field);
  }

  texts(name: string): readonly string[] {
    return this.#array(name).map((each) => {
      if (typeof each !== 'string') throw this.fault(name, 'holds something that is no text');
      return each;
    });
  }

  numbers(name: string): readonly number[] {
    return this.#array(name).map((each) => {
      if (typeof each !== 'number' || !Number.isFinite(each)) {
        throw this.fault(name, 'holds something that is no finite number');
      }
      return each;
    });
  }

  list(name: string): readonly Fields[] {
    return this.#array(name).map(
      (each, index) => new Fields(each, `${this.#where}/${name}/${index}`),
    );
  }

  inner(name: string): Fields {
    return new Fields(this.#fields.get(name), `${this.#where}/${name}`);
  }
}
