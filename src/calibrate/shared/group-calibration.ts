// The calibration of a group of nodes behind the same meters while the service runs: one history of all curves, one joint
// fit, and a model for each node that the nodes take up together or not at all.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import type { CorrectionModel, LevelRule } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { FeedGroup } from '../../quantity/feed-groups.ts';
import type { InstantNs } from '../../quantity/time.ts';
import { componentTerms } from '../chip-terms.ts';
import { fitGroup } from './fit-group.ts';
import { NodeHistory } from '../life/node-history.ts';

export interface GroupPlan {
  readonly stepNs: bigint;
  readonly keepCount: number;
  readonly typeOf: (node: string) => string;
  /** How the sum of the levels is divided, by what is known at the time of a fit. */
  readonly levels: () => {
    readonly rule: LevelRule;
    readonly weightOf: (node: string) => number;
  };
}

/** Fits are remembered for as long as an interval may be settled again; a fit every few minutes is a busy day. */
const REMEMBERED_COUNT = 64;
/** No node and no chip source has this in its name: both are names without spaces. */
const BETWEEN = ' ';

export class GroupCalibration {
  readonly group: FeedGroup;
  private readonly plan: GroupPlan;
  private readonly history: NodeHistory;
  private readonly fits = new Map<string, readonly CorrectionModel[]>();
  private readonly gathering = new Map<string, CorrectionModel[]>();
  private newest: readonly CorrectionModel[] | undefined;
  private waiting = 'readings of the meters and of the chips of every node behind them';

  constructor(group: FeedGroup, plan: GroupPlan) {
    this.group = group;
    this.plan = plan;
    this.history = new NodeHistory(plan.stepNs, plan.keepCount);
  }

  /** Models of all nodes: of the fit that is named where it is remembered, else of the newest; undefined before any. */
  models(fit?: string): readonly CorrectionModel[] | undefined {
    return (fit === undefined ? undefined : this.fits.get(fit)) ?? this.newest;
  }

  waitingFor(): string {
    return this.newest ? '' : this.waiting;
  }

  /** Takes up a model that the ledger holds; it counts once its siblings are there. */
  adopt(model: CorrectionModel): void {
    const { shared } = model;
    if (shared?.group !== this.group.id || shared.nodes.join() !== this.group.nodes.join()) return;
    const siblings = [...(this.gathering.get(shared.fit) ?? []), model];
    this.gathering.set(shared.fit, siblings);
    const inOrder = shared.nodes.flatMap(
      (node) => siblings.find((each) => each.node === node) ?? [],
    );
    if (inOrder.length < shared.nodes.length) return;
    this.gathering.clear();
    this.remember(shared.fit, inOrder);
  }

  extend(
    meters: readonly EnergyCurve[],
    chips: (node: string) => ReadonlyMap<string, EnergyCurve>,
  ): void {
    const all = new Map<string, EnergyCurve>();
    for (const node of this.group.nodes) {
      const own = chips(node);
      // Half of the nodes explain no meter.
      if (own.size === 0) return;
      for (const [source, curve] of own) all.set(`${node}${BETWEEN}${source}`, curve);
    }
    this.history.extend(meters, all);
  }

  /** Fits what there is; the models of all nodes where they are worth adopting, else none. */
  refit(nowNs: InstantNs): readonly CorrectionModel[] {
    const evidence = this.history.evidence();
    if (!evidence) return [];
    const levels = this.plan.levels();
    const nodes = this.group.nodes.map((node) => {
      const start = `${node}${BETWEEN}`;
      const chips = new Map(
        [...evidence.chips].flatMap(([key, series]) =>
          key.startsWith(start) ? [[key.slice(start.length), series] as const] : [],
        ),
      );
      return {
        node,
        type: this.plan.typeOf(node),
        weight: levels.weightOf(node),
        terms: componentTerms([...chips.keys()]),
        chips,
      };
    });
    const fitted = fitGroup({
      group: this.group.id,
      wall: evidence.wall,
      nodes,
      levelRule: levels.rule,
      fittedAtNs: nowNs,
    });
    if (isRefusal(fitted)) {
      this.waiting = `${fitted.because}; ${fitted.remedy}`;
      return [];
    }
    if (this.newest && !sayNew(this.newest, fitted)) return [];
    this.remember(fitted[0]?.shared?.fit ?? '', fitted);
    return fitted;
  }

  private remember(fit: string, models: readonly CorrectionModel[]): void {
    this.newest = models;
    this.fits.set(fit, models);
    const [oldest] = this.fits.keys();
    if (this.fits.size > REMEMBERED_COUNT && oldest !== undefined) this.fits.delete(oldest);
  }
}

const acceptedCount = (models: readonly CorrectionModel[]): number =>
  models.filter(({ standing }) => standing === 'accepted').length;

/** New by standing, by twice the evidence, or where a node is predicted otherwise than its own band allows. */
function sayNew(old: readonly CorrectionModel[], next: readonly CorrectionModel[]): boolean {
  if (acceptedCount(next) !== acceptedCount(old)) return acceptedCount(next) > acceptedCount(old);
  return next.some((model, index) => {
    const before = old[index];
    if (!before) return true;
    if (model.evidence.intervalsCount >= 2 * before.evidence.intervalsCount) return true;
    const middleW = (model.holds.fromW + model.holds.untilW) / 2;
    const beforeW = predictW(before, middleW);
    return Math.abs(predictW(model, middleW) - beforeW) > before.systematicRatio * beforeW;
  });
}

const predictW = (model: CorrectionModel, chipW: number): number =>
  model.interceptW +
  (chipW * model.terms.reduce((sum, term) => sum + term.gainRatio, 0)) /
    Math.max(1, model.terms.length);
