// A rehearsed meter that pushes JSON over MQTT, such as a smart plug: payloads are built from the paths of its profile,
// sent when power leaves a dead band and at the latest after a period, as firmware does.
import type { JsonRead, MqttJsonProfile } from '../decode/json-profile.ts';
import type { InstantNs } from '../quantity/time.ts';
import { formatInstant, instantNs, NS_PER_S } from '../quantity/time.ts';
import type { Display } from './meter-works.ts';
import type { Talker } from './node-agent.ts';
import { counterUj, gaugeReading, rawUnitUj } from './shown-quantity.ts';

export interface PushHabit {
  readonly periodNs: bigint;
  /** A change of power beyond both of these is sent at once; Infinity for a device that only keeps its period. */
  readonly deadbandW: number;
  readonly deadbandRatio: number;
  readonly qos: 0 | 1;
}

/** What the firmware of a family does; the dead bands are the vendors' own. */
export const PUSH_HABITS = {
  shelly: { periodNs: 10n * NS_PER_S, deadbandW: 10, deadbandRatio: 0.05, qos: 1 },
  tasmota: { periodNs: 10n * NS_PER_S, deadbandW: Infinity, deadbandRatio: 0, qos: 0 },
} as const satisfies Record<string, PushHabit>;

type Json = null | boolean | number | string | JsonTree | Json[];
interface JsonTree {
  [key: string]: Json;
}

/** Publishes what the display shows, below the instrument's topic. */
export function jsonMeter(
  profile: MqttJsonProfile,
  topic: string,
  habit: PushHabit,
  display: () => Display,
  startNs: InstantNs,
): Talker {
  const suffixes = spokenSuffixes(profile);
  let sentNs: bigint = startNs;
  let sentW = 0;
  return {
    step(nowNs, outbox) {
      const sinceNs = nowNs - sentNs;
      if (sinceNs < NS_PER_S) return;
      const shown = display();
      const movedW = Math.abs(shown.powerW - sentW);
      const moved = movedW > habit.deadbandW && movedW > habit.deadbandRatio * sentW;
      if (!moved && sinceNs < habit.periodNs) return;
      sentNs = nowNs;
      sentW = shown.powerW;
      for (const suffix of suffixes) {
        outbox.push({
          topic: suffix === '' ? topic : `${topic}/${suffix}`,
          payload: jsonPayload(profile, suffix, shown, nowNs),
          qos: habit.qos,
        });
      }
    },
  };
}

/** Topics that carry whole values. Partial ones say the same again, as changes: no device is set to send both. */
export function spokenSuffixes(profile: MqttJsonProfile): readonly string[] {
  const whole = profile.reads.filter((read) => read.partial !== true);
  return [...new Set((whole.length > 0 ? whole : profile.reads).map((read) => read.suffix))];
}

/** When the counters of a rehearsed device were last set, for devices that tell. */
const COUNTING_SINCE = '2025-10-25T15:22:04';

/** The payload that the profile describes for one suffix. */
export function jsonPayload(
  profile: MqttJsonProfile,
  suffix: string,
  shown: Display,
  nowNs: InstantNs,
): string {
  const reads = profile.reads.filter((read) => read.suffix === suffix);
  const phasesCount = profile.reads.some((read) => read.channel.endsWith('_l3')) ? 3 : 1;
  let tree: Json = {};
  for (const time of profile.speaks.times.filter((each) => each.suffix === suffix)) {
    tree = put(tree, time.path, stampOf(time, nowNs));
  }
  for (const read of reads) {
    tree = put(tree, read.path, numberOf(read, shown, phasesCount));
    if (read.kind === 'counter' && read.epoch_path) {
      tree = put(tree, read.epoch_path, COUNTING_SINCE);
    }
  }
  return JSON.stringify(tree);
}

function numberOf(read: JsonRead, shown: Display, phasesCount: number): number {
  if (read.kind === 'gauge') {
    const reading = gaugeReading(read, shown, phasesCount) / (read.scale?.by ?? 1);
    return Math.round(reading * 1000) / 1000;
  }
  const unitUj = BigInt(Math.round(rawUnitUj(read)));
  const energyUj = counterUj(read, shown);
  // Both parts are exact; the decimal text of the sum has no more digits than the resolution.
  const decimalsCount = Math.max(
    0,
    Math.ceil(-Math.log10(read.resolution / (read.scale?.by ?? 1)) - 1e-9),
  );
  const number = Number(energyUj / unitUj) + Number(energyUj % unitUj) / Number(unitUj);
  return Number((read.as === 'float32' ? Math.fround(number) : number).toFixed(decimalsCount));
}

type DeviceTime = MqttJsonProfile['speaks']['times'][number];

function stampOf(time: DeviceTime, nowNs: InstantNs): number | string {
  const ns = time.kind === 'minute-start' ? nowNs - (nowNs % (60n * NS_PER_S)) : nowNs;
  switch (time.unit) {
    case 's':
      return Number(ns / 10_000_000n) / 100;
    case 'ms':
      return Number(ns / 1_000_000n);
    case 'ns':
      return String(ns);
    case 'rfc3339': {
      const text = formatInstant(instantNs(ns - (ns % NS_PER_S)));
      return time.kind === 'local-naive' ? text.slice(0, -1) : text;
    }
  }
}

/** Sets what stands at the path, building objects and arrays on the way; an empty path is the whole payload. */
function put(tree: Json, path: readonly (string | number)[], leaf: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return leaf;
  if (typeof key === 'number') {
    const list = Array.isArray(tree) ? [...tree] : [];
    while (list.length <= key) list.push(null);
    list[key] = put(list[key] ?? null, rest, leaf);
    return list;
  }
  const branch: JsonTree =
    typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? { ...tree } : {};
  branch[key] = put(branch[key] ?? null, rest, leaf);
  return branch;
}
