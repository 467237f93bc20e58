// The stretches of one curve in order, and the breaks between them across which nothing is known.
import type { FaultCode } from '../quantity/fault.ts';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { type Span, Stretch } from './stretch.ts';

interface Break extends Span {
  readonly because: FaultCode;
}

export class Stretches {
  private list: Stretch[] = [];
  private breaks: Break[] = [];
  private begunCount = 0;

  /** Begins a stretch with its first anchor; `broken` is the time across which the last one does not reach. */
  begin(atNs: InstantNs, energyUj: Microjoules, broken?: Break): void {
    if (broken) this.breaks.push(broken);
    this.begunCount += 1;
    const stretch = new Stretch(this.begunCount);
    stretch.push(atNs, energyUj);
    this.list.push(stretch);
  }

  /** The one that is growing. */
  newest(): Stretch | undefined {
    return this.list.at(-1);
  }

  /** The stretch that holds an instant, with the anchors on both sides of it. */
  around(
    atNs: InstantNs,
  ): { readonly stretch: Stretch; readonly before: Anchor; readonly after: Anchor } | undefined {
    for (const stretch of this.list) {
      const anchors = stretch.around(atNs);
      if (anchors) return { stretch, ...anchors };
    }
    return undefined;
  }

  breakWithin(fromNs: InstantNs, untilNs: InstantNs): FaultCode | undefined {
    return this.breaks.find((gap) => gap.fromNs < untilNs && gap.untilNs > fromNs)?.because;
  }

  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean {
    return this.list.some((stretch) => stretch.holeWithin(fromNs, untilNs));
  }

  firstAnchor(): Anchor | undefined {
    return this.list[0]?.first();
  }

  lastAnchor(): Anchor | undefined {
    return this.newest()?.last();
  }

  /** Forgets what lies before, but for the anchors around that instant. */
  prune(beforeNs: InstantNs): void {
    const newest = this.newest();
    this.list = this.list.filter(
      (stretch) => stretch === newest || (stretch.last()?.atNs ?? beforeNs) >= beforeNs,
    );
    for (const stretch of this.list) stretch.prune(beforeNs);
    this.breaks = this.breaks.filter((gap) => gap.untilNs >= beforeNs);
  }
}
