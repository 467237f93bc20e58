// Longer than most files: how a reading is taken and how the curve is evaluated are one noun, and share its state.
// The energy curve of a counter: exact at its anchors, shaped by power between them, broken where a step is unknown.
// A reading that does not fit is a suspect first: a glitch is forgotten when the next reading fits again, a reset is
// believed when several readings agree on the new count. Neither ever becomes energy.
import type { FaultCode } from '../quantity/fault.ts';
import type { CounterReading } from '../quantity/observation.ts';
import type { Anchor } from '../quantity/statement.ts';
import type { InstantNs } from '../quantity/time.ts';
import { instantNs, middle } from '../quantity/time.ts';
import type { Watts } from '../quantity/units.ts';
import { joules, microjoules } from '../quantity/units.ts';
import { stepBetween } from './counter-step.ts';
import { type CounterBreak, isReturn, verdictOn } from './counter-verdict.ts';
import type { EdgeEnergy, EnergyCurve } from './energy-curve.ts';
import { FrozenRegister } from './frozen-register.ts';
import { PowerShape } from './power-shape.ts';
import { edgeUncertaintyJ, resolutionJ, shareOfRise } from './rise-between.ts';
import { Stretches } from './stretches.ts';

export interface RegisterRules {
  /** More power than the instrument can ever show. */
  readonly ceilingW: Watts;
  /** Readings farther apart than this leave a hole, s. */
  readonly holeS: number;
  /** A register that stands still for this long is pinned again where it was last read, s. */
  readonly holdAfterS: number;
}

/** Readings that must agree before a lower count is believed to be a reset. */
const CONFIRMING_COUNT = 3;

export type ReadOutcome =
  | { readonly taken: 'anchor' | 'unchanged' }
  | { readonly taken: 'suspect' | 'dropped' | 'break'; readonly because: FaultCode };

interface GoodRead {
  readonly atNs: InstantNs;
  readonly reading: CounterReading;
  /** Unwrapped within the stretch. */
  readonly totalUj: bigint;
}

export class RegisterCurve implements EnergyCurve {
  readonly power = new PowerShape();
  private readonly rules: RegisterRules;
  private readonly stretches = new Stretches();
  private last: GoodRead | undefined;
  private suspects: CounterReading[] = [];
  /** The last good reading of the stretch before. */
  private earlier: CounterReading | undefined;
  private readonly frozen = new FrozenRegister();
  /** The count at which the newest stretch began. */
  private startUj = 0n;
  private quantumUj = 0n;

  constructor(rules: RegisterRules) {
    this.rules = rules;
  }

  /** Takes the next reading of the counter, in the order of arrival. */
  observe(reading: CounterReading): ReadOutcome {
    const atNs = middle(reading.window.notBeforeNs, reading.window.notAfterNs);
    const last = this.last;
    if (last === undefined) {
      this.begin(reading, atNs);
      return { taken: 'anchor' };
    }
    if (atNs <= last.atNs) {
      const same = atNs === last.atNs && reading.energyUj === last.reading.energyUj;
      return { taken: 'dropped', because: same ? 'time.duplicate' : 'time.backwards' };
    }
    const step = stepBetween(last.reading, reading, this.rules.ceilingW);
    if (step.step === 'unknown') return this.suspect(reading, step.because);
    if (this.comesBack(last, reading, atNs, step.byUj))
      return this.suspect(reading, 'counter.glitch');
    this.suspects = [];
    return this.advance(last, reading, atNs, step.byUj);
  }

  energyAt(atNs: InstantNs): EdgeEnergy | undefined {
    const around = this.stretches.around(atNs);
    if (around === undefined || this.awaitsPower(around.after.atNs)) return undefined;
    const { stretch, before, after } = around;
    const riseUj = Number(after.energyUj - before.energyUj);
    const share = shareOfRise(this.power, before.atNs, atNs, after.atNs, this.rules.holeS);
    const offsetUj = BigInt(Math.floor(riseUj * share.shareRatio + 0.5));
    return {
      energyUj: microjoules(before.energyUj + offsetUj),
      stretch: stretch.number,
      before,
      after,
      edgeJ: edgeUncertaintyJ(Number(this.quantumUj), riseUj, share),
      resolutionJ: resolutionJ(Number(this.quantumUj)),
      hole: stretch.holeAt(atNs),
      method: share.byPower ? 'register+power' : 'register',
    };
  }

  awaitsShape(atNs: InstantNs): boolean {
    const around = this.stretches.around(atNs);
    return around !== undefined && this.awaitsPower(around.after.atNs);
  }

  provisionalAt(atNs: InstantNs): EdgeEnergy | undefined {
    const stretch = this.stretches.newest();
    const anchor = stretch?.last();
    if (!stretch || !anchor || !this.last || this.last.atNs < atNs || anchor.atNs > atNs) {
      return undefined;
    }
    const shapedJ = this.power.integralJ(anchor.atNs, atNs, this.rules.holeS) ?? 0;
    // The register has not moved since the anchor, so less than one quantum has passed.
    const mostUj = this.quantumUj > 0n ? this.quantumUj - 1n : 0n;
    const shapedUj = BigInt(Math.floor(shapedJ * 1e6 + 0.5));
    return {
      energyUj: microjoules(anchor.energyUj + (shapedUj < mostUj ? shapedUj : mostUj)),
      stretch: stretch.number,
      before: anchor,
      after: { atNs: this.last.atNs, energyUj: microjoules(this.last.totalUj) },
      edgeJ: joules(Number(this.quantumUj) / 1e6 / Math.sqrt(3)),
      resolutionJ: resolutionJ(Number(this.quantumUj)),
      hole: undefined,
      method: 'register+power-held',
    };
  }

  breakWithin(fromNs: InstantNs, untilNs: InstantNs): FaultCode | undefined {
    return this.stretches.breakWithin(fromNs, untilNs);
  }

  holeWithin(fromNs: InstantNs, untilNs: InstantNs): boolean {
    return this.stretches.holeWithin(fromNs, untilNs);
  }

  firstAnchor(): Anchor | undefined {
    return this.stretches.firstAnchor();
  }

  lastAnchor(): Anchor | undefined {
    return this.stretches.lastAnchor();
  }

  latestReadNs(): InstantNs | undefined {
    return this.last?.atNs;
  }

  prune(beforeNs: InstantNs): void {
    this.stretches.prune(beforeNs);
    // Power is needed from the anchor before `beforeNs` on.
    this.power.prune(this.firstAnchor()?.atNs ?? beforeNs);
  }

  private begin(
    reading: CounterReading,
    atNs: InstantNs,
    broken?: { readonly fromNs: InstantNs; readonly because: FaultCode },
  ): void {
    this.stretches.begin(atNs, reading.energyUj, broken && { ...broken, untilNs: atNs });
    this.quantumUj = reading.quantumUj;
    this.startUj = reading.energyUj;
    this.last = { atNs, reading, totalUj: reading.energyUj };
  }

  private advance(
    last: GoodRead,
    reading: CounterReading,
    atNs: InstantNs,
    byUj: bigint,
  ): ReadOutcome {
    const stretch = this.stretches.newest();
    const anchor = stretch?.last();
    const totalUj = last.totalUj + byUj;
    if (anchor && this.isFrozen(anchor, atNs, totalUj, reading)) {
      this.begin(reading, atNs, { fromNs: anchor.atNs, because: 'counter.frozen' });
      return { taken: 'break', because: 'counter.frozen' };
    }
    const elapsedNs = atNs - last.atNs;
    if (Number(elapsedNs) > this.rules.holeS * 1e9) {
      stretch?.noteHole({ fromNs: last.atNs, untilNs: atNs });
    }
    this.last = { atNs, reading, totalUj };
    this.quantumUj = reading.quantumUj;
    if (byUj > 0n) {
      const quantaCount = reading.quantumUj > 0n ? byUj / reading.quantumUj : 1n;
      // The newest count was reached within the last of its quanta: halfway through that.
      const backNs = elapsedNs / (2n * (quantaCount > 1n ? quantaCount : 1n));
      stretch?.push(instantNs(atNs - backNs), microjoules(totalUj));
      return { taken: 'anchor' };
    }
    if (anchor && Number(atNs - anchor.atNs) > this.rules.holdAfterS * 1e9) {
      stretch?.push(atNs, microjoules(totalUj));
      return { taken: 'anchor' };
    }
    return { taken: 'unchanged' };
  }

  private suspect(reading: CounterReading, because: FaultCode): ReadOutcome {
    const before = this.suspects.at(-1);
    const agrees =
      before !== undefined &&
      middle(before.window.notBeforeNs, before.window.notAfterNs) <
        middle(reading.window.notBeforeNs, reading.window.notAfterNs) &&
      stepBetween(before, reading, this.rules.ceilingW).step !== 'unknown';
    if (agrees) this.suspects.push(reading);
    else this.suspects = [reading];
    const proven = because === 'counter.restarted' || this.suspects.length >= CONFIRMING_COUNT;
    return proven ? this.breakOff(because) : { taken: 'suspect', because };
  }

  /** Ends the stretch where it was last good and begins anew with the readings that agree with each other. */
  private breakOff(suspicion: FaultCode): ReadOutcome {
    const believed = this.suspects;
    this.suspects = [];
    const first = believed[0];
    const last = this.last;
    if (first === undefined || last === undefined) return { taken: 'suspect', because: suspicion };
    const because = verdictOn(this.breakBetween(last.reading, first));
    this.earlier = last.reading;
    const stretch = this.stretches.newest();
    const anchor = stretch?.last();
    if (anchor && last.atNs > anchor.atNs) stretch?.push(last.atNs, microjoules(last.totalUj));
    const atNs = middle(first.window.notBeforeNs, first.window.notAfterNs);
    this.begin(first, atNs, { fromNs: last.atNs, because });
    for (const reading of believed.slice(1)) this.observe(reading);
    return { taken: 'break', because };
  }

  /** From zeros back to a count that nothing has counted since: to the old one, or to one that power knows nothing of. */
  private comesBack(
    last: GoodRead,
    reading: CounterReading,
    atNs: InstantNs,
    byUj: bigint,
  ): boolean {
    if (isReturn(this.breakBetween(last.reading, reading), this.startUj)) return true;
    if (last.reading.energyUj !== 0n) return false;
    const flowedJ = this.power.integralJ(last.atNs, atNs, this.rules.holeS);
    const mostJ = flowedJ === undefined ? Infinity : 10 * flowedJ;
    return Number(byUj - 10n * reading.quantumUj) / 1e6 > mostJ;
  }

  private breakBetween(last: CounterReading, first: CounterReading): CounterBreak {
    return { last, first, earlier: this.earlier, ceilingW: this.rules.ceilingW };
  }

  /** Its meter says that power flows while it stands: then nothing between its anchor and now is known. */
  private isFrozen(
    anchor: Anchor,
    atNs: InstantNs,
    totalUj: bigint,
    { quantumUj }: CounterReading,
  ): boolean {
    const byUj = totalUj - anchor.energyUj;
    return this.frozen.isFrozen(this.power, anchor, atNs, byUj, quantumUj, this.rules.holeS);
  }

  /** Power may still come that shapes the last rise; until it does, or can no longer, the value is not final. */
  private awaitsPower(untilNs: InstantNs): boolean {
    const newest = this.power.newest();
    if (newest === undefined || newest.atNs >= untilNs || this.last === undefined) return false;
    return Number(this.last.atNs - untilNs) < this.rules.holeS * 1e9;
  }
}
