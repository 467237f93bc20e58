// What one instrument has told so far: an energy curve per component, its latest gauges, and what troubles it.
import type { FaultCode } from '../quantity/fault.ts';
import type { GaugeChannel, Observation } from '../quantity/observation.ts';
import type { InstantNs } from '../quantity/time.ts';
import { middle } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import type { EnergyCurve } from './energy-curve.ts';
import { PowerCurve } from './power-curve.ts';
import { type ReadOutcome, RegisterCurve, type RegisterRules } from './register-curve.ts';

export interface Gauge {
  readonly reading: number;
  readonly atNs: InstantNs;
}

export class InstrumentTrace {
  readonly source: string;
  private readonly rules: RegisterRules;
  private readonly registers = new Map<string, RegisterCurve>();
  private readonly powers = new Map<string, PowerCurve>();
  private readonly gauges = new Map<string, Gauge>();
  private lastGoodNs: InstantNs | undefined;
  private latestTrouble: FaultCode | undefined;
  /** Readings that were not taken, by reason. */
  readonly passedOver = new Map<FaultCode, number>();

  constructor(source: string, rules: RegisterRules) {
    this.source = source;
    this.rules = rules;
  }

  /** Takes the observations of one exchange. Power first: it shapes the energy that is read with it. */
  observe(observations: readonly Observation[]): void {
    for (const observation of observations) {
      if (observation.kind === 'gauge') this.takeGauge(observation);
    }
    for (const observation of observations) {
      if (observation.kind === 'counter') this.takeCounter(observation);
      else if (observation.kind === 'gap') this.latestTrouble = observation.fault;
    }
  }

  /** The curve of a component (`''` for what a meter measures); its register, else its integrated power. */
  curve(component = ''): EnergyCurve | undefined {
    return this.registers.get(component) ?? this.powers.get(component);
  }

  /** Readings farther apart than this leave a hole, s. */
  holeS(): number {
    return this.rules.holeS;
  }

  register(component = ''): RegisterCurve | undefined {
    return this.registers.get(component);
  }

  components(): readonly string[] {
    return [...new Set([...this.registers.keys(), ...this.powers.keys()])].sort();
  }

  gauge(channel: GaugeChannel, component = ''): Gauge | undefined {
    return this.gauges.get(`${component}|${channel}`);
  }

  latestGoodNs(): InstantNs | undefined {
    return this.lastGoodNs;
  }

  /** What the newest failed reading said; undefined when the newest reading was good. */
  trouble(): FaultCode | undefined {
    return this.latestTrouble;
  }

  prune(beforeNs: InstantNs): void {
    for (const curve of this.registers.values()) curve.prune(beforeNs);
    for (const curve of this.powers.values()) curve.prune(beforeNs);
  }

  private takeGauge(observation: Extract<Observation, { kind: 'gauge' }>): void {
    const atNs = middle(observation.window.notBeforeNs, observation.window.notAfterNs);
    const key = `${observation.component}|${observation.channel}`;
    const known = this.gauges.get(key);
    if (known && atNs < known.atNs) {
      this.passOver('time.backwards');
      return;
    }
    this.gauges.set(key, { reading: observation.reading, atNs });
    this.good(atNs);
    if (observation.channel !== 'power_active') return;
    const powerW = watts(observation.reading);
    this.registers.get(observation.component)?.power.observe(atNs, powerW);
    // Integrated power stands in only until a register is heard of.
    if (this.registers.has(observation.component)) return;
    let curve = this.powers.get(observation.component);
    if (!curve) {
      curve = new PowerCurve(this.rules.holeS);
      this.powers.set(observation.component, curve);
    }
    curve.observe(atNs, powerW);
  }

  private takeCounter(observation: Extract<Observation, { kind: 'counter' }>): void {
    if (observation.channel !== 'energy_import') return;
    let curve = this.registers.get(observation.component);
    if (!curve) {
      curve = new RegisterCurve(this.rules);
      this.registers.set(observation.component, curve);
      const power = this.gauge('power_active', observation.component);
      if (power) curve.power.observe(power.atNs, watts(power.reading));
    }
    const outcome: ReadOutcome = curve.observe(observation);
    if ('because' in outcome) this.passOver(outcome.because);
    else this.good(middle(observation.window.notBeforeNs, observation.window.notAfterNs));
  }

  private good(atNs: InstantNs): void {
    if (this.lastGoodNs === undefined || atNs > this.lastGoodNs) this.lastGoodNs = atNs;
    this.latestTrouble = undefined;
  }

  private passOver(because: FaultCode): void {
    this.passedOver.set(because, (this.passedOver.get(because) ?? 0) + 1);
    // A repeated message is normal life of an at-least-once wire; everything else is worth showing.
    if (because !== 'time.duplicate') this.latestTrouble = because;
  }
}
