// The calibrated energy of a node as a counter that only rises, for programs that ask for a counter: what the wall gave beyond
// what the GPU boards and the memory count themselves. It begins when somebody first asks.
import { applyModel } from '../../calibrate/apply-model.ts';
import { chipKindOf } from '../../calibrate/chip-terms.ts';
import { ageS } from '../../calibrate/corrected-rows.ts';
import { modelAt } from '../../calibrate/life/model-life.ts';
import { isRefusal, refuse, type Refusal } from '../../quantity/fault.ts';
import { since, toSeconds, type InstantNs } from '../../quantity/time.ts';
import { joulesToMicrojoules } from '../../quantity/units.ts';
import type { NodeSight } from '../window-energy.ts';

export interface NodeCount {
  /** Wall energy less that of GPU boards and memory: zero or more, never falling. */
  readonly cpuUj: bigint;
  readonly dramUj: bigint;
  /** Mean power over the newest step; undefined before there was one. */
  readonly cpuW: number | undefined;
  readonly dramW: number | undefined;
}

export class NodeCounter {
  private atNs: InstantNs | undefined;
  private cpuUj = 0n;
  private dramUj = 0n;
  private cpuW: number | undefined;
  private dramW: number | undefined;
  /** What a step fell short of zero: a board that said more than the wall gave is paid back before the counter rises. */
  private owedUj = 0n;

  /**
   * Counts up to where all chips were read. A step that nobody saw whole (a reboot, an agent that was silent for long) adds
   * nothing. Refuses `calibrate.few` where the node has no correction.
   */
  follow(sight: NodeSight): NodeCount | Refusal {
    const { model, chips } = sight;
    if (!model || chips.size === 0) {
      return refuse(
        'calibrate.few',
        chips.size === 0 ? 'its chips are not heard' : 'it has no correction yet',
        'run trueup agent on the node and meter it for some minutes',
      );
    }
    const newestNs = [...chips.values()]
      .map((curve) => curve.lastAnchor()?.atNs)
      .reduce((least, each) =>
        least === undefined || each === undefined || each < least ? each : least,
      );
    const lastNs = this.atNs;
    if (newestNs === undefined || (lastNs !== undefined && newestNs <= lastNs)) return this.count();
    this.atNs = newestNs;
    if (lastNs === undefined) return this.count();
    const energies = new Map<string, number>();
    let gpuUj = 0n;
    let dramUj = 0n;
    for (const [source, curve] of chips) {
      const from = curve.energyAt(lastNs);
      const until = curve.energyAt(newestNs);
      if (!from || !until || from.stretch !== until.stretch) return this.count();
      const stepUj = until.energyUj - from.energyUj;
      energies.set(source, Number(stepUj) / 1e6);
      const kind = chipKindOf(source);
      if (kind === 'gpu') gpuUj += stepUj;
      if (kind === 'dram') dramUj += stepUj;
    }
    const held = modelAt(model, lastNs);
    if (isRefusal(held)) return held;
    const lengthS = toSeconds(since(lastNs, newestNs));
    const corrected = applyModel(held, energies, lengthS, { ageS: ageS(held, lastNs) });
    if (isRefusal(corrected)) return corrected;
    const wallUj: bigint = joulesToMicrojoules(corrected.energyJ);
    const restUj = wallUj - gpuUj - dramUj - this.owedUj;
    this.owedUj = restUj < 0n ? -restUj : 0n;
    this.cpuUj += restUj > 0n ? restUj : 0n;
    this.dramUj += dramUj;
    this.cpuW = Number(wallUj - gpuUj - dramUj) / 1e6 / lengthS;
    this.dramW = Number(dramUj) / 1e6 / lengthS;
    return this.count();
  }

  private count(): NodeCount {
    const { cpuUj, dramUj, cpuW, dramW } = this;
    return { cpuUj, dramUj, cpuW, dramW };
  }
}
