// What one instrument has told so far: an energy curve per component, its latest gauges, and what troubles it.
import type { FaultCode } from '../quantity/fault.ts';
import type { Channel, Gap, GaugeChannel, Observation } from '../quantity/observation.ts';
import type { InstantNs } from '../quantity/time.ts';
import { middle, since, toSeconds } from '../quantity/time.ts';
import { watts } from '../quantity/units.ts';
import type { EnergyCurve } from './energy-curve.ts';
import { isPhase, type PhaseChannel, PhaseSigns } from './phase-signs.ts';
import { PowerCurve } from './power-curve.ts';
import { type ReadOutcome, RegisterCurve, type RegisterRules } from './register-curve.ts';

export interface Gauge {
  readonly reading: number;
  readonly atNs: InstantNs;
}

export class InstrumentTrace {
  readonly source: string;
  readonly rules: RegisterRules;
  private readonly registers = new Map<string, RegisterCurve>();
  private readonly powers = new Map<string, PowerCurve>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly phases = new PhaseSigns();
  private lastGoodNs: InstantNs | undefined;
  /** Why energy or power is not known, by component and channel; gone with the next good reading of the same. */
  private readonly troubles = new Map<string, FaultCode>();
  /** A device that is gone is asked for its first registers only, whatever they hold: what that said. */
  private latestGap: Gap | undefined;
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
      else if (observation.kind === 'gap') {
        this.latestGap = observation;
        if (isTraced(observation.channel)) {
          this.troubles.set(keyOf(observation), observation.fault);
        }
      }
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

  /** When energy or power was read last. */
  latestGoodNs(): InstantNs | undefined {
    return this.lastGoodNs;
  }

  /** Why energy (first) or power was not read the last time, or nothing at all; undefined where both were. */
  trouble(): FaultCode | undefined {
    const energy = [...this.troubles].find(([key]) => key.endsWith('|energy_import'));
    const read = energy?.[1] ?? this.troubles.values().next().value ?? this.silence();
    return read ?? (this.reversedPhase() === undefined ? undefined : 'counter.phase-reversed');
  }

  /** The phase whose current transformer seems to be the wrong way round. */
  reversedPhase(): PhaseChannel | undefined {
    return this.phases.reversed;
  }

  private silence(): FaultCode | undefined {
    const gap = this.latestGap;
    if (!gap || this.lastGoodNs === undefined) return gap?.fault;
    const silentS = toSeconds(since(this.lastGoodNs, gap.window.notAfterNs));
    return silentS > this.rules.holeS ? gap.fault : undefined;
  }

  prune(beforeNs: InstantNs): void {
    for (const curve of this.registers.values()) curve.prune(beforeNs);
    for (const curve of this.powers.values()) curve.prune(beforeNs);
  }

  private takeGauge(observation: Extract<Observation, { kind: 'gauge' }>): void {
    const atNs = middle(observation.window.notBeforeNs, observation.window.notAfterNs);
    const key = keyOf(observation);
    const known = this.gauges.get(key);
    if (known && atNs < known.atNs) {
      this.passOver('time.backwards', observation);
      return;
    }
    this.gauges.set(key, { reading: observation.reading, atNs });
    if (isPhase(observation.channel))
      this.phases.observePhase(observation.channel, observation.reading);
    if (observation.channel !== 'power_active') return;
    this.good(atNs, observation);
    if (observation.component === '') this.phases.observeTotal(atNs, observation.reading);
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
    if ('because' in outcome) this.passOver(outcome.because, observation);
    else {
      const { notBeforeNs, notAfterNs } = observation.window;
      this.good(middle(notBeforeNs, notAfterNs), observation);
    }
  }

  private good(atNs: InstantNs, observation: Observation): void {
    if (this.lastGoodNs === undefined || atNs > this.lastGoodNs) this.lastGoodNs = atNs;
    this.troubles.delete(keyOf(observation));
    // A message that could not be read at all is a gap of the whole instrument, until one can.
    if (observation.component === '') return;
    for (const channel of TRACED) this.troubles.delete(keyOf({ component: '', channel }));
  }

  private passOver(because: FaultCode, observation: Observation): void {
    this.passedOver.set(because, (this.passedOver.get(because) ?? 0) + 1);
    // A repeated message is normal life of an at-least-once wire; everything else is worth showing.
    if (because === 'time.duplicate' || !isTraced(observation.channel)) return;
    this.troubles.set(keyOf(observation), because);
  }
}

/** What curves are made of: a voltage that is missing troubles nobody. */
const TRACED = ['energy_import', 'power_active'] as const satisfies Channel[];
const isTraced = (channel: Channel): boolean => TRACED.some((traced) => traced === channel);

const keyOf = ({ component, channel }: Pick<Observation, 'component' | 'channel'>): string =>
  `${component}|${channel}`;
