// Which mistaken unit explains a gain that physics cannot: a factor of 1000 (mW, kW), of a million (µW, MW), or of 3600
// (Wh taken as J) times one of these. The size of the readings says on which side the mistake lies.

/** Known mistakes by their factor: the side that reads too little, the side that reads too much. */
const SLIPS = [
  {
    byRatio: 1e3,
    little: 'in kW (kJ) and was taken as W (J)',
    much: 'in mW (mJ) and was taken as W (J)',
  },
  { byRatio: 3.6e3, little: 'in Wh and was taken as J', much: 'in J and was taken as Wh' },
  {
    byRatio: 1e6,
    little: 'in MW (MJ) and was taken as W (J)',
    much: 'in uW (uJ) and was taken as W (J)',
  },
  { byRatio: 3.6e6, little: 'in kWh and was taken as J', much: 'in J and was taken as kWh' },
] as const;

/** Gains that are real, with margin on both sides: 1 / (supply and converters) times the sensor, to a modelled sensor. */
const LEAST_GAIN_RATIO = 0.6;
const MOST_GAIN_RATIO = 2.8;
/** What a computer draws: less than the first is no node, more than the second is a rack or a mistake. */
const LEAST_NODE_W = 3;
const MOST_NODE_W = 5e4;

/**
 * Words for the mistake that makes `gainRatio` out of a real gain, or undefined where no single one does.
 * @param gainRatio W at the meter per W of chips, as the readings have it.
 */
export function unitSlip(gainRatio: number, meterW: number, chipW: number): string | undefined {
  const isReal = (gain: number): boolean => gain >= LEAST_GAIN_RATIO && gain <= MOST_GAIN_RATIO;
  if (!(gainRatio > 0) || isReal(gainRatio)) return undefined;
  const slip = SLIPS.find(({ byRatio }) =>
    isReal(gainRatio > 1 ? gainRatio / byRatio : gainRatio * byRatio),
  );
  if (!slip) return undefined;
  const factor = `a factor of ${slip.byRatio.toString()}`;
  const isNode = (powerW: number): boolean => powerW >= LEAST_NODE_W && powerW <= MOST_NODE_W;
  // Chips that read too little, or a meter that reads too much, and the other way round.
  const [chips, meter] = gainRatio > 1 ? [slip.little, slip.much] : [slip.much, slip.little];
  if (isNode(meterW) && !isNode(chipW)) return `${factor}, as if the chips were ${chips}`;
  if (isNode(chipW) && !isNode(meterW)) return `${factor}, as if the meter were ${meter}`;
  return `${factor}, as if the chips were ${chips} or the meter ${meter}`;
}
