// A folder of recorded readings in the neutral format: meter.csv and chips.csv (plain or gzip), with what set.json,
// runs.csv, phases.csv and windows.csv beside or above it say about sources and stamps.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  STAMP_MEANINGS,
  type Samples,
  type StampMeaning,
} from '../../align/series-from-samples.ts';
import { CONDITION_KINDS, type ConditionKind } from '../../quantity/correction.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { instantNs, NS_PER_S, parseInstant, type InstantNs } from '../../quantity/time.ts';
import { readNeutralCsv } from '../../transport/neutral-csv.ts';
import { readPowerLog } from './power-log.ts';

type Quantity = 'power_w' | 'energy_j' | ConditionKind;

/** Samples of one source by quantity, in file order. */
export type SourceSamples = ReadonlyMap<Quantity, Samples>;

/** What a set says about itself; every part may be absent. */
interface SetNotes {
  readonly wallSources: readonly string[] | undefined;
  readonly chipSum: readonly string[] | undefined;
  readonly partOf: ReadonlyMap<string, string> | undefined;
  readonly meterStamp: StampMeaning | undefined;
  readonly chipStamp: StampMeaning | undefined;
  /** Recorded of a rehearsal: it proves nothing about a real node. */
  readonly rehearsed: boolean;
}

interface Phase {
  readonly run: string;
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly application: string;
}

export interface RunFolder {
  readonly run: string;
  readonly path: string;
  readonly meter: ReadonlyMap<string, SourceSamples>;
  readonly chips: ReadonlyMap<string, SourceSamples>;
  readonly notes: SetNotes;
  readonly phases: readonly Phase[];
  /** Length of the recorded windows where a list of them exists and they are even, s. */
  readonly windowS: number | undefined;
}

function fault(where: string, what: string, remedy: string, cause?: unknown): SiteFault {
  return new SiteFault({ where, what, remedy }, cause === undefined ? undefined : { cause });
}

/** Text of a file, gunzipped where it is gzip by its first bytes. */
function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw fault(path, 'the file cannot be read', 'check that it exists and is readable', cause);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: 2 ** 31 }).toString('utf8');
  } catch (cause) {
    throw fault(path, 'the gzip file is damaged', 'fetch or write it again', cause);
  }
}

function findBeside(folder: string, name: string): string | undefined {
  for (const place of [folder, dirname(folder)]) {
    for (const file of [`${name}.gz`, name]) {
      const path = join(place, file);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

class Growing {
  #values = new Float64Array(1024);
  #count = 0;
  push(value: number): void {
    if (this.#count === this.#values.length) {
      const wider = new Float64Array(2 * this.#count);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#count++] = value;
  }
  done(): Float64Array {
    return this.#values.slice(0, this.#count);
  }
}

interface Column {
  readonly atS: Growing;
  readonly reading: Growing;
}

/**
 * Reads a neutral CSV into samples by source and quantity, in file order. Throws SiteFault at the first line that is
 * broken; lines of quantities that are neither power nor energy are passed over.
 */
export async function readReadings(path: string): Promise<ReadonlyMap<string, SourceSamples>> {
  const columns = new Map<string, Map<Quantity, Column>>();
  let originNs: InstantNs | undefined;
  for await (const batch of readNeutralCsv(path)) {
    const broken = batch.troubles.find((trouble) => !isOtherQuantity(trouble.text));
    if (broken) {
      throw fault(`${path}:${broken.line}`, broken.what, 'mend or remove the line');
    }
    const conditions = batch.troubles.flatMap((trouble) => conditionReading(trouble.text) ?? []);
    for (const { time, source, quantity, reading } of [...batch.readings, ...conditions]) {
      originNs ??= instantNs((time / NS_PER_S) * NS_PER_S);
      let bySource = columns.get(source);
      if (!bySource) columns.set(source, (bySource = new Map<Quantity, Column>()));
      let column = bySource.get(quantity);
      if (!column)
        bySource.set(quantity, (column = { atS: new Growing(), reading: new Growing() }));
      column.atS.push(Number(time - originNs) / 1e9);
      column.reading.push(reading);
    }
  }
  if (originNs === undefined) {
    throw fault(path, 'the file holds no readings', 'give a file with power_w or energy_j rows');
  }
  const origin = originNs;
  return new Map(
    [...columns].map(([source, quantities]) => [
      source,
      new Map(
        [...quantities].map(([quantity, column]) => [
          quantity,
          { originNs: origin, atS: column.atS.done(), reading: column.reading.done() },
        ]),
      ),
    ]),
  );
}

/** A reading of a condition: the neutral reader itself knows power and energy only, as meters on a wire have no others. */
function conditionReading(
  line: string,
): { time: InstantNs; source: string; quantity: Quantity; reading: number } | undefined {
  const [stamp = '', source = '', word = '', text = ''] = line.trimEnd().split(',');
  const quantity = CONDITION_KINDS.find((kind) => kind === word);
  const time = parseInstant(stamp);
  const reading = Number(text);
  if (quantity === undefined || time === undefined || !Number.isFinite(reading)) return undefined;
  return { time, source, quantity, reading };
}

/** A well-formed line of something that is no power or energy, such as a temperature. */
export function isOtherQuantity(line: string): boolean {
  const [time = '', source = '', quantity = '', value = '', more] = line.split(',');
  return (
    more === undefined &&
    source !== '' &&
    value !== '' &&
    /^[a-z][a-z0-9_]*$/.test(quantity) &&
    quantity !== 'power_w' &&
    quantity !== 'energy_j' &&
    parseInstant(time) !== undefined
  );
}

/** A run folder without its readings: what it says about itself, and where its readings lie. */
export interface FolderNotes extends Omit<RunFolder, 'meter' | 'chips' | 'phases'> {
  readonly meterPath: string | undefined;
  readonly chipsPath: string | undefined;
}

/** The notes of a run folder. Throws SiteFault where one of them is broken. */
export function readFolderNotes(folder: string): FolderNotes {
  const path = resolve(folder);
  return {
    run: basename(path),
    path,
    meterPath: fileIn(path, 'meter.csv'),
    chipsPath: fileIn(path, 'chips.csv'),
    notes: readNotes(findBeside(path, 'set.json')),
    windowS: readWindowS(findBeside(path, 'windows.csv')),
  };
}

const fileIn = (folder: string, name: string): string | undefined =>
  [`${name}.gz`, name].map((file) => join(folder, file)).find(existsSync);

/**
 * Reads a run folder with its notes. Throws SiteFault where a file is missing or broken.
 * @param zone `Z` or `±HH:MM`, for a meter log whose stamps carry none (meter.spl.txt).
 */
export async function readRunFolder(folder: string, zone?: string): Promise<RunFolder> {
  const path = resolve(folder);
  const placeOf = (name: string): string | undefined =>
    [`${name}.gz`, name].map((file) => join(path, file)).find(existsSync);
  const inFolder = (name: string): string => {
    const found = placeOf(name);
    if (found === undefined) {
      throw fault(
        path,
        `${name} (or ${name}.gz) is missing`,
        'a run folder holds chips.csv[.gz] and meter.csv[.gz] in the neutral format, or meter.spl.txt[.gz] of PTDaemon',
      );
    }
    return found;
  };
  const powerLog = placeOf('meter.csv') === undefined ? placeOf('meter.spl.txt') : undefined;
  const phasesPath = findBeside(path, 'phases.csv');
  const run = basename(path);
  const phases = phasesPath === undefined ? [] : readPhases(phasesPath);
  return {
    run,
    path,
    meter:
      powerLog === undefined
        ? await readReadings(inFolder('meter.csv'))
        : readPowerLog(powerLog, readText(powerLog), zone),
    chips: await readReadings(inFolder('chips.csv')),
    notes: readNotes(findBeside(path, 'set.json')),
    phases: phases.filter((phase) => phase.run === run),
    windowS: readWindowS(findBeside(path, 'windows.csv')),
  };
}

function readPhases(path: string): Phase[] {
  const phases: Phase[] = [];
  const lines = readText(path).split('\n');
  lines.slice(1).forEach((line) => {
    const [run, from, until, ...name] = line.trimEnd().split(',');
    const fromNs = parseInstant(from ?? '');
    const untilNs = parseInstant(until ?? '');
    const application = name.join(',').replace(/^"|"$/g, '');
    if (run === undefined || fromNs === undefined || untilNs === undefined) return;
    phases.push({ run, fromNs, untilNs, application });
  });
  return phases;
}

function readWindowS(path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  const lengths: number[] = [];
  for (const line of readText(path).split('\n').slice(1)) {
    const [, from, until] = line.trimEnd().split(',');
    const fromNs = parseInstant(from ?? '');
    const untilNs = parseInstant(until ?? '');
    if (fromNs !== undefined && untilNs !== undefined) lengths.push(Number(untilNs - fromNs) / 1e9);
  }
  lengths.sort((a, b) => a - b);
  const middle = lengths[lengths.length >> 1];
  const p10 = lengths[Math.floor(lengths.length / 10)];
  const p90 = lengths[Math.floor((9 * lengths.length) / 10)];
  if (middle === undefined || p10 === undefined || p90 === undefined) return undefined;
  return p90 - p10 < 0.05 * middle ? middle : undefined;
}

const NO_NOTES: SetNotes = {
  wallSources: undefined,
  chipSum: undefined,
  partOf: undefined,
  meterStamp: undefined,
  chipStamp: undefined,
  rehearsed: false,
};

function readNotes(path: string | undefined): SetNotes {
  if (path === undefined) return NO_NOTES;
  let parsed: unknown;
  try {
    parsed = JSON.parse(readText(path));
  } catch (cause) {
    throw fault(path, 'set.json is no JSON', 'mend it or remove it', cause);
  }
  const meter = fieldOf(parsed, 'meter');
  const chips = fieldOf(parsed, 'chips');
  const partOf = fieldOf(chips, 'part_of');
  return {
    wallSources: textsOf(fieldOf(meter, 'sources')),
    chipSum: textsOf(fieldOf(chips, 'sum_of')),
    partOf:
      typeof partOf === 'object' && partOf !== null
        ? new Map(
            Object.entries(partOf).flatMap(([part, whole]) =>
              typeof whole === 'string' ? [[part, whole] as const] : [],
            ),
          )
        : undefined,
    meterStamp: stampOf(fieldOf(meter, 'stamp')),
    chipStamp: stampOf(fieldOf(chips, 'stamp')),
    rehearsed: fieldOf(parsed, 'rehearsed') === true,
  };
}

function fieldOf(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  return Object.entries(holder).find(([key]) => key === name)?.[1];
}

function textsOf(list: unknown): readonly string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const texts = list.filter((each): each is string => typeof each === 'string');
  return texts.length > 0 ? texts : undefined;
}

/** Stamps are described in words: a snapshot is told from a mean; which edge a mean names, alignment finds. */
function stampOf(words: unknown): StampMeaning | undefined {
  if (typeof words !== 'string') return undefined;
  const exact = STAMP_MEANINGS.find((meaning) => meaning === words);
  if (exact) return exact;
  if (/instantaneous/i.test(words) && !/counter/i.test(words)) return 'instant';
  return /mean|ending|floored/i.test(words) ? 'end' : undefined;
}
