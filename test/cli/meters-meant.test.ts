// What a meter reads waits until it is known which meter it is; another one is told, and its counts are another counter.
import { expect, test } from 'vitest';
import { MetersMeant } from '../../src/cli/running-site/meters-meant.ts';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { wireTasks } from '../../src/decode/wire-tasks.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import type { FaultCode } from '../../src/quantity/fault.ts';
import type { Instrument } from '../../src/quantity/site.ts';
import { fromSeconds } from '../../src/quantity/time.ts';
import type { PolledDevice, WireTasks } from '../../src/transport/transport.ts';
import { exchangeOf } from '../decode/exchanges.ts';
import { deviceProfile } from '../decode/profiles.ts';
import { frameOf, readingPdu } from '../transport/scripted-peer.ts';

const profile = deviceProfile('meters/eastron-sdm120');
const instrument: Instrument = {
  id: 'm1',
  profile: profile.id,
  wire: 'w',
  unit: 1,
  topic: '',
  poll: fromSeconds(1),
  serial: '111',
};
/** The register of imported energy, in kWh. */
const ENERGY_AT = 0x48;
const wire = { transport: 'modbus-tcp', host: 'h', port: 502, timeoutMs: 1000 } as const;

interface Rig {
  readonly meant: MetersMeant;
  readonly told: string[];
  /** A reply to every read of the profile, or to who it is. */
  readonly reading: (fault?: FaultCode) => Exchange;
  readonly who: (serial: number, fault?: FaultCode) => Exchange;
  readonly device: PolledDevice;
}

function rig(named: { serial: string | undefined } = { serial: '111' }): Rig {
  const told: string[] = [];
  const meant = new MetersMeant((_, says) => told.push(says));
  const each = { instrument: { ...instrument, ...named }, profile };
  const tasks: WireTasks = meant.asking(wireTasks('w', wire, [each]), new Map([['m1', each]]));
  const device = tasks.devices[0];
  if (device === undefined) throw new Error('nothing is read');
  const exchange = (
    { table, address, count }: PolledDevice['reads'][number],
    registers: readonly number[],
    fault: FaultCode | undefined,
  ): Exchange => {
    const code = table === 'holding' ? 3 : 4;
    const head = [code, address >> 8, address & 255, count >> 8, count & 255];
    const reply = fault === undefined ? frameOf('modbus-tcp', 1, readingPdu(code, registers)) : [];
    const request = frameOf('modbus-tcp', 1, head);
    return exchangeOf('modbus-tcp', request, Uint8Array.from(reply), { fault });
  };
  return {
    meant,
    told,
    device,
    reading: (fault) => {
      const read = device.reads.find(
        ({ address, count }) => address <= ENERGY_AT && address + count >= ENERGY_AT + 2,
      );
      if (read === undefined) throw new Error('nothing is read');
      return exchange(read, new Array<number>(read.count).fill(0), fault);
    },
    who: (number, fault) => {
      const asked = device.who?.reads.find(({ address }) => address === 0xfc00);
      if (asked === undefined) throw new Error('nobody asks who it is');
      return exchange(asked, [number >> 16, number & 0xffff], fault);
    },
  };
}

test('only a meter whose serial number stands in the file is asked', () => {
  expect(rig().device.who?.reads.length).toBeGreaterThan(0);
  const { meant, device, reading } = rig({ serial: undefined });
  expect(device.who).toBeUndefined();
  meant.goLive();
  expect(meant.take(reading())).toHaveLength(1);
});

test('readings wait until the meter has told who it is, and come in their order', () => {
  const { meant, told, reading, who } = rig();
  meant.goLive();
  const waiting = [reading(), reading()];
  for (const each of waiting) expect(meant.take(each)).toEqual([]);
  expect(meant.take(who(111))).toEqual(waiting);
  const next = reading();
  expect(meant.take(next)).toEqual([next]);
  expect([...told, ...meant.strangers.keys()]).toEqual([]);
});

test('another meter is told once, and its counts are another counter', () => {
  const { meant, told, reading, who } = rig();
  meant.goLive();
  meant.take(who(111));
  const epochs = (exchange: Exchange): string[] =>
    meant
      .ofThisMeter(decodeExchange(profile, exchange, instrument))
      .flatMap((each) => (each.kind === 'counter' ? [each.epoch] : []));
  const before = epochs(reading());
  expect(before.length).toBeGreaterThan(0);
  meant.take(reading('transport.closed'));
  const first = reading();
  expect(meant.take(first)).toEqual([]);
  expect(meant.take(who(222))).toEqual([first]);
  expect(epochs(first)).not.toEqual(before);
  meant.take(who(222));
  expect(told).toEqual(['its serial number is 222, the site file says 111']);
  expect([...meant.strangers]).toEqual([['m1', told[0]]]);
});

test('the same meter after a silence is the same counter', () => {
  const { meant, reading, who } = rig();
  meant.goLive();
  meant.take(who(111));
  const gap = reading('transport.timeout');
  for (let n = 0; n < 3; n++) expect(meant.take(gap)).toEqual([gap]);
  const back = reading();
  expect(meant.take(back)).toEqual([]);
  expect(meant.take(who(111))).toEqual([back]);
  const observations = decodeExchange(profile, back, instrument);
  expect(meant.ofThisMeter(observations)).toBe(observations);
});

test('a meter that refuses to tell is believed at once, one that says nothing after a while', () => {
  const { meant, reading, who } = rig();
  meant.goLive();
  meant.take(reading());
  expect(meant.take(who(0, 'transport.exception'))).toHaveLength(1);
  meant.take(reading('transport.closed'));
  let believed: readonly Exchange[] = [];
  let count = 0;
  for (; believed.length === 0 && count < 100; count++) believed = meant.take(reading());
  expect(believed).toHaveLength(count);
  expect(count).toBeLessThanOrEqual(16);
});

test('what the journal tells of the past is no news, but what it was the last is compared', () => {
  const { meant, told, reading, who } = rig();
  expect(meant.take(who(999))).toEqual([]);
  meant.take(reading());
  meant.goLive();
  expect(told).toEqual([]);
  meant.take(who(111));
  expect(told).toEqual([]);
  const observations = decodeExchange(profile, reading(), instrument);
  expect(meant.ofThisMeter(observations)).not.toBe(observations);
});
