// Finds a current transformer that is clipped on the wrong way round: its phase flows backwards while the others flow forwards
// and the total is their signed sum. Then total and register are too low by twice that phase, and nothing else shows it.
import type { GaugeChannel } from '../quantity/observation.ts';
import type { InstantNs } from '../quantity/time.ts';

const PHASES = ['power_active_l1', 'power_active_l2', 'power_active_l3'] as const;
export type PhaseChannel = (typeof PHASES)[number];

/** Long enough that no braking motor or discharging capacitor lasts. */
const LEAST_NS = 300_000_000_000n;
/** Below this share of all that flows, a sign is noise. */
const LEAST_SHARE_RATIO = 0.05;
/** How far total and signed sum may differ, as a share of all that flows: they may be read a moment apart. */
const SUM_RATIO = 0.1;

export const isPhase = (channel: GaugeChannel): channel is PhaseChannel =>
  PHASES.some((phase) => phase === channel);

export class PhaseSigns {
  readonly #powerW = new Map<PhaseChannel, number>();
  readonly #backwardsSinceNs = new Map<PhaseChannel, InstantNs>();
  #reversed: PhaseChannel | undefined;

  /** A phase that has flowed backwards for five minutes while another flowed forwards; undefined where there is none. */
  get reversed(): PhaseChannel | undefined {
    return this.#reversed;
  }

  observePhase(channel: PhaseChannel, powerW: number): void {
    this.#powerW.set(channel, powerW);
  }

  /** Looks at the phases that were read with this total. */
  observeTotal(atNs: InstantNs, totalW: number): void {
    const phases = [...this.#powerW];
    const flowW = phases.reduce((sum, [, powerW]) => sum + Math.abs(powerW), 0);
    const sumW = phases.reduce((sum, [, powerW]) => sum + powerW, 0);
    const isSum = phases.length > 1 && Math.abs(totalW - sumW) <= SUM_RATIO * flowW;
    const someForwards = phases.some(([, powerW]) => powerW > LEAST_SHARE_RATIO * flowW);
    this.#reversed = undefined;
    for (const [channel, powerW] of phases) {
      const isBackwards = isSum && someForwards && powerW < -LEAST_SHARE_RATIO * flowW;
      if (!isBackwards) {
        this.#backwardsSinceNs.delete(channel);
        continue;
      }
      const sinceNs = this.#backwardsSinceNs.get(channel) ?? atNs;
      this.#backwardsSinceNs.set(channel, sinceNs);
      if (atNs - sinceNs >= LEAST_NS) this.#reversed = channel;
    }
  }
}
