// An axis: a domain that ends on round numbers, ticks on it, and where each quantity lies on the paper. It copes with what
// plots of real evidence bring: nothing at all, one point, the same value throughout.
import { dayText, decimal, timeText } from './figure-text.ts';

export interface Tick {
  readonly position: number;
  readonly label: string;
}

export interface Axis {
  readonly from: number;
  readonly until: number;
  readonly ticks: readonly Tick[];
  /** Where a quantity lies, px; beyond the ends of the domain it lies at the end. */
  readonly at: (quantity: number) => number;
}

/** Where an axis begins and ends on the paper, px. */
export interface Extent {
  readonly fromPx: number;
  readonly untilPx: number;
}

/** A step of 1, 2 or 5 times a power of ten that divides `span` into about `wanted` parts. */
export function niceStep(span: number, wanted: number): number {
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}

/** Least and most of what is finite; undefined where nothing is. */
export function rangeOf(...lists: readonly (readonly number[])[]): [number, number] | undefined {
  let least = Infinity;
  let most = -Infinity;
  for (const list of lists) {
    for (const each of list) {
      if (!Number.isFinite(each)) continue;
      least = Math.min(least, each);
      most = Math.max(most, each);
    }
  }
  return least <= most ? [least, most] : undefined;
}

/** The range with a little room at both ends, so that no mark is cut. */
export const padded = ([least, most]: readonly [number, number]): [number, number] => {
  const room = 0.02 * (most - least);
  return [least - room, most + room];
};

export interface AxisWish {
  readonly ticksCount: number;
  /** Digits behind the point are added to these, such as for per cent. */
  readonly label?: (quantity: number, digitsCount: number) => string;
  /** The domain ends where the data does instead of on a round number. */
  readonly tight?: boolean;
}

/** A linear axis over this range; a range of no length is widened by a tenth of its value, or by one. */
export function linearAxis(
  range: readonly [number, number] | undefined,
  extent: Extent,
  wish: AxisWish,
): Axis {
  let [least, most] = range ?? [0, 1];
  // Nothing that is measured differs by less; doubles that do would break the arithmetic of ticks.
  if (!(most - least > Math.max(1e-12, 1e-9 * Math.max(Math.abs(least), Math.abs(most))))) {
    const widthEach = Math.abs(least) > 1e-9 ? Math.abs(least) / 10 : 1;
    least -= widthEach;
    most += widthEach;
  }
  const step = niceStep(most - least, wish.ticksCount);
  const tight = wish.tight ?? false;
  const from = tight ? least : Math.floor(least / step + 1e-9) * step;
  const until = tight ? most : Math.ceil(most / step - 1e-9) * step;
  const digitsCount = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const label = wish.label ?? decimal;
  const ticks: Tick[] = [];
  for (let index = Math.ceil(from / step - 1e-9); index * step <= until + step * 1e-9; index++) {
    ticks.push({ position: index * step, label: label(index * step, digitsCount) });
  }
  return { from, until, ticks, at: placing(from, until, extent) };
}

/** Steps of civil time, s. */
const TIME_STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
] as const;

/** An axis of civil time; the first tick and the first of each day carry the date. */
export function timeAxis(
  range: readonly [number, number] | undefined,
  extent: Extent,
  ticksCount: number,
): Axis {
  const [least, most] = range ?? [0, 1];
  const [from, until] = most > least ? padded([least, most]) : [least - 30, least + 30];
  const rough = (until - from) / Math.max(1, ticksCount);
  const step = TIME_STEPS_S.find((each) => each >= rough) ?? 31_536_000;
  const ticks: Tick[] = [];
  let day = '';
  for (let place = Math.ceil(from / step) * step; place <= until; place += step) {
    const own = dayText(place);
    const time = step >= 86_400 ? '' : timeText(place, step < 60);
    const label = own === day ? time : step >= 86_400 ? own : `${time}\n${own}`;
    ticks.push({ position: place, label });
    day = own;
  }
  return { from, until, ticks, at: placing(from, until, extent) };
}

function placing(from: number, until: number, extent: Extent): (quantity: number) => number {
  const { fromPx, untilPx } = extent;
  return (quantity) => {
    const share = Math.min(1, Math.max(0, (quantity - from) / (until - from)));
    return fromPx + share * (untilPx - fromPx);
  };
}
