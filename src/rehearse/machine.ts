// What stands behind the instruments of a rehearsal: machines with feeds and chips whose energy is known exactly. The
// physical model and a replayed recording are the two kinds; meters and agents cannot tell them apart.
import type { InstantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';

/** The grid on which a rack lives, ns of civil time: NVML's 25 of every 100 ms is one step of four. */
export const STEP_NS = 25_000_000n;

/** One supply cord. `energyUj` is the truth since the rack was started. */
export interface Feed {
  readonly energyUj: Microjoules;
}

/** A counter inside a chip, as the chip itself counts: right or wrong, that is what its software reports. */
export interface ChipCounter {
  /** `rapl:package-0`, `nvml:<uuid>`, `occ:gpu-0`, ... */
  readonly source: string;
  readonly unit: 'uJ' | 'mJ';
  /** Energy since the counter's zero; not yet wrapped. */
  readonly energyUj: Microjoules;
  /** Step of a 32-bit register, nJ, as Linux powercap has it; undefined for a 64-bit count in `unit`. */
  readonly stepNj: bigint | undefined;
}

/** Steps of RAPL registers, nJ: 2^-14 J as the kernel keeps it, and the fixed one of server DRAM. */
export const PACKAGE_STEP_NJ = 61_035n;
export const DRAM_STEP_NJ = 15_300n;

export interface Machine {
  readonly feeds: readonly Feed[];
  readonly chips: readonly ChipCounter[];
  /** False before a replay begins and after it ended: then the node says nothing and its meters stand still. */
  readonly awake: boolean;
  /** Lives on until the instant, one step at a time. */
  step(untilNs: InstantNs): void;
}

const REGISTER_STEPS = 1n << 32n;

/** The counter as a program reads it: in its unit and, where the register has 32 bits, started again after its end. */
export function countOf(chip: ChipCounter): bigint {
  if (chip.stepNj !== undefined) {
    const register = ((chip.energyUj * 1000n) / chip.stepNj) % REGISTER_STEPS;
    return (register * chip.stepNj) / 1000n;
  }
  return chip.unit === 'mJ' ? chip.energyUj / 1000n : chip.energyUj;
}

/** The largest count, which Linux calls max_energy_range_uj; undefined where there is no end in sight. */
export function maxCountOf(chip: ChipCounter): bigint | undefined {
  return chip.stepNj === undefined ? undefined : ((REGISTER_STEPS - 1n) * chip.stepNj) / 1000n;
}
