// A made-up node whose truth is known: chips that step at random, a wall that is an affine of them, and a meter that is
// late. It shares no code with the fit. Noise comes from a seed, so that a failing case can be seen again.
import { energyFromPower } from '../../src/align/series-from-samples.ts';
import type { EnergySeries } from '../../src/align/energy-series.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';

export interface NodeTruth {
  readonly seconds: number;
  readonly seed: number;
  readonly interceptW: number;
  readonly gains: { readonly cpu: number; readonly dram: number; readonly gpu: number };
  readonly noiseW: number;
  /** A level that wanders: standard deviation in W, over about a minute. */
  readonly wanderW: number;
  readonly steady: boolean;
}

export const PLAIN: NodeTruth = {
  seconds: 3600,
  seed: 1,
  interceptW: 240,
  gains: { cpu: 1.2, dram: 1.2, gpu: 1.1 },
  noiseW: 4,
  wanderW: 0,
  steady: false,
};

/** Park and Miller's minimal generator, 1988. */
export function minimalRandom(seed: number): () => number {
  let state = (Math.abs(seed) % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export interface NodeSamples {
  readonly atS: Float64Array;
  readonly wallW: Float64Array;
  readonly chipsW: ReadonlyMap<string, Float64Array>;
}

export function sampleNode(truth: NodeTruth): NodeSamples {
  const random = minimalRandom(truth.seed);
  for (let skipped = 0; skipped < 20; skipped++) random();
  const normal = (): number => {
    let sum = -6;
    for (let draw = 0; draw < 12; draw++) sum += random();
    return sum;
  };
  const count = truth.seconds;
  const column = (): Float64Array => new Float64Array(count);
  const chipsW = new Map([
    ['rapl:package-0', column()],
    ['rapl:dram-0', column()],
    ['nvml:0', column()],
    ['nvml:1', column()],
  ]);
  const wallW = column();
  let cpuLoad = 0.3;
  let gpuLoad = 0.5;
  let wander = 0;
  for (let row = 0; row < count; row++) {
    if (!truth.steady && random() < 1 / 20) cpuLoad = random();
    if (!truth.steady && random() < 1 / 25) gpuLoad = random();
    wander += -wander / 60 + truth.wanderW * Math.sqrt(2 / 60) * normal();
    const cpu = 70 + 110 * cpuLoad + normal();
    const dram = 12 + 14 * cpuLoad * gpuLoad + 0.3 * normal();
    const gpus = [50 + 240 * gpuLoad + normal(), 48 + 230 * gpuLoad + normal()];
    chipsW.get('rapl:package-0')![row] = cpu;
    chipsW.get('rapl:dram-0')![row] = dram;
    chipsW.get('nvml:0')![row] = gpus[0]!;
    chipsW.get('nvml:1')![row] = gpus[1]!;
    wallW[row] =
      truth.interceptW +
      truth.gains.cpu * cpu +
      truth.gains.dram * dram +
      truth.gains.gpu * (gpus[0]! + gpus[1]!) +
      wander +
      truth.noiseW * normal();
  }
  return { atS: Float64Array.from({ length: count }, (_, row) => row + 1), wallW, chipsW };
}

export const ORIGIN: InstantNs = instantNs(1_700_000_000_000_000_000n);

export function seriesFrom(atS: Float64Array, reading: Float64Array, shiftS = 0): EnergySeries {
  const moved = shiftS === 0 ? atS : atS.map((each) => each + shiftS);
  return energyFromPower({ originNs: ORIGIN, atS: moved, reading }, 'end').series;
}

/** Wall and chips as energy; the chips' stamps are later by `shiftS`. */
export function nodeSeries(
  samples: NodeSamples,
  shiftS = 0,
): { wall: EnergySeries; chips: Map<string, EnergySeries> } {
  return {
    wall: seriesFrom(samples.atS, samples.wallW),
    chips: new Map(
      [...samples.chipsW].map(([source, reading]) => [
        source,
        seriesFrom(samples.atS, reading, shiftS),
      ]),
    ),
  };
}
