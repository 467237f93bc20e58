// Joins settlement to what the service knows: meters by point, chips by node, models, and what the ledger holds.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import type { StatementIndex } from '../../ledger/ledger.ts';
import { feedGroupsOf, isShared, unallocatedPoint } from '../../quantity/feed-groups.ts';
import type { PointId } from '../../quantity/quality.ts';
import type { Site } from '../../quantity/site.ts';
import type { StatementFlag } from '../../quantity/statement.ts';
import type { InstantNs } from '../../quantity/time.ts';
import type { MeterEvidence } from '../../settle/settle-meter.ts';
import { Settlement } from '../../settle/settlement.ts';
import type { Calibrations } from './calibrations.ts';
import type { Seat } from './seats.ts';

export interface SettlementContext {
  readonly site: Site;
  readonly seats: ReadonlyMap<string, Seat>;
  readonly chips: (node: string) => ReadonlyMap<string, EnergyCurve>;
  readonly calibrations: Calibrations;
  readonly statements: StatementIndex;
  readonly core: string;
  /** Instruments that are not those which the site file means. */
  readonly strangers: ReadonlyMap<string, string>;
  readonly startedNs: InstantNs;
  /** Standard uncertainty of the clock that stamps readings, s, and whether it is synchronised. */
  readonly clock: () => { readonly uncertaintyS: number; readonly synchronised: boolean };
}

export function settlementOf(context: SettlementContext): Settlement {
  const { site, statements } = context;
  const meterOf = new Map(site.points.map(({ point, meter }) => [point, meter] as const));
  const shared = feedGroupsOf(site.nodes).filter(isShared);
  const fedAlone = site.nodes.map(({ id, fedBy }) => ({
    id,
    fedBy: shared.some(({ nodes }) => nodes.includes(id)) ? [] : fedBy,
  }));
  return new Settlement(
    {
      interval: site.interval,
      settleAfter: site.settleAfter,
      points: site.points.map(({ point }) => point),
      nodes: fedAlone,
      groups: shared.map((group) => ({
        ...group,
        account: unallocatedPoint(group),
        nodes: site.nodes.filter(({ id }) => group.nodes.includes(id)),
      })),
      core: context.core,
      startedNs: context.startedNs,
    },
    {
      meter: (point) => evidenceOf(context, point, meterOf.get(point)),
      chips: context.chips,
      model: (node) => context.calibrations.of.get(node)?.model(),
      groupModels: (group, fit) => context.calibrations.groups.get(group)?.models(fit),
      current: (point, kind, startNs) => statements.current(point, kind, startNs),
      newestStart: (point: PointId, kind) => statements.newestStart(point, kind),
    },
  );
}

function evidenceOf(
  context: SettlementContext,
  point: PointId,
  meter: string | undefined,
): MeterEvidence | undefined {
  const seat = meter === undefined ? undefined : context.seats.get(meter);
  const curve = seat?.trace.curve();
  const edges = seat?.edges();
  if (!seat || !curve || !edges) return undefined;
  const clock = context.clock();
  const flags: StatementFlag[] = [];
  if (!clock.synchronised) flags.push('clock-not-synchronised');
  if (!seat.refreshKnown) flags.push('refresh-unknown');
  if (!seat.trace.register()) flags.push('integrated-power');
  if (seat.trace.reversedPhase() !== undefined) flags.push('phase-reversed');
  return {
    source: seat.instrument.id,
    tier: seat.tier,
    curve,
    edges,
    power: seat.trace.register()?.power,
    systematicRatio: seat.systematicRatio,
    clockS: clock.uncertaintyS,
    flags,
    ...behindOf(context, point),
    refused: context.strangers.has(seat.instrument.id) ? 'settle.another-meter' : undefined,
  };
}

/** The nodes that a point feeds, where all of them have a model: one without would be missing in the shape. */
function behindOf(
  { site, calibrations, chips }: SettlementContext,
  point: PointId,
): Pick<MeterEvidence, 'behind' | 'isOnlyFeed'> {
  const fed = site.nodes.filter(({ fedBy }) => fedBy.includes(point));
  const behind = fed.flatMap(({ id }) => {
    const model = calibrations.of.get(id)?.model();
    return model && model.standing !== 'refused' ? [{ model, chips: chips(id) }] : [];
  });
  if (behind.length < fed.length) return {};
  return { behind, isOnlyFeed: fed.length === 1 && fed[0]?.fedBy.length === 1 };
}
