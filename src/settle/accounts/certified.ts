// What the certificate of a meter does to the uncertainty of what it counted. A class is a limit of error that somebody has
// checked; the certificate says how well it was checked, and for how long that is to be relied on.
import type { IntervalStatement } from '../../quantity/statement.ts';
import type { UncertaintyParts } from '../../quantity/uncertainty.ts';
import { joules } from '../../quantity/units.ts';
import type { Certificate } from './accounts-plan.ts';

/**
 * Limits of error in service are twice those at verification (MessEV § 22): what a meter is taken to keep to once nobody
 * has looked for longer than its certificate lets it go.
 */
const IN_SERVICE_RATIO = 2;

/** Whether the certificate holds at the start of an interval. */
const holdsAt = ({ calibratedNs, dueNs }: Certificate, atNs: bigint): boolean =>
  calibratedNs <= atNs && atNs < dueNs;

/**
 * The certificate's own standard uncertainty U / k is added in quadrature to the systematic part; where it does not hold, the
 * class counts twice. What chips said in a meter's place is none of the meter's.
 */
export function certified(
  { energyUj, startNs, method, uncertainty }: IntervalStatement,
  certificate: Certificate | undefined,
): UncertaintyParts {
  if (certificate === undefined || energyUj === undefined || method === 'chips') return uncertainty;
  const energyJ = Math.abs(Number(energyUj)) / 1e6;
  const ownJ = (energyJ * certificate.expandedPercent) / 100 / certificate.k;
  const ratio = holdsAt(certificate, startNs) ? 1 : IN_SERVICE_RATIO;
  return {
    ...uncertainty,
    systematicJ: joules(Math.hypot(ratio * uncertainty.systematicJ, ownJ)),
  };
}
