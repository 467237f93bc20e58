// The contract of what a fit keeps for its report beside the model: enough to draw it, and no more. Every list is
// bounded, whatever the length of the evidence, and thinned by a rule that is the same each time. Figures are no part of
// the model: neither its identity nor the ledger knows them, and nothing is ever corrected by them.
//
// An error is predicted less metered: above 0 the model states too much. A ratio is relative to what was metered.

/** Where the figures come from, so that somebody else can make them again. */
export interface FitProvenance {
  /** The words of the command line after `trueup`. */
  readonly argv: readonly string[];
  readonly seed: number;
  readonly version: string;
  /** Limit of error of the meter in per cent, as it was stated; undefined where nobody stated it. */
  readonly meterClassPercent?: number;
  /** True where the evidence comes from a rehearsal and proves nothing about a real node. */
  readonly rehearsed: boolean;
  readonly files: readonly EvidenceFile[];
  /** Of all files, listed or not. */
  readonly filesCount: number;
}

export interface EvidenceFile {
  /** The folder of the run and the name in it. */
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface EvidenceFigure {
  readonly runsCount: number;
  readonly nodesCount: number;
  readonly rowsCount: number;
  /** Days of UTC on which there is evidence. */
  readonly daysCount: number;
  readonly coveredS: number;
  readonly meterEnergyJ: number;
  readonly meanMeterW: number;
  readonly meanChipW: number;
  readonly applicationsCount: number;
  readonly applications: readonly string[];
}

/** Wall power against chip power; `line` is the mean prediction in steps of chip power, at the mix that was seen there. */
export interface ScatterFigure {
  /** Of all rows, before they were thinned. */
  readonly rowsCount: number;
  readonly rowS: number;
  readonly chipW: readonly number[];
  readonly meterW: readonly number[];
  readonly predictedW: readonly number[];
  /** Index into the applications of the evidence, -1 where none is known. */
  readonly application: readonly number[];
  readonly line: { readonly chipW: readonly number[]; readonly predictedW: readonly number[] };
}

/** Errors of successive blocks, in order of time. */
export interface ResidualFigure {
  readonly blockS: number;
  /** Of all blocks, before they were thinned. */
  readonly blocksCount: number;
  /** Middle of each block, seconds since 1970. */
  readonly atS: readonly number[];
  readonly coveredS: readonly number[];
  readonly errorW: readonly number[];
  /** U of each block, W; absent where the model states none. */
  readonly expandedW?: readonly number[];
  /** Number of the run of each block, counted in order of time. */
  readonly run: readonly number[];
}

/** One application, run or node as a whole. */
export interface ErrorFigure {
  readonly name: string;
  /** Of the first row, seconds since 1970. */
  readonly fromS: number;
  readonly coveredS: number;
  readonly meanMeterW: number;
  readonly errorRatio: number;
  /** U over all of it, relative. */
  readonly expandedRatio?: number;
  /** The error of a fit that did not see it. */
  readonly leftOutRatio?: number;
}

/** The list as kept, and how many there were. */
export interface ErrorList {
  readonly count: number;
  readonly kept: readonly ErrorFigure[];
}

/** Offset of the chips' clock against the meter's at the first stamp of a run. */
export interface ClockFigure {
  readonly run: string;
  readonly atS: number;
  readonly offsetS: number;
  readonly uncertaintyS: number;
}

/** Residual over the offsets that were tried in one run; they hold in its middle. */
export interface TraceFigure {
  readonly run: string;
  readonly offsetS: readonly number[];
  readonly residualW: readonly number[];
  readonly bestOffsetS: number;
  readonly uncertaintyS: number;
}

/** How an offset moved within a run. */
export interface DriftFigure {
  readonly run: string;
  readonly atS: readonly number[];
  readonly offsetS: readonly number[];
  readonly uncertaintyS: readonly number[];
}

export interface AlignmentFigure {
  readonly typicalOffsetS: number;
  readonly typicalUncertaintyS: number;
  /** Runs whose own load edges show the offset. */
  readonly alignedCount: number;
  readonly runsCount: number;
  readonly clocks: readonly ClockFigure[];
  readonly traces: readonly TraceFigure[];
  readonly overTime: readonly DriftFigure[];
}

/** Share of spans whose error lies inside the band that the model states for a share of all. */
export interface CoverageFigure {
  readonly spans: 'minutes' | 'quarter-hours' | 'runs';
  /** `fitted`: the spans were part of the fit; `left out`: they were not, so it is the harder question. */
  readonly basis: 'fitted' | 'left out';
  readonly spansCount: number;
  readonly nominalRatio: readonly number[];
  readonly insideRatio: readonly number[];
}

export const ADDS = ['linearly', 'in quadrature', 'at the outer edges'] as const;

export interface BudgetLine {
  readonly part: string;
  readonly adds: (typeof ADDS)[number];
  /** Infinity for type B. */
  readonly dof: number;
  readonly source: string;
  /** Standard uncertainty of mean power, W, for each span of the budget. */
  readonly uncertaintyW: readonly number[];
}

/** The budget at the mean load of the evidence, for spans of several lengths. */
export interface BudgetFigure {
  readonly powerW: number;
  readonly spansS: readonly number[];
  readonly lines: readonly BudgetLine[];
  readonly combinedW: readonly number[];
  /** k = t(ν_eff) of each span. */
  readonly coverageFactor: readonly number[];
}

export interface FitFigures {
  /** The model that these figures belong to. */
  readonly modelId: string;
  readonly provenance?: FitProvenance;
  readonly evidence: EvidenceFigure;
  readonly scatter: ScatterFigure;
  readonly residuals: ResidualFigure;
  readonly applications: ErrorList;
  readonly runs: ErrorList;
  /** Empty where one node was fitted. */
  readonly nodes: ErrorList;
  readonly coverage: readonly CoverageFigure[];
  readonly alignment?: AlignmentFigure;
  readonly budget?: BudgetFigure;
}
