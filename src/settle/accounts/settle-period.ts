// A period of a plan of accounts: statements go in, interval by interval, lines come out, or the gates that said no.
import type { Kind, PointId } from '../../quantity/quality.ts';
import { type Refusal, refuse } from '../../quantity/fault.ts';
import { type DurationNs, type InstantNs, instantNs, type Interval } from '../../quantity/time.ts';
import type { AccountsPlan } from './accounts-plan.ts';
import { BillingBook } from './billing-book.ts';
import { type Completeness, gatesOf, MeterBook } from './meter-book.ts';
import { changesOf, meterOrder, type OrderedMeter } from './meter-order.ts';
import type { KnownStatement, PeriodPorts } from './period-ports.ts';
import { type Posting, postInterval } from './post-interval.ts';
import type { SettlementLine } from './settlement-line.ts';
import { failuresOf, ValidationBook } from './validation-book.ts';

export interface PeriodOutcome {
  readonly lines: readonly SettlementLine[];
  readonly completeness: Completeness;
  /** Gates that said no, worst first; a settlement with any of them is provisional at best. */
  readonly refusals: readonly Refusal[];
}

export class PeriodSettlement {
  readonly #plan: AccountsPlan;
  readonly #period: Interval;
  readonly #interval: DurationNs;
  readonly #billing: BillingBook;
  readonly #meters: MeterBook;
  readonly #validation: ValidationBook;
  readonly #strangers = new Set<PointId>();
  #order: readonly OrderedMeter[] = [];
  /** Meters that are posted or check one that is. */
  #placed: ReadonlySet<PointId> = new Set();
  #orderUntilNs: bigint;
  readonly #changes: readonly InstantNs[];

  constructor(plan: AccountsPlan, period: Interval, interval: DurationNs, ports: PeriodPorts) {
    this.#plan = plan;
    this.#period = period;
    this.#interval = interval;
    this.#billing = new BillingBook(plan, interval, ports.offsetOf);
    this.#meters = new MeterBook(plan, period, interval, ports.digest);
    this.#validation = new ValidationBook(period, interval);
    this.#changes = changesOf(plan);
    this.#orderUntilNs = period.fromNs;
  }

  /**
   * Takes the current statements of one interval start; starts come in the order of time, each once. An interval that
   * never comes has no statement of anybody.
   */
  take(startNs: InstantNs, found: ReadonlyMap<string, KnownStatement>): void {
    const interval = { fromNs: startNs, untilNs: instantNs(startNs + this.#interval) };
    const order = this.#orderAt(startNs);
    for (const { statement } of found.values()) {
      const isMeter = statement.kind === 'metered' && !statement.point.startsWith('node/');
      if (isMeter && !this.#placed.has(statement.point)) this.#strangers.add(statement.point);
    }
    const known = (point: PointId, kind: Kind): KnownStatement | undefined => {
      const one = found.get(`${point}|${kind}`);
      return one?.statement.durationNs === this.#interval ? one : undefined;
    };
    const posted = postInterval(order, (point, kind) => known(point, kind)?.statement);
    const byAccount = new Map<string, Posting[]>();
    for (const posting of posted.postings) {
      const those = byAccount.get(posting.account);
      if (those) those.push(posting);
      else byAccount.set(posting.account, [posting]);
    }
    this.#billing.add(interval, byAccount, order, posted.flows);
    this.#meters.add(posted.flows, order, known);
    this.#validation.add(order, known);
  }

  /** Everything that came, as lines; call once. */
  finish(): PeriodOutcome {
    const meterLines = this.#meters.lines();
    const checkLines = this.#validation.lines();
    const lines = [...this.#billing.lines(), ...meterLines, ...checkLines];
    const refusals = [...failuresOf(checkLines), ...gatesOf(this.#plan, lines)];
    if (this.#strangers.size > 0) {
      const names = [...this.#strangers].sort().join(', ');
      refusals.unshift(
        refuse(
          'settle.unposted',
          `the ledger has energy of ${names}, which no rule posts`,
          'add them under meters, so that every microjoule belongs to somebody',
        ),
      );
    }
    return { lines, completeness: this.#meters.completeness(), refusals };
  }

  #orderAt(startNs: InstantNs): readonly OrderedMeter[] {
    if (startNs < this.#orderUntilNs && this.#order.length > 0) return this.#order;
    const order = meterOrder(this.#plan, startNs);
    if ('what' in order) throw new RangeError(`${order.point}: ${order.what}`);
    this.#order = order;
    this.#placed = new Set(
      order.flatMap(({ meter }) => [meter.point, ...(meter.checkMeter ? [meter.checkMeter] : [])]),
    );
    const next = this.#changes.find((changeNs) => changeNs > startNs);
    this.#orderUntilNs = next ?? this.#period.untilNs;
    return order;
  }
}
