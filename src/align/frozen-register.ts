// Finds a register that stands still, or nearly, while its own meter says that power flows: an undefined register that reads
// zero for ever, a latched one, a gateway that repeats its cache. What it counts then is no energy that anybody may settle.
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { PowerShape } from './power-shape.ts';

/** A register that is refreshed once a minute has moved by then ten times. */
const LEAST_NS = 600_000_000_000n;
/** Power and register of one meter agree within its class; sampling once in 10 s adds a few percent over ten minutes. */
const LEAST_RATIO = 2;
/**
 * Mean power below which a meter need not count at all, W: the starting current of IEC 62053-21 is 0.002 of the rated one
 * behind a transformer, which is 115 W at 250 A and 230 V.
 */
const LEAST_W = 200;
/** Fewer steps than this may be missing because the register is coarse. */
const LEAST_QUANTA = 10;

export class FrozenRegister {
  #lookedNs: bigint | undefined;

  /**
   * Whether the register is frozen: since its anchor, ten minutes ago at least, power adds up to twice what was counted and to
   * ten quanta more, at 200 W on average or above. Looks once in ten minutes, since a look walks over all power in between.
   * @param byUj what the register counted since the anchor.
   */
  isFrozen(
    power: PowerShape,
    anchor: Anchor,
    atNs: InstantNs,
    byUj: bigint,
    quantumUj: bigint,
    holeS: number,
  ): boolean {
    const sinceNs =
      this.#lookedNs !== undefined && this.#lookedNs > anchor.atNs ? this.#lookedNs : anchor.atNs;
    if (atNs - sinceNs < LEAST_NS) return false;
    this.#lookedNs = atNs;
    const flowedJ = power.integralJ(anchor.atNs, atNs, holeS);
    if (flowedJ === undefined) return false;
    const countedJ = Number(byUj) / 1e6;
    const quantumJ = Number(quantumUj) / 1e6;
    const meanW = flowedJ / (Number(atNs - anchor.atNs) / 1e9);
    return (
      meanW >= LEAST_W &&
      flowedJ >= LEAST_RATIO * countedJ &&
      flowedJ - countedJ > LEAST_QUANTA * quantumJ
    );
  }
}
