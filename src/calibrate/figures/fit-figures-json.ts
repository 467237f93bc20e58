// Figures of fits as JSON, beside the models in one file. Numbers are cut to six digits: a plot shows no more. Reading
// trusts nothing, as for models: what is no finite number, or more than a page can bear, is named with its path.
import { SiteFault } from '../../quantity/fault.ts';
import { Fields, type ModelDocument } from '../document-fields.ts';
import { decodeAlignment, encodeAlignment } from './alignment-json.ts';
import { decodeBudget, encodeBudget } from './budget-json.ts';
import { decodeErrors, encodeErrors } from './error-list-json.ts';
import type {
  CoverageFigure,
  EvidenceFigure,
  FitFigures,
  FitProvenance,
  ResidualFigure,
  ScatterFigure,
} from './fit-figures.ts';
import { columns, instantOf, oneOf, rounded, stampOf } from './number-columns.ts';

const FIGURES_FORMAT = 'trueup-fit-figures/1';
const FIGURES_COUNT_MAX = 1000;
const COVERAGE_SPANS = ['minutes', 'quarter-hours', 'runs'] as const;
const COVERAGE_BASES = ['fitted', 'left out'] as const;

export function encodeFigures(figures: FitFigures): ModelDocument {
  const { provenance, alignment, budget } = figures;
  return {
    format: FIGURES_FORMAT,
    model_id: figures.modelId,
    ...(provenance ? { provenance: encodeProvenance(provenance) } : {}),
    evidence: encodeEvidence(figures.evidence),
    scatter: encodeScatter(figures.scatter),
    residuals: encodeResiduals(figures.residuals),
    applications: encodeErrors(figures.applications),
    runs: encodeErrors(figures.runs),
    nodes: encodeErrors(figures.nodes),
    coverage: figures.coverage.map(encodeCoverage),
    ...(alignment ? { alignment: encodeAlignment(alignment) } : {}),
    ...(budget ? { budget: encodeBudget(budget) } : {}),
  };
}

/** The figures in a file of models; none where it has none. Throws SiteFault that names the field. */
export function decodeFigures(document: unknown, where: string): readonly FitFigures[] {
  const list =
    typeof document === 'object' && document !== null && 'figures' in document
      ? document.figures
      : [];
  if (!Array.isArray(list) || list.length > FIGURES_COUNT_MAX) {
    throw new SiteFault({
      where: `${where}/figures`,
      what: 'is no list of figures',
      remedy: 'use a file that trueup calibrate fit wrote',
    });
  }
  return Array.from<unknown>(list).map((each, index) =>
    decodeOne(new Fields(each, `${where}/figures/${index}`)),
  );
}

function decodeOne(top: Fields): FitFigures {
  if (top.text('format') !== FIGURES_FORMAT) throw top.fault('format', `is not ${FIGURES_FORMAT}`);
  return {
    modelId: top.text('model_id'),
    ...(top.has('provenance') ? { provenance: decodeProvenance(top.inner('provenance')) } : {}),
    evidence: decodeEvidence(top.inner('evidence')),
    scatter: decodeScatter(top.inner('scatter')),
    residuals: decodeResiduals(top.inner('residuals')),
    applications: decodeErrors(top.inner('applications')),
    runs: decodeErrors(top.inner('runs')),
    nodes: decodeErrors(top.inner('nodes')),
    coverage: top.list('coverage').slice(0, 12).map(decodeCoverage),
    ...(top.has('alignment') ? { alignment: decodeAlignment(top.inner('alignment')) } : {}),
    ...(top.has('budget') ? { budget: decodeBudget(top.inner('budget')) } : {}),
  };
}

const encodeProvenance = (from: FitProvenance): ModelDocument => ({
  argv: from.argv,
  seed: from.seed,
  version: from.version,
  ...(from.meterClassPercent === undefined ? {} : { meter_class_percent: from.meterClassPercent }),
  rehearsed: from.rehearsed,
  files: from.files.map((file) => ({
    name: file.name,
    sha256: file.sha256,
    size_bytes: file.sizeBytes,
  })),
  files_count: from.filesCount,
});

const decodeProvenance = (from: Fields): FitProvenance => ({
  argv: from.texts('argv'),
  seed: from.number('seed'),
  version: from.text('version'),
  ...(from.has('meter_class_percent')
    ? { meterClassPercent: from.number('meter_class_percent', 0) }
    : {}),
  rehearsed: from.truth('rehearsed'),
  files: from.list('files').map((file) => ({
    name: file.text('name'),
    sha256: file.text('sha256'),
    sizeBytes: file.number('size_bytes', 0),
  })),
  filesCount: from.number('files_count', 0),
});

const encodeEvidence = (evidence: EvidenceFigure): ModelDocument => ({
  runs_count: evidence.runsCount,
  nodes_count: evidence.nodesCount,
  rows_count: evidence.rowsCount,
  days_count: evidence.daysCount,
  covered_s: rounded(evidence.coveredS),
  meter_energy_j: rounded(evidence.meterEnergyJ),
  mean_meter_w: rounded(evidence.meanMeterW),
  mean_chip_w: rounded(evidence.meanChipW),
  applications_count: evidence.applicationsCount,
  applications: evidence.applications.map((name) => name.slice(0, 200)),
});

const decodeEvidence = (evidence: Fields): EvidenceFigure => ({
  runsCount: evidence.number('runs_count', 0),
  nodesCount: evidence.number('nodes_count', 0),
  rowsCount: evidence.number('rows_count', 0),
  daysCount: evidence.number('days_count', 0),
  coveredS: evidence.number('covered_s', 0),
  meterEnergyJ: evidence.number('meter_energy_j', 0),
  meanMeterW: evidence.number('mean_meter_w', 0),
  meanChipW: evidence.number('mean_chip_w', 0),
  applicationsCount: evidence.number('applications_count', 0),
  applications: evidence.texts('applications').slice(0, 200),
});

const encodeScatter = (scatter: ScatterFigure): ModelDocument => ({
  rows_count: scatter.rowsCount,
  row_s: rounded(scatter.rowS),
  chip_w: scatter.chipW.map(rounded),
  meter_w: scatter.meterW.map(rounded),
  predicted_w: scatter.predictedW.map(rounded),
  application: scatter.application,
  line_chip_w: scatter.line.chipW.map(rounded),
  line_predicted_w: scatter.line.predictedW.map(rounded),
});

function decodeScatter(scatter: Fields): ScatterFigure {
  const [chipW = [], meterW = [], predictedW = [], application = []] = columns(scatter, [
    'chip_w',
    'meter_w',
    'predicted_w',
    'application',
  ]);
  const [lineChipW = [], linePredictedW = []] = columns(scatter, [
    'line_chip_w',
    'line_predicted_w',
  ]);
  return {
    rowsCount: scatter.number('rows_count', 0),
    rowS: scatter.number('row_s', 0),
    chipW,
    meterW,
    predictedW,
    application,
    line: { chipW: lineChipW, predictedW: linePredictedW },
  };
}

const encodeResiduals = (residuals: ResidualFigure): ModelDocument => ({
  block_s: residuals.blockS,
  blocks_count: residuals.blocksCount,
  at_s: residuals.atS.map(stampOf),
  covered_s: residuals.coveredS.map(rounded),
  error_w: residuals.errorW.map(rounded),
  ...(residuals.expandedW ? { expanded_w: residuals.expandedW.map(rounded) } : {}),
  run: residuals.run,
});

function decodeResiduals(residuals: Fields): ResidualFigure {
  const withBand = residuals.has('expanded_w');
  const names = ['at_s', 'covered_s', 'error_w', 'run', ...(withBand ? ['expanded_w'] : [])];
  const [atS = [], coveredS = [], errorW = [], run = [], expandedW = []] = columns(
    residuals,
    names,
  );
  return {
    blockS: residuals.number('block_s', 0),
    blocksCount: residuals.number('blocks_count', 0),
    atS: atS.map((each) => instantOf(residuals, 'at_s', each)),
    coveredS,
    errorW,
    ...(withBand ? { expandedW } : {}),
    run,
  };
}

const encodeCoverage = (coverage: CoverageFigure): ModelDocument => ({
  spans: coverage.spans,
  basis: coverage.basis,
  spans_count: coverage.spansCount,
  nominal_ratio: coverage.nominalRatio,
  inside_ratio: coverage.insideRatio.map(rounded),
});

function decodeCoverage(coverage: Fields): CoverageFigure {
  const [nominalRatio = [], insideRatio = []] = columns(coverage, [
    'nominal_ratio',
    'inside_ratio',
  ]);
  return {
    spans: oneOf(coverage, 'spans', COVERAGE_SPANS),
    basis: oneOf(coverage, 'basis', COVERAGE_BASES),
    spansCount: coverage.number('spans_count', 0),
    nominalRatio,
    insideRatio,
  };
}
