// Where a fit comes from, kept beside its model: the command line, and what the files of the evidence hashed to, so that
// an auditor who has the same files can make the same model.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { EvidenceFile, FitProvenance } from '../../calibrate/figures/fit-figures.ts';
import { trueupVersion } from '../package-version.ts';

const FILES_COUNT_MAX = 400;
const WORDS_COUNT_MAX = 2000;
const OWN = ['meter.csv', 'chips.csv'] as const;
/** May also lie above the run folders, for all of them. */
const NOTES = ['set.json', 'phases.csv', 'windows.csv'] as const;

/** What a fit was asked for, as its command line said. */
export interface FitAsked {
  readonly argv: readonly string[];
  readonly folders: readonly string[];
  readonly seed: number;
  readonly classPercent: number | undefined;
}

export async function provenanceOf(asked: FitAsked, rehearsed: boolean): Promise<FitProvenance> {
  const paths = [...new Set(asked.folders.flatMap((folder) => filesOf(resolve(folder))))];
  const files: EvidenceFile[] = [];
  for (const path of paths.slice(0, FILES_COUNT_MAX)) {
    files.push({
      name: join(basename(dirname(path)), basename(path)),
      sha256: await hashOf(path),
      sizeBytes: statSync(path).size,
    });
  }
  return {
    argv: ['calibrate', 'fit', ...asked.argv].slice(0, WORDS_COUNT_MAX),
    seed: asked.seed,
    version: trueupVersion(),
    ...(asked.classPercent === undefined ? {} : { meterClassPercent: asked.classPercent }),
    rehearsed,
    files,
    filesCount: paths.length,
  };
}

/** The files that a run folder is read from: the first that exists of each, as the reader takes them. */
function filesOf(folder: string): readonly string[] {
  const firstOf = (name: string, places: readonly string[]): readonly string[] =>
    places
      .flatMap((place) => [join(place, `${name}.gz`), join(place, name)])
      .filter((path) => existsSync(path))
      .slice(0, 1);
  return [
    ...OWN.flatMap((name) => firstOf(name, [folder])),
    ...NOTES.flatMap((name) => firstOf(name, [folder, dirname(folder)])),
  ];
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
