// A rack that does not exist, on real wires: Modbus TCP, a serial bus, RTU over TCP and MQTT, served from the same
// profiles that the service reads with. The service is another process and knows the rack by its site file alone.
import { isNodeMessage, type NodeMessageProfile, type Profile } from '../decode/profile.ts';
import type { Clock, Timer } from '../quantity/clock.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { PointId } from '../quantity/quality.ts';
import type { InstantNs } from '../quantity/time.ts';
import { durationNs, instantNs, later, NS_PER_S } from '../quantity/time.ts';
import type { Publisher } from './broker.ts';
import { rollDice } from './dice.ts';
import { STEP_NS, type Machine } from './machine.ts';
import { NODE_BUILDS, nodePhysics } from './node-physics.ts';
import { DEFAULT_RACK, replayPlan, type RackWire } from './rack-plan.ts';
import { rackLife, type LivingNode, type MeterTruth } from './rack-life.ts';
import { checkOptions, type RackOptions, type RackPorts } from './rack-options.ts';
import { openBroker, serveMeters } from './rack-wires.ts';
import { replayMachines, type Replay } from './replay-machine.ts';
import { siteText, type WireEntry } from './site-text.ts';

export interface RackNode {
  readonly id: string;
  readonly type: string;
  readonly fedBy: readonly PointId[];
  readonly meters: readonly string[];
  readonly chipSources: readonly string[];
}

export interface Rack {
  /** The site file, YAML. */
  readonly siteText: string;
  readonly nodes: readonly RackNode[];
  /** What is not as planned, in words: a wire served another way, holes of the recording, messages lost. */
  readonly trouble: readonly string[];
  /** Resolves when the recording has been played to its end, or when the rack is stopped. */
  readonly finished: Promise<void>;
  /** How much of the recording has been played, 0 to 1; 0 without one. */
  playedRatio(): number;
  /** What the meters really did until now. */
  truth(): ReadonlyMap<string, MeterTruth>;
  stop(): Promise<void>;
}

/** Starts the rack; resolves when every wire is served. Throws SiteFault, with nothing left running, where it cannot. */
export async function startRack(options: RackOptions, ports: RackPorts): Promise<Rack> {
  checkOptions(options);
  const dice = rollDice(options.seed);
  const startNs = onGrid(options.clockAnchor.civilNs);
  const replay = options.replay ? replayMachines(options.replay) : undefined;
  const nodes = replay ? replayedNodes(replay, options) : physicalNodes(options, startNs);
  const { profiles, siteName } = options;
  const nodeProfiles = nodes.map(({ machine }) => nodeProfile(machine, profiles));
  const life = rackLife(nodes, {
    siteName,
    startNs,
    dice,
    profiles,
    exactMeters: replay !== undefined,
    registersUj: options.registersUj,
  });

  const trouble: string[] = [...(replay?.timeline.gaps ?? [])];
  let lostCount = 0;
  const read = (): void => {
    life.advance(ports.clock.nowNs());
    replay?.begin(playStart(ports.clock));
  };
  const started: { stop(): Promise<void> }[] = [];
  const wires = new Map<RackWire, WireEntry>();
  let broker: Publisher;
  try {
    await serveMeters(nodes, life, read, options, ports, { wires, started, trouble });
    broker = await openBroker(options);
    started.push(broker);
    wires.set('broker', {
      transport: 'mqtt',
      url: broker.url,
      client_id: `trueup-${siteName}`,
    });
  } catch (error) {
    await stopAll(started);
    throw error;
  }

  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let timer: Timer | undefined;
  let stopped = false;
  let stopping: Promise<void> | undefined;
  const pump = (): void => {
    if (stopped) return;
    const nowNs = ports.clock.nowNs();
    const upToDate = life.advance(nowNs);
    for (const message of life.takeMessages()) {
      void broker.publish(message.topic, message.payload, message.qos).then((taken) => {
        if (!taken) lostCount += 1;
      });
    }
    const endsNs = replay?.endsNs;
    if (endsNs !== undefined && life.nowNs > later(endsNs, durationNs(2n * NS_PER_S))) finish();
    timer = ports.timers.after(upToDate ? pumpDelayMs(ports.clock.speedRatio) : 1, pump);
  };
  pump();

  return {
    siteText: siteText({
      siteName,
      seed: options.seed,
      clock: options.clockAnchor,
      listen: options.listen ?? '127.0.0.1:8080',
      wires,
      nodes: nodes.map(({ plan }) => plan),
      pollS: pollSeconds(options.clockAnchor.speedRatio),
      nodeProfiles,
    }),
    nodes: nodes.map(({ plan, machine }) => ({
      id: plan.id,
      type: plan.type,
      fedBy: plan.meters.map((meter) => meter.point),
      meters: plan.meters.map((meter) => meter.id),
      chipSources:
        plan.chipSources.length > 0 ? plan.chipSources : machine.chips.map((chip) => chip.source),
    })),
    get trouble() {
      return lostCount === 0 ? trouble : [...trouble, `${lostCount} MQTT messages were lost`];
    },
    finished,
    playedRatio: () => playedRatio(replay, life.nowNs),
    truth: () => {
      life.advance(ports.clock.nowNs());
      return life.truth();
    },
    stop: () => {
      stopped = true;
      timer?.cancel();
      finish();
      stopping ??= stopAll(started);
      return stopping;
    },
  };
}

function physicalNodes(options: RackOptions, startNs: InstantNs): LivingNode[] {
  const dice = rollDice(options.seed);
  return DEFAULT_RACK.map((plan) => ({
    plan,
    machine: nodePhysics(
      NODE_BUILDS[plan.type],
      plan.meters.length,
      dice.split(`node ${plan.id}`),
      startNs,
    ),
  }));
}

function replayedNodes(replay: Replay, options: RackOptions): LivingNode[] {
  const plans = replayPlan(replay, options.profiles);
  return replay.machines.flatMap((machine, index) => {
    const plan = plans[index];
    return plan ? [{ plan, machine }] : [];
  });
}

/** The profile of node messages that reads every chip of the machine. Throws SiteFault where none does. */
function nodeProfile(machine: Machine, profiles: ReadonlyMap<string, Profile>): string {
  const candidates = [...profiles.values()].filter(isNodeMessage);
  const unread = (profile: NodeMessageProfile): string | undefined =>
    machine.chips.find(
      ({ source }) =>
        !profile.reads.some((each) => each.kind === 'counter' && source.startsWith(each.prefix)),
    )?.source;
  const fitting = candidates.find((profile) => unread(profile) === undefined);
  if (fitting) return fitting.id;
  const [first] = candidates;
  throw new SiteFault({
    where: 'rehearsal',
    what: first
      ? `no profile of node messages reads the chip source "${unread(first) ?? ''}"`
      : 'there is no device profile of node messages',
    remedy: 'add one to devices/chips whose reads have a prefix for each of its sources',
  });
}

async function stopAll(started: readonly { stop(): Promise<void> }[]): Promise<void> {
  await Promise.allSettled(started.map((each) => each.stop()));
}

const onGrid = (instant: InstantNs): InstantNs =>
  instantNs(instant - (((instant % STEP_NS) + STEP_NS) % STEP_NS));

/** A second of real time after the first read, so that the other wires are open too; then the next whole minute. */
function playStart(clock: Clock): InstantNs {
  const soonNs = clock.nowNs() + BigInt(Math.round(clock.speedRatio * 1e9));
  const lengthNs = clock.speedRatio >= 10 ? 60n * NS_PER_S : NS_PER_S;
  return instantNs((soonNs / lengthNs + 1n) * lengthNs);
}

function playedRatio(replay: Replay | undefined, nowNs: InstantNs): number {
  const endsNs = replay?.endsNs;
  if (!replay || endsNs === undefined) return 0;
  const leftNs = Number(endsNs - nowNs);
  return Math.min(1, Math.max(0, 1 - leftNs / Number(replay.timeline.lengthNs)));
}

/** Four looks per civil second, but neither busy nor sluggish. */
const pumpDelayMs = (speedRatio: number): number => Math.min(20, Math.max(4, 250 / speedRatio));

/** One civil second, or longer where a serial bus could not keep up in real time. */
const pollSeconds = (speedRatio: number): number => Math.max(1, Math.ceil(speedRatio / 20));
