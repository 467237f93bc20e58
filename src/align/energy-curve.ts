// An instrument's energy over time: what settlement evaluates at interval edges and calibration at common edges.
import type { FaultCode } from '../quantity/fault.ts';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Joules, Microjoules } from '../quantity/units.ts';

/** The curve at one instant, with the evidence around it. */
export interface EdgeEnergy {
  /** Rounded once to whole µJ. */
  readonly energyUj: Microjoules;
  /** Two edges differ by an energy only within one stretch; across a break nothing is known. */
  readonly stretch: number;
  readonly before: Anchor;
  readonly after: Anchor;
  /** Standard uncertainty of the curve here, from the register's resolution and from interpolating, J. */
  readonly edgeJ: Joules;
  /** The part of it that the register's resolution alone makes, J. */
  readonly resolutionJ: Joules;
  /** Where there was no reading for longer than usual around this instant: the hole. */
  readonly hole: { readonly fromNs: InstantNs; readonly untilNs: InstantNs } | undefined;
  readonly method:
    'register' | 'register+power' | 'register+chips' | 'power' | 'register+power-held';
  /** Models by which chips gave the shape; absent elsewhere. */
  readonly models?: readonly string[] | undefined;
}

export interface EnergyCurve {
  /** Final value at an instant between two anchors of one stretch; undefined outside. Never changes once given. */
  energyAt(atNs: InstantNs): EdgeEnergy | undefined;
  /** Between two anchors already, but the reading that shapes the rise may still be under way: no value yet. */
  awaitsShape(atNs: InstantNs): boolean;
  /** Best value behind the last anchor while readings go on; it may still change. */
  provisionalAt(atNs: InstantNs): EdgeEnergy | undefined;
  /** Why the curve broke inside the span, or undefined where it did not. */
  breakWithin(fromNs: InstantNs, untilNs: InstantNs): FaultCode | undefined;
  /** Whether a hole of readings lies (partly) inside the span. */
  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean;
  /** Earliest anchor that is still kept, and the newest; undefined before the first reading. */
  firstAnchor(): Anchor | undefined;
  lastAnchor(): Anchor | undefined;
  /** Time of the newest good reading. */
  latestReadNs(): InstantNs | undefined;
  /** Forgets what lies before, but for what is needed to evaluate from there on. */
  prune(beforeNs: InstantNs): void;
}
