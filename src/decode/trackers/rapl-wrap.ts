// RAPL package counters restart after 262 kJ on servers; a tracker that takes the plain difference then claims negative
// energy. How often it wrapped is found from what a CPU can draw and from the rows beside it, or not at all.
import { refuse, type Refusal } from '../../quantity/fault.ts';

/** `max_energy_range_uj` of server packages, 2^32 counts of 61 µJ, in J. */
export const RAPL_RANGE_J = 262_143.328_85;

/** Above this a node's packages would need a power supply of their own: eight sockets of 500 W. */
const CPU_W_MAX = 4000;

/**
 * Energy of a span whose counters wrapped, J. Refuses `counter.fell` where several numbers of wraps are possible and the rows
 * beside it (their mean CPU power, W) do not choose between them.
 */
export function unwrapped(
  negativeJ: number,
  durationS: number,
  siblingsW: readonly number[],
): number | Refusal {
  const possible: number[] = [];
  const firstWraps = Math.max(1, Math.ceil(-negativeJ / RAPL_RANGE_J));
  for (let wraps = firstWraps; possible.length < 100; wraps++) {
    const energyJ = negativeJ + wraps * RAPL_RANGE_J;
    if (energyJ / durationS > CPU_W_MAX) break;
    possible.push(energyJ);
  }
  const usualW = [...siblingsW].sort((a, b) => a - b)[Math.floor(siblingsW.length / 2)];
  const [only, ...others] = possible;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined || usualW === undefined) return unknownWraps(possible.length);
  // One wrap more is this much more power: a sibling within a quarter of it tells them apart.
  const apartW = RAPL_RANGE_J / durationS;
  const near = possible.filter((energyJ) => Math.abs(energyJ / durationS - usualW) < apartW / 4);
  const [nearest, ...more] = near;
  return nearest !== undefined && more.length === 0 ? nearest : unknownWraps(possible.length);
}

const unknownWraps = (count: number): Refusal =>
  refuse(
    'counter.fell',
    `CPU energy is negative, and ${count === 0 ? 'no number' : `${count} numbers`} of wraps would explain it`,
    'take this span from the chip counters themselves',
  );
