// What the nodes of a rehearsal are asked to do: idle, train, answer in bursts, stream memory. A phase lasts 10 to 40 s
// of civil time, so that a minute or two shows enough steps to tell a gain from an offset, and never repeats at once.
import type { Dice } from './dice.ts';

export const PHASES = ['idle', 'train', 'inference', 'memory', 'compute'] as const;
export type Phase = (typeof PHASES)[number];

/** How busy the parts of a node are, 0 to 1. */
export interface Activity {
  cpuRatio: number;
  dramRatio: number;
  gpuRatio: number;
}

export interface LoadProgramme {
  /** Busy-ness during the step that begins after `elapsedS` seconds; called once per step, in order. */
  at(elapsedS: number): Activity;
  readonly phase: Phase;
}

interface Shape {
  readonly cpu: readonly [number, number];
  readonly dram: readonly [number, number];
  readonly gpu: readonly [number, number];
  /** Length of one iteration or burst cycle, s. */
  readonly cycleS: readonly [number, number];
  /** Part of a cycle that is busy. */
  readonly dutyRatio: readonly [number, number];
  /** What remains of the load in the slack part of a cycle. */
  readonly slackRatio: number;
  /** Bursts come at random; iterations come like a clock. */
  readonly random: boolean;
}

const SHAPES: Readonly<Record<Phase, Shape>> = {
  idle: {
    cpu: [0.005, 0.03],
    dram: [0.01, 0.04],
    gpu: [0, 0.01],
    cycleS: [2, 9],
    dutyRatio: [0.05, 0.2],
    slackRatio: 0.3,
    random: true,
  },
  train: {
    cpu: [0.12, 0.35],
    dram: [0.2, 0.45],
    gpu: [0.72, 0.98],
    cycleS: [0.35, 1.1],
    dutyRatio: [0.8, 0.93],
    slackRatio: 0.35,
    random: false,
  },
  inference: {
    cpu: [0.15, 0.6],
    dram: [0.15, 0.4],
    gpu: [0.45, 0.9],
    cycleS: [0.4, 4],
    dutyRatio: [0.3, 0.7],
    slackRatio: 0.08,
    random: true,
  },
  memory: {
    cpu: [0.3, 0.55],
    dram: [0.75, 1],
    gpu: [0.25, 0.5],
    cycleS: [5, 15],
    dutyRatio: [0.85, 0.95],
    slackRatio: 0.6,
    random: false,
  },
  compute: {
    cpu: [0.7, 1],
    dram: [0.1, 0.35],
    gpu: [0, 0.15],
    cycleS: [3, 12],
    dutyRatio: [0.85, 0.97],
    slackRatio: 0.4,
    random: false,
  },
};

/** Steps come within this time even where a phase begins: clocks ramp, kernels start one after another. */
const RAMP_S = 0.6;

/** The programme of one node; the same dice give the same programme. */
export function loadProgramme(dice: Dice): LoadProgramme {
  let phase: Phase = 'idle';
  let endsS = 0;
  let level: Activity = { cpuRatio: 0, dramRatio: 0, gpuRatio: 0 };
  let cycleS = 1;
  let dutyRatio = 1;
  let cycleFromS = 0;
  let busyUntilS = 0;
  const now: Activity = { cpuRatio: 0, dramRatio: 0, gpuRatio: 0 };
  let lastS = 0;

  const pick = ([from, until]: readonly [number, number]): number => dice.uniform(from, until);
  const startPhase = (elapsedS: number): void => {
    const others = PHASES.filter((candidate) => candidate !== phase);
    phase = others[dice.whole(others.length)] ?? 'idle';
    const shape = SHAPES[phase];
    endsS = elapsedS + dice.uniform(10, 40);
    level = { cpuRatio: pick(shape.cpu), dramRatio: pick(shape.dram), gpuRatio: pick(shape.gpu) };
    cycleS = pick(shape.cycleS);
    dutyRatio = pick(shape.dutyRatio);
    cycleFromS = elapsedS;
    busyUntilS = elapsedS + cycleS * dutyRatio;
  };
  const startCycle = (elapsedS: number): void => {
    const shape = SHAPES[phase];
    const lengthS = shape.random ? cycleS * dice.uniform(0.3, 1.9) : cycleS;
    cycleS = shape.random ? pick(shape.cycleS) : cycleS;
    cycleFromS = elapsedS;
    busyUntilS = elapsedS + lengthS * dutyRatio;
  };

  return {
    get phase() {
      return phase;
    },
    at(elapsedS) {
      if (elapsedS >= endsS) startPhase(elapsedS);
      else if (elapsedS >= cycleFromS + cycleS && elapsedS >= busyUntilS) startCycle(elapsedS);
      const slack = elapsedS < busyUntilS ? 1 : SHAPES[phase].slackRatio;
      const followRatio = Math.min(1, Math.max(0, elapsedS - lastS) / RAMP_S + 0.2);
      lastS = elapsedS;
      now.cpuRatio += (level.cpuRatio * slack - now.cpuRatio) * followRatio;
      now.dramRatio += (level.dramRatio * slack - now.dramRatio) * followRatio;
      now.gpuRatio += (level.gpuRatio * slack - now.gpuRatio) * followRatio;
      return now;
    },
  };
}
