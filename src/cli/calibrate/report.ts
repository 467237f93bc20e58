// `trueup calibrate report --model M.json --out report.html`: a file of models and the figures of their fit become one
// printable page. The model file is all that it reads, so the page says nothing that the file does not.
import { realpathSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeFigures } from '../../calibrate/figures/fit-figures-json.ts';
import { decodeModelSet } from '../../calibrate/model-set.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { EXIT } from '../command.ts';
import type { Output } from './fit-summary.ts';
import { readModelDocument } from './model-file.ts';
import { reportPage } from '../report-page/report-page.ts';

export const REPORT_USAGE = 'trueup calibrate report --model M.json --out REPORT.html [--json]';

interface ReportOptions {
  readonly model: string;
  readonly out: string;
  readonly json: boolean;
}

/** Runs the command; exit codes 0 done, 1 the model file is wrong, 2 usage or a place that cannot be written to. */
export function calibrateReport(argv: readonly string[], io: Output): number {
  let options: ReportOptions;
  try {
    options = parse(argv);
  } catch (problem) {
    io.err(problem instanceof Error ? problem.message : String(problem));
    io.err(`usage: ${REPORT_USAGE}`);
    return EXIT.usage;
  }
  let page: string;
  let modelsCount: number;
  let figuresCount: number;
  try {
    const document = readModelDocument(options.model);
    const set = decodeModelSet(document, options.model);
    const figures = decodeFigures(document, options.model);
    modelsCount = set.models.length;
    figuresCount = figures.length;
    page = reportPage(set, figures);
  } catch (problem) {
    if (!(problem instanceof SiteFault)) throw problem;
    io.err(problem.message);
    return EXIT.wrong;
  }
  try {
    writeFileSync(options.out, page);
  } catch (problem) {
    io.err(`${options.out}: ${problem instanceof Error ? problem.message : String(problem)}`);
    return EXIT.usage;
  }
  tell(options, page, modelsCount, figuresCount, io);
  return EXIT.done;
}

function parse(argv: readonly string[]): ReportOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      model: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { model, out, json } = values;
  if (model === undefined) throw new Error('--model M.json is missing');
  if (out === undefined) throw new Error('--out REPORT.html is missing');
  if (samePlace(model, out)) throw new Error('--out is the model file itself: name another');
  return { model, out, json };
}

function samePlace(one: string, other: string): boolean {
  const placeOf = (path: string): string => {
    try {
      return realpathSync(path);
    } catch {
      // It does not exist yet: its name is all there is to compare.
      return resolve(path);
    }
  };
  return placeOf(one) === placeOf(other);
}

function tell(
  options: ReportOptions,
  page: string,
  modelsCount: number,
  figuresCount: number,
  io: Output,
): void {
  if (options.json) {
    io.out(
      JSON.stringify({
        out: options.out,
        size_bytes: Buffer.byteLength(page),
        models_count: modelsCount,
        figures_count: figuresCount,
      }),
    );
    return;
  }
  io.out(`${options.out}: ${modelsCount} model(s) in ${Math.ceil(page.length / 1024)} KiB`);
  if (figuresCount === 0) {
    io.err(
      `${options.model} has no figures, so the page has no plots: fit again with trueup calibrate fit`,
    );
  }
}
