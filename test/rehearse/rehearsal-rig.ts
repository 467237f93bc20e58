// What the tests of the rehearsal share: the real profiles, a rack at a given speed, and frames as a transport has them.
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { rehearsalClock, startRehearsalClock, systemTimers } from '../../src/cli/system-clock.ts';
import type { Profile } from '../../src/decode/profile.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { NO_FLAGS } from '../../src/quantity/exchange.ts';
import type { Observation } from '../../src/quantity/observation.ts';
import { instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { startRack, type Rack } from '../../src/rehearse/rack.ts';
import type { RackOptions } from '../../src/rehearse/rack-options.ts';

export const START_NS = instantNs(1_790_000_000_000_000_000n);
export const profiles: ReadonlyMap<string, Profile> = new Map(
  [...loadProfiles()].map(([id, { profile }]) => [id, profile] as const),
);

export function startTestRack(
  speedRatio: number,
  options: Partial<RackOptions> = {},
): Promise<Rack> {
  const clockAnchor = startRehearsalClock(START_NS, speedRatio);
  return startRack(
    { siteName: 'test', seed: 7, clockAnchor, host: '127.0.0.1', profiles, ...options },
    { clock: rehearsalClock(clockAnchor), timers: systemTimers },
  );
}

export function exchangeOf(
  parts: Partial<Exchange> & Pick<Exchange, 'form' | 'request' | 'reply'>,
): Exchange {
  const atNs: InstantNs = START_NS;
  return {
    source: 'm',
    sentNs: atNs,
    firstByteNs: atNs,
    lastByteNs: atNs,
    fault: undefined,
    flags: NO_FLAGS,
    ...parts,
  };
}

/** Whole MBAP frames of a read and its answer. */
export function modbusExchange(
  unit: number,
  table: 'input' | 'holding',
  address: number,
  registers: readonly number[],
): Exchange {
  const code = table === 'input' ? 4 : 3;
  const request = Buffer.from([0, 1, 0, 0, 0, 6, unit, code, 0, 0, 0, 0]);
  request.writeUInt16BE(address, 8);
  request.writeUInt16BE(registers.length, 10);
  const reply = Buffer.alloc(9 + 2 * registers.length);
  reply.writeUInt16BE(1, 0);
  reply.writeUInt16BE(3 + 2 * registers.length, 4);
  reply.writeUInt8(unit, 6);
  reply.writeUInt8(code, 7);
  reply.writeUInt8(2 * registers.length, 8);
  registers.forEach((register, index) => reply.writeUInt16BE(register, 9 + 2 * index));
  return exchangeOf({ form: 'modbus-tcp', request, reply });
}

export const counterUj = (
  observations: readonly Observation[],
  channel = 'energy_import',
): bigint | undefined => {
  const found = observations.find((each) => each.channel === channel && each.kind === 'counter');
  return found?.kind === 'counter' ? found.energyUj : undefined;
};
export const gauge = (
  observations: readonly Observation[],
  channel: string,
): number | undefined => {
  const found = observations.find((each) => each.channel === channel && each.kind === 'gauge');
  return found?.kind === 'gauge' ? found.reading : undefined;
};
