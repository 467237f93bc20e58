// What every polled transport promises (src/transport/transport.ts), as tests that run for each of them.
import { describe, expect, onTestFinished, type test } from 'vitest';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import type {
  OpenWire,
  PolledDevice,
  PushedMeter,
  TransportPorts,
} from '../../src/transport/transport.ts';

/** One transport with a peer behind it. Units 1 to 9 answer, unit 66 never does. */
export interface PolledRig {
  readonly open: (devices: readonly PolledDevice[], ports: TransportPorts) => Promise<OpenWire>;
  /** What the test knows of the truth: the first exchange whose value is not what its request must bring. */
  readonly firstWrongValue: (exchanges: readonly Exchange[]) => Exchange | undefined;
  /** The peer goes away so that the wire is lost, and can be reached again after `restore`. */
  readonly breakWire: () => Promise<void>;
  readonly restore: () => Promise<void>;
  /** What an operator can have wrong with an instrument, where it is not what Modbus knows. */
  readonly wrongs?: readonly Partial<PolledDevice>[];
  readonly close: () => Promise<void>;
}

export interface ContractTools {
  readonly device: (source: string, unit: number, more?: Partial<PolledDevice>) => PolledDevice;
  readonly portsInto: (exchanges: Exchange[]) => TransportPorts;
  readonly until: (condition: () => boolean, limitMs: number, otherwise: string) => Promise<void>;
}

export function polledTransportContract(
  name: string,
  testHere: typeof test,
  start: () => Promise<PolledRig>,
  { device, portsInto, until }: ContractTools,
): void {
  const begin = async (): Promise<{ rig: PolledRig; exchanges: Exchange[] }> => {
    const rig = await start();
    onTestFinished(() => rig.close());
    return { rig, exchanges: [] };
  };
  const good = (exchanges: readonly Exchange[], source: string): Exchange[] =>
    exchanges.filter((exchange) => exchange.source === source && exchange.fault === undefined);

  describe(`${name} keeps the contract`, () => {
    testHere('delivers whole replies of every device, with stamps in order', async () => {
      const { rig, exchanges } = await begin();
      const two = {
        reads: [
          { table: 'input' as const, address: 10, count: 2, alternateCount: 3 },
          { table: 'holding' as const, address: 500, count: 20, alternateCount: 21 },
        ],
      };
      const wire = await rig.open([device('a', 1, two), device('b', 2, two)], portsInto(exchanges));
      await until(
        () => good(exchanges, 'a').length >= 6 && good(exchanges, 'b').length >= 6,
        10_000,
        'not all devices were read',
      );
      expect(rig.firstWrongValue(exchanges)).toBeUndefined();
      for (const { sentNs, firstByteNs, lastByteNs } of exchanges) {
        expect(sentNs).toBeLessThanOrEqual(firstByteNs);
        expect(firstByteNs).toBeLessThanOrEqual(lastByteNs);
      }
      for (let n = 1; n < exchanges.length; n++)
        expect(exchanges[n]!.sentNs).toBeGreaterThanOrEqual(
          exchanges[n - 1]!.lastByteNs - 1_000_000n,
        );
      const health = wire.health();
      expect(health).toMatchObject({ connected: true, silent: [], trouble: '' });
      expect(health.exchangesCount).toBeGreaterThanOrEqual(12);
      expect(health.latenessMs.max).toBeGreaterThanOrEqual(health.latenessMs.p50);
    });

    testHere('a dead device does not slow the living, and is told as silent', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open(
        [device('dead', 66), device('x', 1), device('y', 2)],
        portsInto(exchanges),
      );
      await until(() => wire.health().silent.length === 1, 10_000, 'the breaker did not open');
      expect(wire.health().silent).toEqual(['dead']);
      const from = exchanges.length;
      const beganMs = performance.now();
      await until(() => good(exchanges.slice(from), 'x').length >= 20, 15_000, 'x was starved');
      const tookMs = performance.now() - beganMs;
      const later = exchanges.slice(from);
      expect(good(later, 'y').length).toBeGreaterThan(10);
      const gaps = later.filter(({ source }) => source === 'dead');
      expect(gaps.some(({ fault }) => fault === 'transport.skipped')).toBe(true);
      // At most one record per poll of 40 ms.
      expect(gaps.length).toBeLessThanOrEqual(tookMs / 40 + 2);
      expect(rig.firstWrongValue(exchanges)).toBeUndefined();
    });

    testHere('a lost wire is told as gaps and opened again by itself', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open([device('a', 1)], portsInto(exchanges));
      await until(() => good(exchanges, 'a').length >= 3, 10_000, 'nothing was read');
      await rig.breakWire();
      await until(
        () => exchanges.some(({ fault }) => fault === 'transport.closed'),
        10_000,
        'the loss was not told',
      );
      await until(() => !wire.health().connected, 10_000, 'it still says connected');
      expect(wire.health().trouble).not.toBe('');
      await rig.restore();
      const from = exchanges.length;
      await until(() => good(exchanges.slice(from), 'a').length >= 3, 20_000, 'it did not return');
      expect(wire.health()).toMatchObject({ connected: true, trouble: '' });
      expect(rig.firstWrongValue(exchanges)).toBeUndefined();
    });

    testHere('close resolves, and nothing is delivered after it', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open([device('a', 1), device('dead', 66)], portsInto(exchanges));
      await until(() => good(exchanges, 'a').length >= 2, 10_000, 'nothing was read');
      await wire.close();
      const count = exchanges.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(exchanges.length).toBe(count);
      await wire.close();
    });

    testHere('does not wait for the disk, and keeps the order', async () => {
      const { rig, exchanges } = await begin();
      const ports = portsInto(exchanges);
      let releaseAll = (): void => undefined;
      const released = new Promise<void>((resolve) => {
        releaseAll = resolve;
      });
      const slow = {
        ...ports,
        deliver: async (exchange: Exchange): Promise<void> => {
          exchanges.push(exchange);
          await released;
        },
      };
      const wire = await rig.open([device('a', 1)], slow);
      await until(() => good(exchanges, 'a').length >= 5, 10_000, 'polling waited for the disk');
      let closed = false;
      const closing = wire.close().then(() => {
        closed = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(closed).toBe(false);
      releaseAll();
      await closing;
      const stamps = exchanges.map(({ lastByteNs }) => lastByteNs);
      expect(stamps).toEqual([...stamps].sort((x, y) => (x < y ? -1 : 1)));
    });

    testHere('reads no more where nothing can be recorded, and says why', async () => {
      const { rig, exchanges } = await begin();
      const failing = {
        ...portsInto(exchanges),
        deliver: (): Promise<void> => Promise.reject(new Error('disk full')),
      };
      const wire = await rig.open([device('a', 1)], failing);
      await until(() => wire.health().trouble.includes('disk full'), 10_000, 'it went on');
      expect(wire.health().connected).toBe(false);
    });

    testHere('refuses at open what the operator has wrong', async () => {
      const { rig, exchanges } = await begin();
      const input = 'input' as const;
      const wrongs: Partial<PolledDevice>[] = [
        { unit: 300 },
        { unit: 1.5 },
        { reads: [] },
        { reads: [{ table: input, address: 0, count: 126, alternateCount: 2 }] },
        { reads: [{ table: input, address: 65_535, count: 1, alternateCount: 2 }] },
        { reads: [{ table: input, address: -1, count: 1, alternateCount: 2 }] },
      ];
      for (const wrong of rig.wrongs ?? wrongs)
        await expect(
          rig.open([device('a', 1, wrong)], portsInto(exchanges)),
        ).rejects.toBeInstanceOf(SiteFault);
      expect(exchanges).toEqual([]);
    });
  });
}

/** A transport on which one meter pushes, with that meter behind it: it sends a frame every few milliseconds. */
export interface PushedRig {
  readonly open: (ports: TransportPorts, meters?: readonly PushedMeter[]) => Promise<OpenWire>;
  readonly meter: PushedMeter;
  /** The running number that the meter put into a frame. */
  readonly numberOf: (exchange: Exchange) => number;
  /** The meter goes away so that the wire is lost, and can be reached again after `restore`. */
  readonly breakWire: () => Promise<void>;
  readonly restore: () => Promise<void>;
  /** The meter falls silent, babbles, or goes on. */
  readonly behave: (how: 'sends' | 'silent' | 'babbles' | 'broken check sums') => void;
  readonly close: () => Promise<void>;
}

export function pushedTransportContract(
  name: string,
  testHere: typeof test,
  start: () => Promise<PushedRig>,
  { portsInto, until }: Pick<ContractTools, 'portsInto' | 'until'>,
): void {
  const begin = async (): Promise<{ rig: PushedRig; exchanges: Exchange[] }> => {
    const rig = await start();
    onTestFinished(() => rig.close());
    return { rig, exchanges: [] };
  };
  const good = (exchanges: readonly Exchange[]): Exchange[] =>
    exchanges.filter(({ fault }) => fault === undefined);

  describe(`${name} keeps the contract`, () => {
    testHere('delivers whole frames once, in order, with stamps in order', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open(portsInto(exchanges));
      await until(() => good(exchanges).length >= 20, 10_000, 'nothing came');
      const numbers = good(exchanges).map(rig.numberOf);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      for (const { sentNs, firstByteNs, lastByteNs } of exchanges) {
        expect(sentNs).toBeLessThanOrEqual(firstByteNs);
        expect(firstByteNs).toBeLessThanOrEqual(lastByteNs);
      }
      expect(wire.health()).toMatchObject({ connected: true, silent: [], trouble: '' });
      expect(wire.health().exchangesCount).toBeGreaterThanOrEqual(20);
    });

    testHere('a lost wire is told as a gap and opened again by itself', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open(portsInto(exchanges));
      for (let round = 0; round < 2; round += 1) {
        const from = exchanges.length;
        await until(() => good(exchanges.slice(from)).length >= 3, 20_000, 'nothing came');
        await rig.breakWire();
        await until(
          () => exchanges.slice(from).some(({ fault }) => fault === 'transport.closed'),
          10_000,
          'the loss was not told',
        );
        expect(wire.health()).toMatchObject({ connected: false, silent: [rig.meter.source] });
        expect(wire.health().trouble).not.toBe('');
        await rig.restore();
      }
      const from = exchanges.length;
      await until(() => good(exchanges.slice(from)).length >= 3, 20_000, 'it did not return');
      expect(wire.health()).toMatchObject({ connected: true, silent: [], trouble: '' });
    });

    testHere('silence is a gap, and so is babble; broken check sums never pass', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open(portsInto(exchanges));
      await until(() => good(exchanges).length >= 3, 10_000, 'nothing came');
      for (const [how, fault] of [
        ['silent', 'transport.timeout'],
        ['babbles', 'transport.frame'],
        ['broken check sums', 'transport.crc'],
      ] as const) {
        rig.behave(how);
        const from = exchanges.length;
        await until(
          () => exchanges.slice(from).some((each) => each.fault === fault),
          10_000,
          `${how} was not told`,
        );
        const told = exchanges.slice(from);
        // What was under way when the meter changed its ways may still be whole.
        expect(good(told).length).toBeLessThanOrEqual(1);
        rig.behave('sends');
        const next = exchanges.length;
        await until(() => good(exchanges.slice(next)).length >= 3, 20_000, 'it did not go on');
        expect(wire.health().silent).toEqual([]);
      }
      expect(wire.health().faultsCount).toBeGreaterThanOrEqual(3);
    });

    testHere('close resolves when all is durable, and nothing is delivered after it', async () => {
      const { rig, exchanges } = await begin();
      let releaseAll = (): void => undefined;
      const released = new Promise<void>((resolve) => {
        releaseAll = resolve;
      });
      const wire = await rig.open({
        ...portsInto(exchanges),
        deliver: async (exchange: Exchange): Promise<void> => {
          exchanges.push(exchange);
          await released;
        },
      });
      await until(() => good(exchanges).length >= 5, 10_000, 'it waited for the disk');
      let closed = false;
      const closing = wire.close().then(() => {
        closed = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(closed).toBe(false);
      releaseAll();
      await closing;
      const count = exchanges.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(exchanges.length).toBe(count);
      await wire.close();
    });

    testHere('reads no more where nothing can be recorded, and says why', async () => {
      const { rig, exchanges } = await begin();
      const wire = await rig.open({
        ...portsInto(exchanges),
        deliver: (): Promise<void> => Promise.reject(new Error('disk full')),
      });
      await until(() => wire.health().trouble.includes('disk full'), 10_000, 'it went on');
      expect(wire.health().connected).toBe(false);
    });

    testHere('refuses at open a line without a meter, and one with two', async () => {
      const { rig, exchanges } = await begin();
      const { meter } = rig;
      for (const meters of [[], [meter, { ...meter, source: 'other' }]])
        await expect(rig.open(portsInto(exchanges), meters)).rejects.toBeInstanceOf(SiteFault);
      expect(exchanges).toEqual([]);
    });
  });
}
