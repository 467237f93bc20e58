// A recorded set as evidence, and the fit of a part of it with a plain affine beside: what every held-out comparison begins with.
import { readdirSync } from 'node:fs';
import { alignRuns, type AlignedRuns } from '../../src/calibrate/clocks/align-runs.ts';
import { componentTerms, type ChipTerm } from '../../src/calibrate/chip-terms.ts';
import { rowsOfRuns, type RunEvidence } from '../../src/calibrate/evidence-rows.ts';
import { chipTotalW, type Rows } from '../../src/calibrate/rows.ts';
import { fitModel, type FitFrame } from '../../src/calibrate/fit-model.ts';
import { blockFor } from '../../src/calibrate/fit-node.ts';
import { evidenceOf, layoutOf } from '../../src/cli/calibrate/sources.ts';
import { readRunFolder, type RunFolder } from '../../src/cli/calibrate/run-folder.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal, type Refusal } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import { shared } from '../../test/fixtures.ts';

export const must = <T>(outcome: T | Refusal): T => {
  if (isRefusal(outcome)) throw new Error(`${outcome.code}: ${outcome.because}`);
  return outcome;
};

export interface RecordedRun {
  readonly folder: RunFolder;
  readonly nodes: ReadonlyMap<string, RunEvidence>;
}

/** A model and a plain affine by ordinary least squares on the same rows. */
export interface Fitted {
  readonly model: CorrectionModel;
  readonly affine: CorrectionModel;
}

/** All runs of a set in the order of their names; empty where the set is absent. */
export async function loadSet(set: string): Promise<readonly RecordedRun[]> {
  const path = shared('data', set);
  if (path === undefined) return [];
  const names = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const runs: RecordedRun[] = [];
  for (const name of names) {
    const folder = await readRunFolder(shared('data', set, name) ?? name);
    const stamps = {
      meter: folder.notes.meterStamp ?? 'end',
      chips: folder.notes.chipStamp ?? 'end',
    };
    const nodes = evidenceOf(folder, stamps);
    runs.push({ folder, nodes: new Map(nodes.map((node) => [node.machine, node.evidence])) });
  }
  return runs;
}

export const evidence = (runs: readonly RecordedRun[]): readonly RunEvidence[] =>
  runs.flatMap((run) => [...run.nodes.values()]);

export function termsOf(runs: readonly RecordedRun[]): readonly ChipTerm[] {
  const [first] = runs;
  const sample = first && [...first.nodes.values()][0];
  if (!first || !sample) throw new Error('the set is empty');
  return componentTerms([...sample.chips.keys()], layoutOf(first.folder));
}

export function frameOf(
  aligned: AlignedRuns,
  sample: RunEvidence,
  folder: RunFolder,
): Omit<FitFrame, 'node'> {
  return {
    fittedAtNs: instantNs(0n),
    seed: 1,
    offsetS: aligned.typical.offsetS,
    rateRatio: aligned.typical.rateRatio,
    offsetUncertaintyS: aligned.typical.offsetUncertaintyS,
    aligned: aligned.typical.alignedCount > 0,
    meterRatio: undefined,
    meterSources: sample.feeds.map((feed) => feed.source),
    heldMeters: aligned.held,
    chipStamp: folder.notes.chipStamp ?? 'end',
    chipWindowS: folder.windowS,
  };
}

export function rowsFor(
  runs: readonly RecordedRun[],
  used: readonly RunEvidence[],
  terms: readonly ChipTerm[],
  aligned: AlignedRuns,
): Rows {
  const coveredS = used.reduce((sum, run) => sum + (run.feeds[0]?.series.coveredS.at(-1) ?? 0), 0);
  const blockS = Math.min(blockFor(coveredS), runs[0]?.folder.windowS ?? Infinity);
  return must(rowsOfRuns(aligned.runs, terms, aligned.held, blockS));
}

export function fitRowsOf(
  rows: Rows,
  terms: readonly ChipTerm[],
  frame: Omit<FitFrame, 'node'>,
): Fitted {
  const model = must(fitModel(rows, terms, { ...frame, node: 'node' }));
  return { model, affine: plainAffine(model, rows, terms) };
}

export function fitOn(runs: readonly RecordedRun[], used: readonly RunEvidence[]): Fitted {
  const [first] = runs;
  const [sample] = used;
  if (!first || !sample) throw new Error('nothing to fit');
  const terms = termsOf(runs);
  const aligned = must(alignRuns(used, terms));
  return fitRowsOf(
    rowsFor(runs, used, terms, aligned),
    terms,
    frameOf(aligned, sample, first.folder),
  );
}

/** The model that a spreadsheet would give: one slope, one intercept, no bounds, no weights, on the same aligned rows. */
function plainAffine(
  model: CorrectionModel,
  rows: Rows,
  terms: readonly ChipTerm[],
): CorrectionModel {
  const chips = chipTotalW(rows);
  const meanX = chips.reduce((sum, each) => sum + each, 0) / rows.count;
  const meanY = rows.meterW.reduce((sum, each) => sum + each, 0) / rows.count;
  let xx = 0;
  let xy = 0;
  chips.forEach((x, row) => {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * ((rows.meterW[row] ?? 0) - meanY);
  });
  const gainRatio = xy / xx;
  const inside = new Set(terms.flatMap((term) => term.less));
  const sources = terms.flatMap((term) => term.sources).filter((source) => !inside.has(source));
  const { detail } = model;
  return {
    ...model,
    interceptW: watts(meanY - gainRatio * meanX),
    terms: [{ name: 'chips', sources: [...new Set(sources)], gainRatio, gainUncertaintyRatio: 0 }],
    ...(detail
      ? { detail: { ...detail, form: 'affine' as const, shapes: [], covariance: [0, 0, 0, 0] } }
      : {}),
  };
}
