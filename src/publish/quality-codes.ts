// Our quality words in the codes of others, each mapped once: Green Button (ESPI 4.0 QualityOfReading) and AEMO (MDFF v2.6
// quality and method). What has no energy has no ESPI code, since it is not exported there.
import type { Quality } from '../quantity/quality.ts';

export interface QualityCodes {
  /** undefined: not exported. */
  readonly espiCode: number | undefined;
  readonly aemo: string;
}

export const QUALITY_CODES = {
  // 17 validated, 18 verified after a failed check, 9 linear, 8 reference day, 11 derived, 10 questionable, 14 raw.
  actual: { espiCode: 17, aemo: 'A' },
  verified: { espiCode: 18, aemo: 'A' },
  scaled: { espiCode: 11, aemo: 'S24' },
  interpolated: { espiCode: 9, aemo: 'S17' },
  'like-day': { espiCode: 8, aemo: 'S14' },
  derived: { espiCode: 11, aemo: 'S13' },
  partial: { espiCode: 10, aemo: 'S12' },
  provisional: { espiCode: 14, aemo: 'N' },
  missing: { espiCode: undefined, aemo: 'N' },
  refused: { espiCode: undefined, aemo: 'N' },
} as const satisfies Record<Quality, QualityCodes>;

const REVENUE_CODE = 19;

/** Code 19 only where the point has a valid certificate and the energy was measured; an estimate never is. */
export const espiQuality = (quality: Quality, isRevenue: boolean): number | undefined =>
  isRevenue && (quality === 'actual' || quality === 'verified')
    ? REVENUE_CODE
    : QUALITY_CODES[quality].espiCode;
