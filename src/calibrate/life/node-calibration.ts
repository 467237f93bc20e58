// The calibration of one node while the service runs: it gathers evidence, refits, watches the residual, and issues a new
// version of the model where there is something to say, so that the ledger holds a history of models and not of noise.
import type { EnergyCurve } from '../../align/energy-curve.ts';
import {
  configChanges,
  mergedConfig,
  UNKNOWN_CONFIG,
  type ConfigFingerprint,
} from '../../quantity/config-fingerprint.ts';
import type { CorrectionModel, VersionReason } from '../../quantity/correction.ts';
import { isRefusal } from '../../quantity/fault.ts';
import { instantNs, NS_PER_S, type InstantNs } from '../../quantity/time.ts';
import type { Phase } from '../evidence-rows.ts';
import { fitNode } from '../fit-node.ts';
import type { LifeAlarm, LifeEvent, LifeNews } from './life-event.ts';
import { LiveBlocks, termPowers } from './live-blocks.ts';
import {
  expired,
  lifeOf,
  reanchored,
  reconfigured,
  validUntilNs,
  versionOf,
} from './model-life.ts';
import { NodeHistory } from './node-history.ts';
import { isAuditGate } from '../gates.ts';
import { ResidualWatch, type WatchEvent } from './residual-watch.ts';
import { WatchBudget } from './watch-budget.ts';
import { predictedOf, WATCH_BLOCK_S } from './watch-rows.ts';

export interface CalibrationPlan {
  /** Distance of the common edges of meter and chips. */
  readonly stepNs: bigint;
  readonly keepCount: number;
  readonly seed: number;
  /** Relative standard uncertainty of the meters that feed the node, by their accuracy class. */
  readonly meterRatio: number;
  /** Instruments that the evidence comes from. */
  readonly sources: readonly string[];
  /** What the site file says of the configuration; the node's own word goes before it. */
  readonly config: ConfigFingerprint;
}

/** An alarm is shown for this long after it was noticed, so that whoever looks now and then sees it. */
const ALARM_NS = 3_600_000_000_000n;
/** A service that has just started has not looked at its meters yet: no model expires before it had the time. */
const FIRST_LOOK_NS = 600_000_000_000n;

export class NodeCalibration {
  readonly node: string;
  private readonly plan: CalibrationPlan;
  private readonly history: NodeHistory;
  private readonly live: LiveBlocks;
  private watch: ResidualWatch | undefined;
  private adopted: CorrectionModel | undefined;
  private config: ConfigFingerprint;
  private waiting = 'readings of the meter and of the chips';
  private models: CorrectionModel[] = [];
  private events: LifeEvent[] = [];
  private alarmed: LifeEvent[] = [];
  private startedNs: InstantNs | undefined;
  private cutNs: InstantNs | undefined;

  constructor(node: string, plan: CalibrationPlan) {
    this.node = node;
    this.plan = plan;
    this.config = plan.config;
    this.history = new NodeHistory(plan.stepNs, plan.keepCount);
    const blockNs = BigInt(WATCH_BLOCK_S) * NS_PER_S;
    this.live = new LiveBlocks(plan.stepNs > blockNs ? plan.stepNs : blockNs);
  }

  model(): CorrectionModel | undefined {
    return this.adopted;
  }

  /** What a first model still waits for; empty when there is one. */
  waitingFor(): string {
    return this.adopted ? '' : this.waiting;
  }

  /** Says what the group waits for that the node shares its meters with. */
  waitFor(because: string): void {
    this.waiting = because;
  }

  /** When the meter was last compared with the model; undefined while there is none. */
  checkedNs(): InstantNs | undefined {
    if (!this.adopted) return undefined;
    const toldNs = lifeOf(this.adopted).checkedNs;
    const checkedS = this.watch?.level().checkedS ?? -Infinity;
    if (!Number.isFinite(checkedS)) return toldNs;
    const watchedNs = nsOf(checkedS);
    return watchedNs > toldNs ? watchedNs : toldNs;
  }

  /** What is to be looked at now: noticed within the last hour, or still open. */
  alarms(nowNs: InstantNs): readonly LifeAlarm[] {
    this.alarmed = this.alarmed.filter(({ noticedNs }) => nowNs - noticedNs < ALARM_NS);
    return this.alarmed.map(({ event, noticedNs, says }) => ({ event, noticedNs, says }));
  }

  /** Takes up a model that the ledger holds: what it was watched on is not watched again, nor is old evidence mixed in. */
  adopt(model: CorrectionModel): void {
    const life = lifeOf(model);
    this.take(model);
    this.watch = isWatched(model) ? new ResidualWatch(new WatchBudget(model)) : undefined;
    this.live.restart(life.checkedNs > model.fittedAtNs ? life.checkedNs : model.fittedAtNs);
    this.config = mergedConfig(mergedConfig(this.plan.config, life.config), UNKNOWN_CONFIG);
    if (model.life) this.cut(life.sinceNs);
  }

  /** What the node says of its configuration, at the time that it says so. */
  configured(config: ConfigFingerprint, atNs: InstantNs): void {
    const now = mergedConfig(this.config, config);
    const model = this.adopted;
    // What was said before this version was issued is in it already: a replayed journal says everything again.
    if (model && atNs <= model.fittedAtNs) return;
    const changes = configChanges(model ? lifeOf(model).config : this.config, now);
    this.config = now;
    if (changes.length === 0) return;
    this.cut(atNs);
    const says = changes.map(({ key, from, until }) => `${key}: ${from} to ${until}`).join('; ');
    if (model) {
      const next = reconfigured(model, changes, now, atNs);
      this.issue(next);
      this.watch = undefined;
    }
    this.tell('configuration-changed', atNs, atNs, says, {});
  }

  extend(feeds: readonly EnergyCurve[], chips: ReadonlyMap<string, EnergyCurve>): void {
    this.history.extend(feeds, chips);
    // A new version may come out of any block, so the model is asked for each of them.
    for (;;) {
      const { adopted, watch } = this;
      if (!adopted || !watch) return;
      const block = this.live.take(adopted, feeds, chips);
      if (!block) return;
      const noticed = watch.take(block);
      if (noticed.length > 0) this.answer(noticed, adopted, watch);
    }
  }

  /** Fits what there is, told what ran when; the model where it is worth adopting, else undefined. */
  refit(nowNs: InstantNs, phases: readonly Phase[] = []): CorrectionModel | undefined {
    if (this.watch?.unsettled()) return undefined;
    const evidence = this.history.evidence();
    if (!evidence) return undefined;
    const fitted = fitNode({
      node: this.node,
      ...evidence,
      fittedAtNs: nowNs,
      seed: this.plan.seed,
      meterRatio: this.plan.meterRatio,
      phases,
    });
    if (isRefusal(fitted)) {
      this.waiting = `${fitted.because}; ${fitted.remedy}`;
      return undefined;
    }
    const before = this.adopted;
    if (before && !saysSomethingNew(before, fitted)) return undefined;
    const next = versionOf(fitted, {
      supersedes: before?.id ?? '',
      because: before ? 'more-evidence' : 'first-fit',
      sinceNs: this.cutNs ?? fitted.evidence.fromNs,
      checkedNs: fitted.evidence.untilNs,
      sources: this.plan.sources,
      config: this.config,
    });
    this.watchNext(before, next);
    this.take(next);
    return next;
  }

  /** Versions and events since the last call, oldest first. */
  news(nowNs: InstantNs): LifeNews {
    this.startedNs ??= nowNs;
    const model = this.adopted;
    const checkedNs = this.checkedNs();
    if (model && checkedNs !== undefined && nowNs - this.startedNs > FIRST_LOOK_NS) {
      const asChecked = { ...model, life: { ...lifeOf(model), checkedNs } };
      if (lifeOf(model).because !== 'expired' && nowNs > validUntilNs(asChecked)) {
        this.issue(expired(asChecked, nowNs));
        this.tell('expired', nowNs, nowNs, 'no meter has been looked at for a year', {});
      }
    }
    const news = { models: this.models, events: this.events };
    this.models = [];
    this.events = [];
    return news;
  }

  /** The watch noticed something: the model moves to the level that it found. */
  private answer(
    noticed: readonly WatchEvent[],
    model: CorrectionModel,
    watch: ResidualWatch,
  ): void {
    const change = noticed.find((event) => event.kind !== 'anchored');
    const last = noticed.at(-1);
    if (!last) return;
    const level = watch.level();
    const waited = model.open.some((gate) => gate.startsWith('level:') || gate.startsWith('age:'));
    // An anchor that only says again what the model says already is no news.
    if (!change && !waited && Math.abs(level.levelW) <= 2 * level.uncertaintyW) return;
    const because: VersionReason =
      change === undefined
        ? 're-anchored'
        : change.kind === 'step'
          ? 'level-stepped'
          : 'level-drifted';
    const checkedNs = nsOf(level.checkedS);
    const sinceNs = change?.kind === 'step' ? nsOf(change.changedS) : lifeOf(model).sinceNs;
    const next = reanchored(
      model,
      {
        shiftW: level.levelW,
        uncertaintyW: level.uncertaintyW,
        sinceNs,
        checkedNs,
        known: level.anchored,
      },
      because,
      checkedNs,
    );
    if (change?.kind === 'step') this.cut(sinceNs);
    this.issue(next);
    watch.rebase(new WatchBudget(next));
    const regime = last.regime === undefined ? '' : `, regime ${last.regime} again`;
    const fromNs = nsOf(last.kind === 'anchored' ? last.fromS : last.changedS);
    const stepW = change ? change.toLevelW - change.fromLevelW : level.levelW;
    const expandedW = change?.expandedW ?? last.expandedW;
    this.tell(
      because,
      fromNs,
      checkedNs,
      `${signed(stepW)} W ± ${expandedW.toFixed(1)} W${regime}`,
      { shift_w: stepW, u_w: expandedW, metered_s: last.meteredS },
    );
  }

  private tell(
    event: LifeEvent['event'],
    changedNs: InstantNs,
    noticedNs: InstantNs,
    says: string,
    figures: LifeEvent['figures'],
  ): void {
    const model = this.adopted?.id ?? '';
    const told = { node: this.node, event, changedNs, noticedNs, says, figures, model };
    this.events.push(told);
    if (event === 're-anchored') return;
    this.alarmed = [...this.alarmed.filter((each) => each.event !== event), told];
  }

  private issue(model: CorrectionModel): void {
    this.models.push(model);
    this.take(model);
  }

  private take(model: CorrectionModel): void {
    this.adopted = model;
  }

  private cut(atNs: InstantNs): void {
    this.cutNs = atNs;
    this.history.forgetBefore(atNs);
  }

  /** The watch goes on over the next fit, or begins with the first one that has passed its gates. */
  private watchNext(before: CorrectionModel | undefined, next: CorrectionModel): void {
    if (!isWatched(next)) {
      this.watch = undefined;
      return;
    }
    const budget = new WatchBudget(next);
    if (this.watch && before) {
      this.watch = this.watch.successor(budget, this.differenceW(before, next));
      return;
    }
    this.watch = new ResidualWatch(budget, true);
    this.live.restart(next.evidence.untilNs);
  }

  /** How much more the next model predicts at the load of the last block, W. */
  private differenceW(before: CorrectionModel, next: CorrectionModel): number {
    const sourcesW = this.live.sourcesW();
    const old = termPowers(before, sourcesW);
    const now = termPowers(next, sourcesW);
    return old && now ? predictedOf(next, now) - predictedOf(before, old) : 0;
  }
}

/**
 * A fit that has not passed its gates is not held to its level: what it did not see of the load would look like steps. One
 * that had passed them, and only waits for its level or for a look at the meter, is.
 */
const isWatched = (model: CorrectionModel): boolean =>
  model.open.every(
    (gate) => isAuditGate(gate) || gate.startsWith('level:') || gate.startsWith('age:'),
  );

const nsOf = (atS: number): InstantNs => instantNs(BigInt(Math.round(atS * 1e3)) * 1_000_000n);
const signed = (powerW: number): string =>
  `${powerW < 0 ? '−' : '+'}${Math.abs(powerW).toFixed(1)}`;

/** A model is new by standing, by twice the evidence, or by predicting otherwise than its own band allows. */
function saysSomethingNew(old: CorrectionModel, next: CorrectionModel): boolean {
  // A model whose configuration is gone is replaced by whatever the new one shows.
  if (lifeOf(old).because === 'configuration-changed') return true;
  if (old.standing === 'accepted' && next.standing === 'provisional') return false;
  if (old.standing !== next.standing) return true;
  if (next.evidence.intervalsCount >= 2 * old.evidence.intervalsCount) return true;
  // After a change of level the evidence begins anew, and a level that was anchored is not undone by less than there was.
  if (next.evidence.intervalsCount < old.evidence.intervalsCount) return false;
  const middleW = (next.holds.fromW + next.holds.untilW) / 2;
  const oldW = predictW(old, middleW);
  return Math.abs(predictW(next, middleW) - oldW) > old.systematicRatio * oldW;
}

/** Prediction at a chip power spread evenly over the terms: good enough to compare two models of one node. */
const predictW = (model: CorrectionModel, chipW: number): number =>
  model.interceptW +
  (chipW * model.terms.reduce((sum, term) => sum + term.gainRatio, 0)) /
    Math.max(1, model.terms.length);
