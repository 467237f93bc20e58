// What a tracker's run used at the wall: the energy of its node over each span that it claimed, shared with whoever claimed
// the same node at that time. Its own energy says how far it was off, and nothing else.
import type { Claim } from '../../quantity/claim.ts';
import { isRefusal, type Refusal } from '../../quantity/fault.ts';
import { kwhOfJoules } from '../../quantity/format.ts';
import type { Quality } from '../../quantity/quality.ts';
import { formatInstant } from '../../quantity/time.ts';
import { expandedJ } from '../../quantity/uncertainty.ts';
import { windowEnergy, worstOf, type WindowSources } from '../window-energy.ts';
import { nsOf, sharesAmong, spanClaim, type Activity, type TrackerRun } from './activity.ts';

export type RunEnergyJson = {
  readonly run: string;
  readonly node: string;
  readonly tracker: string;
  readonly project: string;
  readonly from?: string;
  readonly until?: string;
  /** CPU and GPU as the tracker says; its RAM is made up and left out. */
  readonly claimed_kwh: number;
  readonly wall_energy_kwh?: number;
  readonly u_kwh?: number;
  readonly quality: Quality;
  /** Seconds of the run whose wall energy is known. */
  readonly covered_s: number;
  readonly because?: string;
  readonly notes: readonly string[];
};

export function runEnergy(
  sources: WindowSources,
  activity: Activity,
  { record, claims }: TrackerRun,
): RunEnergyJson {
  const said = claims.map((each) => spanClaim(each.run, nsOf(each.from_ns), nsOf(each.until_ns)));
  const others = activity
    .runsOf(record.node)
    .filter((each) => each.record.run !== record.run)
    .flatMap((each) =>
      joined(each.claims.map((one) => spanClaim(one.run, nsOf(one.from_ns), nsOf(one.until_ns)))),
    );
  const spans = cut(joined(said), others);
  const shares = sharesAmong(spans, others);
  let energyJ = 0;
  // Pieces of one run lie beside each other and err alike: their uncertainties are added, which is an upper bound.
  let expandedSumJ = 0;
  let coveredS = 0;
  let because: Refusal | undefined;
  const qualities: Quality[] = [];
  spans.forEach((span, index) => {
    const window = windowEnergy(sources, record.node, span);
    if (isRefusal(window)) {
      because ??= window;
      return;
    }
    const shareRatio = shares[index] ?? 1;
    energyJ += window.energyJ * shareRatio;
    expandedSumJ += expandedJ(window.parts) * shareRatio;
    coveredS += Number(span.untilNs - span.fromNs) / 1e9;
    qualities.push(window.quality);
  });
  const first = spans[0];
  const last = spans[spans.length - 1];
  return {
    run: record.run,
    node: record.node,
    tracker: record.tracker,
    project: record.project,
    ...(first ? { from: formatInstant(first.fromNs) } : {}),
    ...(last ? { until: formatInstant(last.untilNs) } : {}),
    claimed_kwh: claims.reduce((sum, each) => sum + each.cpu_kwh + each.gpu_kwh, 0),
    ...(qualities.length > 0
      ? { wall_energy_kwh: kwhOfJoules(energyJ), u_kwh: kwhOfJoules(expandedSumJ) }
      : {}),
    quality: qualities.length === 0 ? 'missing' : because ? 'partial' : worstOf(qualities),
    covered_s: Math.round(coveredS * 1e3) / 1e3,
    ...(because ? { because: because.because } : {}),
    notes: [...new Set(claims.flatMap((each) => each.notes))],
  };
}

/** Messages that follow each other without a hole are one span: its two outer edges are all that is unsure of it. */
function joined(spans: readonly Claim[]): readonly Claim[] {
  const whole: Claim[] = [];
  for (const span of spans) {
    const last = whole[whole.length - 1];
    if (last?.untilNs === span.fromNs) whole[whole.length - 1] = { ...last, untilNs: span.untilNs };
    else whole.push(span);
  }
  return whole.filter(({ fromNs, untilNs }) => untilNs > fromNs);
}

/** Cut where another run begins or ends, so that each piece is shared with the same others throughout. */
function cut(spans: readonly Claim[], others: readonly Claim[]): readonly Claim[] {
  const edges = others.flatMap(({ fromNs, untilNs }) => [fromNs, untilNs]);
  return spans.flatMap((span) => {
    const inner = edges
      .filter((atNs) => atNs > span.fromNs && atNs < span.untilNs)
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const all = [...new Set([span.fromNs, ...inner, span.untilNs])];
    return all
      .slice(1)
      .map((untilNs, index) => ({ ...span, fromNs: all[index] ?? untilNs, untilNs }));
  });
}
