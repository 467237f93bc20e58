// The physics of a rehearsed node: chips with leakage and warm-up, regulators and supplies with quadratic losses, fans
// with hysteresis, sensors with gains of their own. It is richer than any model that we fit, and shares no code with one.
import type { InstantNs } from '../quantity/time.ts';
import { instantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';
import type { Dice } from './dice.ts';
import { loadProgramme } from './load-programme.ts';
import type { ChipCounter, Feed, Machine } from './machine.ts';
import { DRAM_STEP_NJ, PACKAGE_STEP_NJ, STEP_NS } from './machine.ts';

/** How a type of node is built; each node of the type differs a little, as boards do. */
export interface NodeBuild {
  readonly packagesCount: number;
  readonly boardsCount: number;
  readonly packageIdleW: number;
  readonly packageFullW: number;
  readonly dramIdleW: number;
  readonly dramFullW: number;
  readonly boardIdleW: number;
  readonly boardFullW: number;
  /** Mainboard, drives, network: what no chip sensor sees. */
  readonly restW: number;
  readonly fansFullW: number;
  /** Of all supplies of one feed. */
  readonly supplyRatedW: number;
}

export const NODE_BUILDS = {
  'rehearsed-8gpu': {
    packagesCount: 2,
    boardsCount: 8,
    packageIdleW: 48,
    packageFullW: 190,
    dramIdleW: 9,
    dramFullW: 32,
    boardIdleW: 46,
    boardFullW: 305,
    restW: 185,
    fansFullW: 330,
    supplyRatedW: 3200,
  },
  'rehearsed-2cpu': {
    packagesCount: 2,
    boardsCount: 0,
    packageIdleW: 42,
    packageFullW: 205,
    dramIdleW: 8,
    dramFullW: 30,
    boardIdleW: 0,
    boardFullW: 0,
    restW: 62,
    fansFullW: 58,
    supplyRatedW: 1100,
  },
} as const satisfies Record<string, NodeBuild>;
export type NodeType = keyof typeof NODE_BUILDS;

/** Regulators on the board: what a package draws from the supply beyond what its sensor sees. */
const REGULATOR_RATIO = 0.055;
const REGULATOR_PER_W = 0.00022;
/** The sensor of a board looks at one step in this many (25 of every 100 ms). */
const BOARD_WINDOW_STEPS = 4;
const FAN_LEVELS = [0.42, 0.55, 0.7, 0.85, 1] as const;
const STEP_S = Number(STEP_NS) / 1e9;
const UJ_PER_W_STEP = STEP_S * 1e6;

/** A part that draws power for a load, heats up, and leaks the more the hotter it is. */
interface Part {
  readonly kind: 'package' | 'dram' | 'board';
  readonly idleW: number;
  readonly spanW: number;
  readonly leakPerK: number;
  readonly sensorGainRatio: number;
  readonly seenStep: number;
  readonly chip: Counting;
  warmthK: number;
  powerW: number;
  seenW: number;
}

interface Counting extends ChipCounter {
  energyUj: Microjoules;
}
interface Supply extends Feed {
  energyUj: Microjoules;
  readonly shareRatio: number;
  readonly droopRatio: number;
  readonly standbyW: number;
}

/** Builds one node. `feedsCount` supplies share its load; the dice settle what makes it differ from its sisters. */
export function nodePhysics(
  build: NodeBuild,
  feedsCount: number,
  dice: Dice,
  startNs: InstantNs,
): Machine {
  const programme = loadProgramme(dice.split('programme'));
  const parts = buildParts(build, dice.split('parts'));
  const supplies = buildSupplies(build, feedsCount, dice.split('supplies'));
  const noise = dice.split('noise');
  const fullW =
    build.restW + build.packagesCount * build.packageFullW + build.boardsCount * build.boardFullW;
  let stepsCount = 0;
  let nowNs = startNs;
  // A cold start: the chassis needs minutes, the air behind the chips some twenty seconds.
  let chassisWarmRatio = 0;
  let heatRatio = 0.25;
  let fanLevelIndex = 0;
  let fanRatio: number = FAN_LEVELS[0];

  const step = (): void => {
    const activity = programme.at(stepsCount * STEP_S);
    let sensedW = 0;
    for (const part of parts) {
      const loadRatio =
        part.kind === 'package'
          ? activity.cpuRatio
          : part.kind === 'dram'
            ? activity.dramRatio
            : activity.gpuRatio;
      runPart(part, loadRatio, noise, stepsCount);
      const regulatorW =
        part.kind === 'board'
          ? 0
          : part.powerW * REGULATOR_RATIO + part.powerW ** 2 * REGULATOR_PER_W;
      sensedW += part.powerW + regulatorW;
    }
    heatRatio += ((sensedW + build.restW) / fullW - heatRatio) * (STEP_S / 20);
    chassisWarmRatio += (1 - chassisWarmRatio) * (STEP_S / 180);
    fanLevelIndex = nextFanLevel(fanLevelIndex, heatRatio);
    fanRatio += ((FAN_LEVELS[fanLevelIndex] ?? 1) - fanRatio) * (STEP_S / 5);
    // Network and drives follow the load a little; the rest warms up once and then stays.
    const restW =
      build.restW * (1 + 0.03 * chassisWarmRatio + 0.05 * activity.cpuRatio) +
      noise.normal(0, 0.004 * build.restW);
    const fansW = build.fansFullW * fanRatio ** 3;
    feedFrom(supplies, sensedW + restW + fansW, build.supplyRatedW);
    stepsCount += 1;
  };

  return {
    feeds: supplies,
    chips: parts.map((part) => part.chip),
    awake: true,
    step: (untilNs) => {
      while (nowNs + STEP_NS <= untilNs) {
        step();
        nowNs = instantNs(nowNs + STEP_NS);
      }
    },
  };
}

function runPart(part: Part, loadRatio: number, noise: Dice, stepsCount: number): void {
  const bareW = part.idleW + part.spanW * loadRatio ** 0.93;
  part.warmthK += (bareW * 0.16 - part.warmthK) * (STEP_S / 14);
  part.powerW = Math.max(
    0,
    bareW * (1 + part.leakPerK * part.warmthK) + noise.normal(0, 0.012 * bareW),
  );
  if (part.kind !== 'board') part.seenW = part.powerW;
  else if (stepsCount % BOARD_WINDOW_STEPS === part.seenStep) part.seenW = part.powerW;
  const countedUj = Math.round(part.seenW * part.sensorGainRatio * UJ_PER_W_STEP);
  part.chip.energyUj = microjoules(part.chip.energyUj + BigInt(countedUj));
}

/** One level up at once when it is hot; down only when it is clearly cooler than where this level began. */
function nextFanLevel(levelIndex: number, heatRatio: number): number {
  if (heatRatio > 0.38 + 0.14 * levelIndex) return Math.min(levelIndex + 1, FAN_LEVELS.length - 1);
  if (heatRatio < 0.38 + 0.14 * (levelIndex - 1) - 0.08) return Math.max(levelIndex - 1, 0);
  return levelIndex;
}

/** Each supply takes its share and adds a loss of standby, conduction and resistance. */
function feedFrom(supplies: readonly Supply[], loadW: number, ratedW: number): void {
  let leftW = loadW;
  supplies.forEach((supply, index) => {
    const last = index === supplies.length - 1;
    const wantedW = loadW * (supply.shareRatio + supply.droopRatio * (loadW / ratedW - 0.5));
    const takenW = last ? leftW : wantedW;
    leftW -= takenW;
    const wallW = takenW + supply.standbyW + 0.024 * takenW + (0.038 * takenW ** 2) / ratedW;
    supply.energyUj = microjoules(supply.energyUj + BigInt(Math.round(wallW * UJ_PER_W_STEP)));
  });
}

function buildParts(build: NodeBuild, dice: Dice): Part[] {
  const parts: Part[] = [];
  const add = (
    kind: Part['kind'],
    source: string,
    idleW: number,
    fullW: number,
    gainSpread: number,
  ): void => {
    const goodness = dice.normal(1, 0.02);
    // One package counter stands just below its end, so that every rehearsal sees a wrap within its first minutes.
    const startUj =
      kind === 'package' && source.endsWith('-0')
        ? ((1n << 32n) * PACKAGE_STEP_NJ) / 1000n - BigInt(Math.round(dice.uniform(2e9, 6e9)))
        : BigInt(Math.round(dice.uniform(1e9, 5e10)));
    parts.push({
      kind,
      idleW: idleW * goodness,
      spanW: (fullW - idleW) * goodness,
      leakPerK: dice.uniform(0.0008, 0.0018),
      sensorGainRatio: dice.normal(1, gainSpread),
      seenStep: dice.whole(BOARD_WINDOW_STEPS),
      chip: {
        source,
        unit: kind === 'board' ? 'mJ' : 'uJ',
        energyUj: microjoules(startUj),
        stepNj: kind === 'package' ? PACKAGE_STEP_NJ : kind === 'dram' ? DRAM_STEP_NJ : undefined,
      },
      warmthK: 0,
      powerW: idleW,
      seenW: idleW,
    });
  };
  for (let index = 0; index < build.packagesCount; index += 1) {
    add('package', `rapl:package-${index}`, build.packageIdleW, build.packageFullW, 0.012);
    add('dram', `rapl:dram-${index}`, build.dramIdleW, build.dramFullW, 0.03);
  }
  for (let index = 0; index < build.boardsCount; index += 1) {
    const uuid = [8, 4, 4, 4, 12].map((digitsCount) => dice.hex(digitsCount)).join('-');
    add('board', `nvml:GPU-${uuid}`, build.boardIdleW, build.boardFullW, 0.02);
  }
  return parts;
}

function buildSupplies(build: NodeBuild, feedsCount: number, dice: Dice): Supply[] {
  const leanRatio = dice.uniform(-0.03, 0.03);
  return Array.from({ length: feedsCount }, (_, index) => ({
    energyUj: microjoules(0n),
    shareRatio: 1 / feedsCount + (index % 2 === 0 ? leanRatio : -leanRatio),
    droopRatio: feedsCount > 1 ? dice.uniform(-0.02, 0.02) : 0,
    standbyW: build.supplyRatedW * dice.uniform(0.009, 0.014),
  }));
}
