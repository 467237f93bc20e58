// The calibrations of all metered nodes: one each, refitted in turn so that no moment does all the work.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import type { Phase } from '../../calibrate/evidence-rows.ts';
import type { GroupCalibration } from '../../calibrate/shared/group-calibration.ts';
import type { LifeEvent, LifeNews } from '../../calibrate/life/life-event.ts';
import { NodeCalibration } from '../../calibrate/life/node-calibration.ts';
import { UNKNOWN_CONFIG } from '../../quantity/config-fingerprint.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { formatRatioPercent, formatWatts } from '../../quantity/format.ts';
import type { Site } from '../../quantity/site.ts';
import { instantNs, type InstantNs } from '../../quantity/time.ts';
import { groupCalibrationsOf, metersOf } from './group-calibrations.ts';
import type { Seat } from './seats.ts';

/** Common edges are this far apart: one second, or a sixtieth of long intervals, so that memory stays bounded. */
const stepNs = (site: Site): bigint => {
  const sixtieth = site.interval / 60n;
  return sixtieth > 1_000_000_000n ? sixtieth : 1_000_000_000n;
};
const KEEP_COUNT = 5_760;
/** A node is fitted again at most this often, real ms. */
const REFIT_EVERY_NS = 5_000_000_000n;

export interface Calibrations {
  readonly of: ReadonlyMap<string, NodeCalibration>;
  /** Of groups behind shared meters, by group; each of their nodes has its own in `of` as well, which takes up its model. */
  readonly groups: ReadonlyMap<string, GroupCalibration>;
  /** Takes up a model that the ledger holds. */
  adopt(model: CorrectionModel): void;
  /**
   * Gathers evidence of all nodes, watches it, and refits the one whose turn it is, told what ran on it; what is worth
   * keeping comes back.
   */
  refit(
    nowNs: InstantNs,
    monotonicNs: bigint,
    phasesOf: (node: string, sinceNs: InstantNs) => readonly Phase[],
  ): LifeNews;
}

export function calibrationsOf(
  site: Site,
  seats: ReadonlyMap<string, Seat>,
  chipsOf: (node: string) => ReadonlyMap<string, EnergyCurve>,
  seed: number,
): Calibrations {
  const metered = site.nodes.filter((node) => node.fedBy.length > 0);
  const meterOf = new Map(site.points.map(({ point, meter }) => [point, meter] as const));
  const of = new Map(
    metered.map(({ id, fedBy, chips, config }) => {
      // Meters of one make err alike, so the sum of two feeds is no better known than the worse of them.
      const ratios = fedBy.map((feed) => seats.get(meterOf.get(feed) ?? '')?.systematicRatio ?? 0);
      const calibration = new NodeCalibration(id, {
        stepNs: stepNs(site),
        keepCount: KEEP_COUNT,
        seed,
        meterRatio: Math.max(...ratios),
        sources: [...fedBy.map((feed) => meterOf.get(feed) ?? ''), chips],
        config: config ?? UNKNOWN_CONFIG,
      });
      return [id, calibration] as const;
    }),
  );
  const length = { stepNs: stepNs(site), keepCount: KEEP_COUNT };
  const groups = groupCalibrationsOf(site, length, (node) => of.get(node)?.model());
  const inGroup = new Set([...groups.values()].flatMap(({ group }) => group.nodes));
  const refittedNs = new Map<string, bigint>();
  const isDue = (id: string, monotonicNs: bigint): boolean => {
    if (monotonicNs < (refittedNs.get(id) ?? -REFIT_EVERY_NS) + REFIT_EVERY_NS) return false;
    refittedNs.set(id, monotonicNs);
    return true;
  };
  return {
    of,
    groups,
    adopt: (model) => {
      if (inGroup.has(model.node) === (model.shared === undefined)) return;
      of.get(model.node)?.adopt(model);
      if (model.shared) groups.get(model.shared.group)?.adopt(model);
    },
    refit: (nowNs, monotonicNs, phasesOf) => {
      const models: CorrectionModel[] = [];
      const events: LifeEvent[] = [];
      let turns = 1;
      for (const [id, calibration] of groups) {
        const meters = metersOf(calibration, site, seats);
        if (!meters) continue;
        calibration.extend(meters, chipsOf);
        if (turns === 0 || !isDue(`group ${id}`, monotonicNs)) continue;
        turns -= 1;
        const fitted = calibration.refit(nowNs);
        for (const model of fitted) of.get(model.node)?.adopt(model);
        for (const node of calibration.group.nodes) {
          of.get(node)?.waitFor(calibration.waitingFor());
        }
        models.push(...fitted);
      }
      for (const node of metered) {
        if (inGroup.has(node.id)) continue;
        const calibration = of.get(node.id);
        const feeds = node.fedBy.flatMap((point) => {
          const curve = seats.get(meterOf.get(point) ?? '')?.trace.curve();
          return curve ? [curve] : [];
        });
        if (!calibration || feeds.length < node.fedBy.length) continue;
        calibration.extend(feeds, chipsOf(node.id));
        const news = calibration.news(nowNs);
        models.push(...news.models);
        events.push(...news.events);
        if (turns === 0 || !isDue(node.id, monotonicNs)) continue;
        turns -= 1;
        const sinceNs = instantNs(nowNs - length.stepNs * BigInt(KEEP_COUNT));
        const model = calibration.refit(nowNs, phasesOf(node.id, sinceNs));
        if (model) models.push(model);
      }
      return { models, events };
    },
  };
}

/** One line about a model, for people. */
export function modelText(model: CorrectionModel): string {
  const gains = model.terms
    .map(
      (term) =>
        `${term.name} x ${term.gainRatio.toFixed(3)} ± ${(2 * term.gainUncertaintyRatio).toFixed(3)}`,
    )
    .join(', ');
  const open = model.open.length > 0 ? `; open: ${model.open.join('; ')}` : '';
  return `${model.node}: ${model.standing} correction ${gains} + ${formatWatts(model.interceptW)}, gap ${formatRatioPercent(model.gapRatio)}, band ± ${formatRatioPercent(2 * model.systematicRatio)}${open}`;
}
