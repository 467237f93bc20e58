// The agent on a rehearsed node: once a second it reads the chip counters and sends a node message, stamped by the
// node's own clock, which is off by a little and says by how much it believes to be.
import type { InstantNs } from '../quantity/time.ts';
import { NS_PER_S } from '../quantity/time.ts';
import type { Dice } from './dice.ts';
import type { ChipCounter, Machine } from './machine.ts';
import { countOf, maxCountOf } from './machine.ts';

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
}

export interface Talker {
  /** Appends what is to be sent at this instant; called once per step, in order. */
  step(nowNs: InstantNs, outbox: Message[]): void;
}

/** The topic on which a node's message is published. */
export const chipsTopic = (siteName: string, node: string): string =>
  `trueup/1/${siteName}/${node}/chips`;

/** Sends one node message (QoS 1) per civil second while the machine is awake. */
export function nodeAgent(
  siteName: string,
  node: string,
  machine: Machine,
  dice: Dice,
  startNs: InstantNs,
): Talker {
  // A rack that starts again is rebooted: the same boot id with a new sequence would pass for a repetition.
  const bootDice = dice.split(`boot ${String(startNs)}`);
  const bootId = [8, 4, 4, 4, 12].map((digitsCount) => bootDice.hex(digitsCount)).join('-');
  const clockErrorNs = BigInt(Math.round(dice.normal(0, 3e6)));
  const offsetMs = Math.round(Number(clockErrorNs) / 1e6 + dice.normal(0, 0.5));
  const phaseNs = BigInt(dice.whole(40)) * 25_000_000n;
  let nextNs = startNs + phaseNs;
  let seq = 0;
  return {
    step(nowNs, outbox) {
      if (nowNs < nextNs) return;
      while (nextNs <= nowNs) nextNs += NS_PER_S;
      if (!machine.awake) return;
      seq += 1;
      outbox.push({
        topic: chipsTopic(siteName, node),
        payload: JSON.stringify({
          v: 1,
          node,
          boot_id: bootId,
          seq: String(seq),
          time_ns: String(nowNs + clockErrorNs),
          sync: { state: 'synchronised', offset_ms: offsetMs, u_ms: 3 },
          counters: machine.chips.map(counterOf),
          gauges: [],
        }),
        qos: 1,
      });
    },
  };
}

function counterOf(chip: ChipCounter): Record<string, string> {
  const counter = { source: chip.source, unit: chip.unit, value: String(countOf(chip)) };
  const maxCount = maxCountOf(chip);
  return maxCount === undefined ? counter : { ...counter, max: String(maxCount) };
}
