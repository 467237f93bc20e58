// A gauge: a double in the unit of its channel, finite and possible, or the reason why there is none.
import type { FaultCode } from '../quantity/fault.ts';
import type { GaugeChannel } from '../quantity/observation.ts';
import type { ReadUnit } from './profile-words.ts';
import { canBe, multipleFor } from './unit-scale.ts';
import { printedFraction } from './exact.ts';

export interface GaugeMeaning {
  readonly channel: GaugeChannel;
  readonly unit: ReadUnit;
  readonly scale?: { readonly by: number } | undefined;
  readonly range?: readonly [number, number] | undefined;
}

export type GaugeOrFault = { readonly reading: number } | { readonly fault: FaultCode };

/** `raw` is what the register or field holds; the range of the profile is in the profile's unit, after its scale. */
export function gaugeReading(raw: number, meaning: GaugeMeaning): GaugeOrFault {
  if (!Number.isFinite(raw)) return { fault: 'decode.not-a-number' };
  const multiple = multipleFor(meaning.channel, meaning.unit);
  if (multiple === undefined) return { fault: 'decode.malformed' };
  // One multiplication and one division by integers: 1234 x 0.01 then reads 12.34, as the device means it.
  const scale = printedFraction(meaning.scale?.by ?? 1);
  const scaled = (raw * Number(scale.numerator)) / Number(scale.denominator);
  const [lowest, highest] = meaning.range ?? [-Infinity, Infinity];
  const reading = (scaled * multiple.times) / multiple.over;
  if (scaled < lowest || scaled > highest || !canBe(meaning.channel, reading))
    return { fault: 'decode.out-of-range' };
  // Negative zero is a sign without a size: nobody downstream should meet it.
  return { reading: reading === 0 ? 0 : reading };
}
