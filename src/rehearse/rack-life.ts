// What goes on inside a rehearsed rack, without any wire: machines live step by step, their meters refresh, their agents
// and plugs speak. Everything is a function of seed and civil time, however often and whenever somebody looks.
import { isModbus, isMqttJson, type Profile } from '../decode/profile.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { PointId } from '../quantity/quality.ts';
import type { InstantNs } from '../quantity/time.ts';
import { fromMs, instantNs } from '../quantity/time.ts';
import type { Microjoules } from '../quantity/units.ts';
import { microjoules } from '../quantity/units.ts';
import type { Dice } from './dice.ts';
import { jsonMeter, PUSH_HABITS } from './json-meter.ts';
import type { Machine } from './machine.ts';
import { STEP_NS } from './machine.ts';
import type { MeterBuild, MeterWorks } from './meter-works.ts';
import { meterWorks } from './meter-works.ts';
import type { Message, Talker } from './node-agent.ts';
import { nodeAgent } from './node-agent.ts';
import type { PlannedMeter, PlannedNode } from './rack-plan.ts';
import { quantumUj } from './shown-quantity.ts';

export interface LivingNode {
  readonly plan: PlannedNode;
  readonly machine: Machine;
}

/** What a meter really did, for proofs: both registers are count x quantum. */
export interface MeterTruth {
  readonly meter: string;
  readonly point: PointId;
  readonly quantumUj: Microjoules;
  readonly firstRegisterUj: Microjoules;
  readonly lastRegisterUj: Microjoules;
  /** Energy that went through it since the start, without the error of its class. */
  readonly energyUj: Microjoules;
  /** Civil time of the refresh that shows the last register. */
  readonly atNs: InstantNs;
}

export interface RackLife {
  readonly nowNs: InstantNs;
  /** Lives on until the instant, or as far as one call may go; true when it got there. */
  advance(untilNs: InstantNs): boolean;
  /** Takes what has been said since it was last asked, in order. */
  takeMessages(): readonly Message[];
  readonly meters: ReadonlyMap<string, MeterWorks>;
  truth(): ReadonlyMap<string, MeterTruth>;
}

export interface LifeOptions {
  readonly siteName: string;
  readonly startNs: InstantNs;
  readonly dice: Dice;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** A recording has the errors of its own meter in it: then ours are exact. */
  readonly exactMeters: boolean;
  /** Where import registers begin, by meter; the others begin at a count of their own. */
  readonly registersUj?: ReadonlyMap<string, Microjoules> | undefined;
}

/** Steps of one call: five civil minutes, well under a second of work, so that a host that slept catches up in turns. */
const STEPS_PER_CALL_COUNT = 12_000;
const UNKNOWN_DELAY_MS = 1000;

/** Brings the nodes to life. Throws SiteFault where a profile is not there or does not measure energy. */
export function rackLife(nodes: readonly LivingNode[], options: LifeOptions): RackLife {
  const { startNs, dice, profiles } = options;
  const meters = new Map<string, MeterWorks>();
  const fed: { meter: PlannedMeter; works: MeterWorks; machine: Machine; feedIndex: number }[] = [];
  const talkers: Talker[] = [];
  for (const { plan, machine } of nodes) {
    plan.meters.forEach((meter, feedIndex) => {
      const profile = profileOf(profiles, meter.profile);
      const meterDice = dice.split(`meter ${meter.id}`);
      const build = meterBuild(profile, meterDice, options.exactMeters);
      const beganUj = options.registersUj?.get(meter.id);
      const startCount =
        beganUj === undefined ? build.startCount : ceilDiv(beganUj, build.quantumUj);
      const works = meterWorks({ ...build, startCount }, meterDice.split('readings'), startNs);
      meters.set(meter.id, works);
      fed.push({ meter, works, machine, feedIndex });
      if (isMqttJson(profile)) {
        const habit = meter.profile.startsWith('tasmota')
          ? PUSH_HABITS.tasmota
          : PUSH_HABITS.shelly;
        talkers.push(jsonMeter(profile, meter.topic, habit, () => works.display, startNs));
      }
    });
    talkers.push(
      nodeAgent(options.siteName, plan.id, machine, dice.split(`agent ${plan.id}`), startNs),
    );
  }
  let nowNs = startNs;
  let outbox: Message[] = [];
  const energyOf = (machine: Machine, feedIndex: number): Microjoules =>
    machine.feeds[feedIndex]?.energyUj ?? microjoules(0n);

  return {
    meters,
    get nowNs() {
      return nowNs;
    },
    advance(untilNs) {
      for (let index = 0; nowNs + STEP_NS <= untilNs; index += 1) {
        if (index >= STEPS_PER_CALL_COUNT) return false;
        nowNs = instantNs(nowNs + STEP_NS);
        for (const { machine } of nodes) machine.step(nowNs);
        for (const each of fed) each.works.step(nowNs, energyOf(each.machine, each.feedIndex));
        for (const talker of talkers) talker.step(nowNs, outbox);
      }
      return true;
    },
    takeMessages() {
      const messages = outbox;
      outbox = [];
      return messages;
    },
    truth: () =>
      new Map(
        fed.map(({ meter, works, machine, feedIndex }) => [
          meter.id,
          {
            meter: meter.id,
            point: meter.point,
            quantumUj: microjoules(works.quantumUj),
            firstRegisterUj: works.firstRegisterUj,
            lastRegisterUj: works.display.registerUj,
            energyUj: energyOf(machine, feedIndex),
            atNs: works.display.atNs,
          },
        ]),
      ),
  };
}

const ceilDiv = (energyUj: bigint, quantumUj: bigint): bigint =>
  (energyUj + quantumUj - 1n) / quantumUj;

/** The profile of that name. Throws SiteFault where there is none. */
export function profileOf(profiles: ReadonlyMap<string, Profile>, id: string): Profile {
  const profile = profiles.get(id);
  if (profile) return profile;
  throw new SiteFault({
    where: 'rehearsal',
    what: `there is no device profile "${id}", which the rehearsed rack is built from`,
    remedy: `install trueup with its devices folder (${profiles.size} profiles were found)`,
  });
}

function meterBuild(profile: Profile, dice: Dice, exact: boolean): MeterBuild {
  const energy = importRead(profile);
  const power = profile.reads.find((read) => read.channel === 'power_active');
  const refreshNs = delayNs(energy.refresh_ms ?? profile.limits.refresh_ms);
  const averagingNs = delayNs(power?.averaging_ms ?? profile.limits.averaging_ms);
  return {
    // Some millions of counts: enough digits to show a wrong word order, few enough for a 32-bit float to hold.
    startCount: BigInt(1_000_000 + dice.whole(3_000_000)),
    quantumUj: quantumUj(energy),
    gainPpm: exact ? 0 : Math.max(-4000, Math.min(4000, dice.normal(0, 1500))),
    refreshNs,
    averagingNs,
    phaseNs: BigInt(dice.whole(Number(refreshNs / STEP_NS))) * STEP_NS,
    powerNoiseRatio: exact ? 0 : 0.001,
    startingW: exact ? 0 : 2,
  };
}

function importRead(profile: Profile) {
  const read =
    isModbus(profile) || isMqttJson(profile)
      ? profile.reads.find((each) => each.channel === 'energy_import')
      : undefined;
  if (read?.kind === 'counter') return read;
  throw new SiteFault({
    where: `rehearsal, profile ${profile.id}`,
    what: 'it has no register of imported energy',
    remedy: 'rehearse a meter that has one',
  });
}

/** On the grid of the rack, at least one step of it. */
function delayNs(delayMs: number | 'unknown'): bigint {
  const ns = fromMs(delayMs === 'unknown' ? UNKNOWN_DELAY_MS : delayMs);
  const onGrid = (ns / STEP_NS) * STEP_NS;
  return onGrid > STEP_NS ? onGrid : STEP_NS;
}
