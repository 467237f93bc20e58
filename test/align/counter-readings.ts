// Readings for tests of curves: what a meter or chip would have said, without the wire.
import type { CounterReading } from '../../src/quantity/observation.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { microjoules } from '../../src/quantity/units.ts';

export const secondsNs = (atS: number) => instantNs(BigInt(Math.round(atS * 1e9)));

/** A reading at an instant (its window is that instant alone). */
export function counterAt(
  atS: number,
  energyUj: bigint,
  more: { quantumUj?: bigint; wrapsAtUj?: bigint; epoch?: string } = {},
): CounterReading {
  const atNs = secondsNs(atS);
  return {
    kind: 'counter',
    source: 'm1',
    component: '',
    channel: 'energy_import',
    window: { notBeforeNs: atNs, notAfterNs: atNs },
    energyUj: microjoules(energyUj),
    quantumUj: microjoules(more.quantumUj ?? 1n),
    wrapsAtUj: more.wrapsAtUj === undefined ? undefined : microjoules(more.wrapsAtUj),
    epoch: more.epoch ?? '',
  };
}
