// Validation of a period: each meter's intervals go through the checks of vee/, and what they find stands in the settlement.
import { type Refusal, refuse } from '../../quantity/fault.ts';
import type { Kind, PointId, Quality } from '../../quantity/quality.ts';
import type { IntervalStatement } from '../../quantity/statement.ts';
import { type DurationNs, durationNs, type Interval, later } from '../../quantity/time.ts';
import { watts } from '../../quantity/units.ts';
import {
  checkCeiling,
  checkFrozen,
  checkMissing,
  checkNegative,
  checkProlongedEstimation,
  checkSpike,
  checkZero,
  type Finding,
  type IntervalSeries,
} from '../vee/interval-checks.ts';
import { MeterBeside } from '../vee/meter-beside.ts';
import { type RegisterInterval, SumCheck } from '../vee/sum-check.ts';
import type { OrderedMeter } from './meter-order.ts';
import type { CheckLine } from './settlement-line.ts';

/** No rack feed that is metered carries more: the ceiling by which registers are believed. */
const CEILING_W = watts(1_000_000);
/** Estimates for longer than a day are looked at. */
const LONGEST_ESTIMATION = durationNs(86_400_000_000_000n);

interface Page {
  readonly energyUj: (bigint | undefined)[];
  readonly qualities: (Quality | undefined)[];
  readonly sum: SumCheck;
  readonly beside: MeterBeside;
  /** Whether something behind it is known to have run. */
  hasLoad: boolean;
}

export class ValidationBook {
  readonly #period: Interval;
  readonly #interval: DurationNs;
  readonly #pages = new Map<PointId, Page>();

  constructor(period: Interval, interval: DurationNs) {
    this.#period = period;
    this.#interval = interval;
  }

  /** Intervals come in the order of time, each meter of the plan once per interval. */
  add(
    order: readonly OrderedMeter[],
    known: (point: PointId, kind: Kind) => { readonly statement: IntervalStatement } | undefined,
  ): void {
    for (const { meter, rule } of order) {
      if (meter.kind !== 'metered') continue;
      const statement = known(meter.point, meter.kind)?.statement;
      const page = this.#pages.get(meter.point) ?? newPage();
      this.#pages.set(meter.point, page);
      page.energyUj.push(statement?.energyUj);
      page.qualities.push(statement?.energyUj === undefined ? undefined : statement.quality);
      page.sum.add(statement && registerInterval(statement));
      const check = meter.checkMeter && known(meter.checkMeter, 'metered')?.statement;
      page.beside.add(statement, check);
      const chips = rule.is === 'nodes' ? rule.nodes.map(({ node }) => known(node, 'chip')) : [];
      page.hasLoad ||= [check, ...chips.map((each) => each?.statement)].some(
        (each) => each?.energyUj !== undefined && each.energyUj > 0n,
      );
    }
  }

  lines(): readonly CheckLine[] {
    return [...this.#pages]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([meter, { energyUj, qualities, sum, beside, hasLoad }]) => {
        const series: IntervalSeries = {
          // A meter that is posted from a later instant on has its intervals up to the end.
          startNs: later(
            this.#period.untilNs,
            durationNs(-BigInt(energyUj.length) * this.#interval),
          ),
          interval: this.#interval,
          energyUj,
          qualities,
        };
        const findings: readonly (Finding | undefined)[] = [
          sum.finish(),
          checkMissing(series),
          checkNegative(series),
          checkCeiling(series, CEILING_W),
          checkSpike(series),
          checkFrozen(series),
          checkZero(series, hasLoad),
          beside.finish(),
          checkProlongedEstimation(series, LONGEST_ESTIMATION),
        ];
        return findings.flatMap((finding) =>
          finding ? [{ line: 'check', meter, ...finding } as const] : [],
        );
      });
  }
}

const newPage = (): Page => ({
  energyUj: [],
  qualities: [],
  sum: new SumCheck(),
  beside: new MeterBeside(),
  hasLoad: false,
});

/** Of a single meter with both its edges. */
function registerInterval(statement: IntervalStatement): RegisterInterval | undefined {
  const { energyUj, startNs, durationNs: lengthNs, anchors } = statement;
  const from = anchors.find(({ edge }) => edge === 'from');
  const until = anchors.find(({ edge }) => edge === 'until');
  if (energyUj === undefined || !from || !until) return undefined;
  return { startNs, untilNs: later(startNs, lengthNs), energyUj, from, until };
}

/** A failure stops a settlement; a warning stands in it. */
export const failuresOf = (lines: readonly CheckLine[]): readonly Refusal[] =>
  lines
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ meter, check, says }) =>
      refuse(
        'settle.check-failed',
        `${meter} fails the check "${check}": ${says}`,
        'look at the meter and its statements before anybody is billed',
      ),
    );
