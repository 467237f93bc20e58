// A neutral CSV of any length, day by day: readings are gathered until a line comes that is well behind the end of the day,
// so a file in order of time takes the memory of two days. A file that is not in order is refused, not sorted in silence.
import type { Samples } from '../../align/series-from-samples.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import { readNeutralCsv, type NeutralReading } from '../../transport/neutral-csv.ts';
import { isOtherQuantity, type SourceSamples } from './run-folder.ts';

export interface DaySlice {
  /** Midnight UTC: the origin of its samples. */
  readonly dayNs: InstantNs;
  readonly sources: ReadonlyMap<string, SourceSamples>;
  readonly readingsCount: number;
}

type Quantity = NeutralReading['quantity'];

const DAY_NS = 86_400_000_000_000n;
/** Sources of one file may be written this much later than others. */
const GRACE_NS = 3_600_000_000_000n;

/** Days in order, those without readings left out. Throws SiteFault at a line that is broken or more than an hour late. */
export async function* daySlices(path: string): AsyncGenerator<DaySlice, void, undefined> {
  let open: GrowingDay[] = [];
  let doneNs: bigint | undefined;
  for await (const batch of readNeutralCsv(path)) {
    const broken = batch.troubles.find((trouble) => !isOtherQuantity(trouble.text));
    if (broken) {
      const remedy = 'mend or remove the line';
      throw new SiteFault({ where: `${path}:${broken.line}`, what: broken.what, remedy });
    }
    let newestNs: bigint | undefined;
    for (const reading of batch.readings) {
      const dayNs = reading.time - (((reading.time % DAY_NS) + DAY_NS) % DAY_NS);
      if (doneNs !== undefined && dayNs <= doneNs) throw outOfOrder(path, reading);
      let day = open.find((each) => each.dayNs === dayNs);
      if (!day) {
        open.push((day = new GrowingDay(dayNs)));
        open.sort((a, b) => (a.dayNs < b.dayNs ? -1 : 1));
      }
      day.add(reading);
      if (newestNs === undefined || reading.time > newestNs) newestNs = reading.time;
    }
    const limitNs = newestNs === undefined ? undefined : newestNs - GRACE_NS - DAY_NS;
    const finished = open.filter((day) => limitNs !== undefined && day.dayNs < limitNs);
    open = open.filter((day) => !finished.includes(day));
    for (const day of finished) {
      doneNs = day.dayNs;
      yield day.done();
    }
  }
  for (const day of open) yield day.done();
}

function outOfOrder(path: string, reading: NeutralReading): SiteFault {
  const at = new Date(Number(reading.time / 1_000_000n)).toISOString();
  return new SiteFault({
    where: path,
    what: `a reading of ${reading.source} at ${at} comes after readings of a later day`,
    remedy:
      'write the file in order of time (sort its lines by their first column), or split it into folders of two days',
  });
}

/** Readings of one day by source and quantity. */
class GrowingDay {
  readonly dayNs: bigint;
  readonly #columns = new Map<string, Map<Quantity, GrowingColumn>>();
  #count = 0;

  constructor(dayNs: bigint) {
    this.dayNs = dayNs;
  }

  add({ source, quantity, time, reading }: NeutralReading): void {
    const quantities = this.#columns.get(source) ?? new Map<Quantity, GrowingColumn>();
    this.#columns.set(source, quantities);
    let column = quantities.get(quantity);
    if (!column) quantities.set(quantity, (column = new GrowingColumn()));
    column.push(Number(time - this.dayNs) / 1e9, reading);
    this.#count++;
  }

  done(): DaySlice {
    const dayNs = instantNs(this.dayNs);
    return {
      dayNs,
      readingsCount: this.#count,
      sources: new Map(
        [...this.#columns].map(([source, quantities]) => [
          source,
          new Map([...quantities].map(([name, column]) => [name, column.samples(dayNs)])),
        ]),
      ),
    };
  }
}

class GrowingColumn {
  #cells = new Float64Array(2048);
  #count = 0;

  push(atS: number, reading: number): void {
    if (this.#count === this.#cells.length) {
      const wider = new Float64Array(2 * this.#count);
      wider.set(this.#cells);
      this.#cells = wider;
    }
    this.#cells[this.#count++] = atS;
    this.#cells[this.#count++] = reading;
  }

  samples(originNs: InstantNs): Samples {
    const count = this.#count / 2;
    const atS = new Float64Array(count);
    const reading = new Float64Array(count);
    for (let index = 0; index < count; index++) {
      atS[index] = this.#cells[2 * index] ?? 0;
      reading[index] = this.#cells[2 * index + 1] ?? 0;
    }
    return { originNs, atS, reading };
  }
}
