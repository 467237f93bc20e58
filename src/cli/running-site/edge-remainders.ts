// What lies outside of whole intervals: from a meter's first anchor to the first settled edge, and from the last settled
// edge to its last anchor. Head, intervals and tail together are the register's difference, to the µJ.
import type { Anchor } from '../../quantity/statement.ts';
import type { PointId } from '../../quantity/quality.ts';
import { type DurationNs, type InstantNs, instantNs } from '../../quantity/time.ts';
import type { MeteredPoint } from '../../quantity/site.ts';
import type { EnergyCurve } from '../../align/energy-curve.ts';
import type { Seat } from './seats.ts';

export interface EdgeRemainder {
  readonly point: PointId;
  readonly meter: string;
  readonly first: Anchor;
  readonly last: Anchor;
  /** First and last edge between which every interval is settled. */
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly headUj: bigint;
  readonly tailUj: bigint;
}

/** Keeps the first anchor of each meter, since curves forget their beginning. */
export class RemainderBook {
  private readonly heads = new Map<PointId, { first: Anchor; fromNs: InstantNs; headUj: bigint }>();
  private readonly firsts = new Map<PointId, { curve: EnergyCurve; anchor: Anchor }>();
  private readonly points: readonly MeteredPoint[];
  private readonly seats: ReadonlyMap<string, Seat>;

  constructor(points: readonly MeteredPoint[], seats: ReadonlyMap<string, Seat>) {
    this.points = points;
    this.seats = seats;
  }

  /** Call before anything is forgotten, with the start of each point's first settled interval. */
  note(firstStart: (point: PointId) => InstantNs | undefined, interval: DurationNs): void {
    for (const { point, meter } of this.points) {
      const curve = this.seats.get(meter)?.trace.curve();
      const anchor = curve?.firstAnchor();
      if (!curve || !anchor) continue;
      if (this.firsts.get(point)?.curve !== curve) {
        // Integrated power stood in until the register was heard: what it counted is none of the register's.
        this.firsts.set(point, { curve, anchor });
        this.heads.delete(point);
      }
      if (this.heads.has(point)) continue;
      const first = this.firsts.get(point)?.anchor;
      const fromNs = firstWithin(firstStart(point), first, interval);
      const edge = fromNs === undefined ? undefined : this.seats.get(meter)?.edges()?.at(fromNs);
      if (first && edge && fromNs !== undefined) {
        this.heads.set(point, { first, fromNs, headUj: edge.energyUj - first.energyUj });
      }
    }
  }

  /** At the end: head and tail of every point that has both. What is still provisional lies behind `untilNs`. */
  remainders(
    nextStart: (point: PointId) => InstantNs | undefined,
    interval: DurationNs,
  ): readonly EdgeRemainder[] {
    return this.points.flatMap(({ point, meter }) => {
      const head = this.heads.get(point);
      const seat = this.seats.get(meter);
      const untilNs = lastFinal(seat, nextStart(point), interval);
      const last = seat?.trace.curve()?.lastAnchor();
      const edge = untilNs === undefined ? undefined : seat?.edges()?.at(untilNs);
      if (!head || untilNs === undefined || !last || !edge) return [];
      const tailUj = last.energyUj - edge.energyUj;
      return [{ point, meter, ...head, last, untilNs, tailUj }];
    });
  }
}

/** Intervals that were settled as missing before the meter was heard are none of its energy. */
function firstWithin(
  startNs: InstantNs | undefined,
  first: Anchor | undefined,
  interval: DurationNs,
): InstantNs | undefined {
  if (startNs === undefined || first === undefined || startNs >= first.atNs) return startNs;
  const intervalsCount = (first.atNs - startNs + interval - 1n) / interval;
  return instantNs(startNs + intervalsCount * interval);
}

const LOOK_BACK_COUNT = 1000;

/** The newest interval edge whose value is final. */
function lastFinal(
  seat: Seat | undefined,
  nextNs: InstantNs | undefined,
  interval: DurationNs,
): InstantNs | undefined {
  let edgeNs = nextNs;
  for (let back = 0; edgeNs !== undefined && back < LOOK_BACK_COUNT; back += 1) {
    if (seat?.edges()?.at(edgeNs)) return edgeNs;
    edgeNs = instantNs(edgeNs - interval);
  }
  return undefined;
}
