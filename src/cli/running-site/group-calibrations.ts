// The calibrations of nodes behind shared meters: one for each group, and by which rule the levels of its nodes are told
// apart: as metered nodes of their types show, else by nameplate, else in equal parts.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import { GroupCalibration } from '../../calibrate/shared/group-calibration.ts';
import type { CorrectionModel, LevelRule } from '../../quantity/correction.ts';
import { feedGroupsOf, isShared } from '../../quantity/feed-groups.ts';
import type { Node, Site } from '../../quantity/site.ts';
import type { Seat } from './seats.ts';

export interface HistoryLength {
  readonly stepNs: bigint;
  readonly keepCount: number;
}

/** Calibrations by group; `ownModel` is the model of a node that has meters of its own. */
export function groupCalibrationsOf(
  site: Site,
  length: HistoryLength,
  ownModel: (node: string) => CorrectionModel | undefined,
): ReadonlyMap<string, GroupCalibration> {
  const shared = feedGroupsOf(site.nodes).filter(isShared);
  return new Map(
    shared.map((group) => {
      const nodes = site.nodes.filter(({ id }) => group.nodes.includes(id));
      const levels = (): { rule: LevelRule; weightOf: (node: string) => number } =>
        levelsOf(nodes, site.nodes, ownModel);
      return [
        group.id,
        new GroupCalibration(group, {
          ...length,
          typeOf: (node) => nodes.find(({ id }) => id === node)?.type ?? '',
          levels,
        }),
      ] as const;
    }),
  );
}

function levelsOf(
  nodes: readonly Node[],
  all: readonly Node[],
  ownModel: (node: string) => CorrectionModel | undefined,
): { rule: LevelRule; weightOf: (node: string) => number } {
  const weightOf =
    (weights: ReadonlyMap<string, number>) =>
    (node: string): number =>
      weights.get(node) ?? 1;
  const byType = new Map(
    nodes.flatMap(({ id, type }) => {
      const metered = all.flatMap((other) => {
        const model =
          other.type === type && type !== 'unspecified' ? ownModel(other.id) : undefined;
        return model && !model.shared && model.interceptW > 0 ? [model.interceptW] : [];
      });
      const sumW = metered.reduce((sum, each) => sum + each, 0);
      return metered.length > 0 ? [[id, sumW / metered.length] as const] : [];
    }),
  );
  if (byType.size === nodes.length) return { rule: 'type', weightOf: weightOf(byType) };
  const named = new Map(
    nodes.flatMap(({ id, nameplateW }) =>
      nameplateW === undefined ? [] : [[id, nameplateW] as const],
    ),
  );
  if (named.size === nodes.length) return { rule: 'nameplate', weightOf: weightOf(named) };
  return { rule: 'equal', weightOf: () => 1 };
}

/** Curves of all meters of a group; undefined while one of them has not been heard. */
export function metersOf(
  calibration: GroupCalibration,
  site: Site,
  seats: ReadonlyMap<string, Seat>,
): readonly EnergyCurve[] | undefined {
  const meterOf = new Map(site.points.map(({ point, meter }) => [point, meter] as const));
  const curves = calibration.group.points.flatMap((point) => {
    const curve = seats.get(meterOf.get(point) ?? '')?.trace.curve();
    return curve ? [curve] : [];
  });
  return curves.length === calibration.group.points.length ? curves : undefined;
}
