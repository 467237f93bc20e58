// What a fit found, for people line by line or as one JSON object.
import { blockWords } from '../../calibrate/gates.ts';
import type { AlignedRuns } from '../../calibrate/clocks/align-runs.ts';
import type { FitFigures } from '../../calibrate/figures/fit-figures.ts';
import type { ModelSet } from '../../calibrate/model-set.ts';
import type { CorrectionModel, CorrectionShape } from '../../quantity/correction.ts';
import { formatRatioPercent } from '../../quantity/format.ts';

/** Where a command writes its lines: results and, apart from them, progress and troubles. */
export interface Output {
  out(line: string): void;
  err(line: string): void;
}

export interface Fitted {
  readonly set: ModelSet;
  /** For the report. */
  readonly figures: readonly FitFigures[];
  readonly aligned: readonly AlignedRuns[];
  readonly flawsCount: number;
  readonly runsCount: number;
  /** Recordings set aside since meter and chips did not see the same load. */
  readonly tornRuns: readonly string[];
}

/** Says what was found, and which gates are open. */
export function report(
  fitted: Fitted,
  options: { readonly json: boolean; readonly model: string },
  io: Output,
): void {
  const refusals = fitted.aligned.flatMap((each) => each.refusals);
  const shown = fitted.set.unmetered ?? fitted.set.models[0];
  if (!shown) return;
  if (options.json) {
    io.out(
      JSON.stringify({
        model: options.model,
        runs_count: fitted.runsCount,
        flawed_samples_count: fitted.flawsCount,
        torn_runs: fitted.tornRuns,
        unaligned_runs: refusals.map((each) => ({
          run: each.run,
          refused: each.refusal.code,
          because: each.refusal.because,
        })),
        clock_notices: fitted.aligned.flatMap((each) => each.notices),
        models: fitted.set.models.map(summaryOf),
        ...(fitted.set.unmetered ? { unmetered: summaryOf(fitted.set.unmetered) } : {}),
      }),
    );
    return;
  }
  io.out(
    `model ${shown.id} (${shown.standing}), ${fitted.set.models.length} node(s) of ${fitted.runsCount} run(s)`,
  );
  io.out(`gap        ${formatRatioPercent(shown.gapRatio)} of the wall is not seen by the chips`);
  io.out(`intercept  ${shown.interceptW.toFixed(1)} W`);
  for (const term of shown.terms) {
    io.out(
      `gain       ${term.name}: ${term.gainRatio.toFixed(4)} ± ${(2 * term.gainUncertaintyRatio).toFixed(4)} (${term.sources.length} sources)`,
    );
  }
  for (const shape of shown.detail?.shapes ?? []) io.out(`shape      ${shapeText(shape)}`);
  io.out(
    `clock      chips ${(Number(shown.offsetNs) / 1e9).toFixed(3)} s later than the meter, rate ${((shown.detail?.rateRatio ?? 0) * 1e6).toFixed(0)} ppm`,
  );
  for (const meter of shown.detail?.heldMeters ?? []) {
    io.out(
      `meter      ${meter.source}: mean of ${meter.windowS.toFixed(1)} s, shown ${meter.delayS.toFixed(1)} s later, ${formatRatioPercent(meter.shareRatio)} of the node`,
    );
  }
  const held = shown.detail?.heldBack;
  if (held) {
    io.out(
      `held back  energy ${(100 * held.biasRatio).toFixed(2)} %, ${(100 * held.cvRatio).toFixed(2)} % RMS over ${held.blocksCount} blocks of ${blockWords(held.blockS)}`,
    );
  }
  const pooled = shown.detail?.pooled;
  if (pooled)
    io.out(
      `nodes      ${pooled.nodesCount}, scatter ${(100 * pooled.betweenNodesRatio).toFixed(2)} %`,
    );
  for (const [kind, folds] of Object.entries(shown.detail?.leftOut ?? {})) {
    const each = folds.map((fold) => `${fold.name} ${(100 * fold.biasRatio).toFixed(2)} %`);
    if (each.length > 0 && each.length <= 12) {
      io.out(`left out   ${kind === 'byDay' ? 'days' : 'applications'}: ${each.join(', ')}`);
    }
  }
  for (const gate of shown.open) io.out(`open       ${gate}`);
  for (const note of shown.notes ?? []) io.out(`note       ${note}`);
  if (fitted.tornRuns.length > 0) {
    io.err(
      `${fitted.tornRuns.length} runs set aside: meter and chips did not see the same load (${fitted.tornRuns.slice(0, 3).join(', ')}${fitted.tornRuns.length > 3 ? ', ...' : ''})`,
    );
  }
  for (const { run, words } of fitted.aligned.flatMap((each) => each.notices)) {
    io.err(run === '' ? `attention: ${words}` : `attention: ${run}: ${words}`);
  }
  if (refusals.length === 0) return;
  io.err(
    `${refusals.length} of ${fitted.runsCount} runs show no edge of their own and take the typical offset:`,
  );
  for (const each of refusals.slice(0, 3)) io.err(`  ${each.run}: ${each.refusal.because}`);
  if (refusals.length > 3) io.err(`  and ${refusals.length - 3} more (--json lists all)`);
}

function shapeText(shape: CorrectionShape): string {
  const gain = `${shape.gainRatio.toFixed(4)} ± ${(2 * shape.gainUncertaintyRatio).toFixed(4)}`;
  switch (shape.kind) {
    case 'slow':
      return `slow state: ${gain} of chip power, ${shape.tauS} s late`;
    case 'warm':
      return `warm losses: ${gain} per ${shape.scaleW} W of chip power, ${shape.tauS} s late`;
    case 'square':
      return `square of the load: ${gain} per ${shape.scaleW} W`;
  }
}

const summaryOf = (model: CorrectionModel): Record<string, unknown> => ({
  node: model.node,
  id: model.id,
  standing: model.standing,
  open: model.open,
  notes: model.notes ?? [],
  gap_percent: 100 * model.gapRatio,
  intercept_w: model.interceptW,
  gains: Object.fromEntries(model.terms.map((term) => [term.name, term.gainRatio])),
  offset_s: Number(model.offsetNs) / 1e9,
  rate_ratio: model.detail?.rateRatio ?? 0,
  shapes: model.detail?.shapes ?? [],
  left_out: model.detail?.leftOut,
  held_back_bias_percent: model.detail?.heldBack
    ? 100 * model.detail.heldBack.biasRatio
    : undefined,
  held_back_cv_percent: model.detail?.heldBack ? 100 * model.detail.heldBack.cvRatio : undefined,
});
