// What push transports do beyond their contract: half-closed peers, stamps, babble, and the dialogue of IEC 62056-21.
import { execFileSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { fromSeconds, instantNs } from '../../src/quantity/time.ts';
import { FrameStamps } from '../../src/transport/frame-stamps.ts';
import { serialPush, tcpPush } from '../../src/transport/push.ts';
import type { OpenWire, PushedMeter } from '../../src/transport/transport.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { AdapterLine, PushingMeter } from './push-bench.ts';
import { d0Readout, smlReading } from './push-frames.ts';
import { portsInto, until } from './wire-bench.ts';

const socat = findProgram('socat');
const sml: PushedMeter = {
  source: 'm1',
  protocol: 'sml',
  check: 'crc16',
  askEvery: undefined,
  silentAfterMs: 1000,
};
const asked: PushedMeter = {
  source: 'm1',
  protocol: 'd0',
  check: 'bcc',
  askEvery: fromSeconds(0.3),
  silentAfterMs: 30_000,
};
const good = (exchanges: readonly Exchange[]): Exchange[] =>
  exchanges.filter(({ fault }) => fault === undefined);

async function pushing(
  frame: (number: number) => Uint8Array,
): Promise<{ peer: PushingMeter; port: number }> {
  const peer = new PushingMeter(frame);
  onTestFinished(() => peer.end());
  return { peer, port: await peer.listen() };
}

async function openTcp(port: number, meter: PushedMeter, exchanges: Exchange[]): Promise<OpenWire> {
  const wire = { transport: 'tcp-push', host: '127.0.0.1', port, timeoutMs: 400 } as const;
  const tasks = { devices: [], subscriptions: [], pushed: [meter] };
  const open = await tcpPush.open('w', wire, tasks, portsInto(exchanges));
  onTestFinished(() => open.close());
  return open;
}

describe('a serial server', () => {
  test('that closes one direction only is connected to anew', async () => {
    const { peer, port } = await pushing((number) => smlReading(BigInt(number), 1n));
    const exchanges: Exchange[] = [];
    await openTcp(port, sml, exchanges);
    await until(() => good(exchanges).length >= 3, 10_000, 'nothing came');
    peer.halfClose();
    const from = exchanges.length;
    await until(
      () => exchanges.slice(from).some(({ fault }) => fault === 'transport.closed'),
      10_000,
      'the loss was not told',
    );
    await until(() => good(exchanges.slice(from)).length >= 3, 10_000, 'it did not return');
  });

  test('that dies without a word is connected to anew when nothing comes', async () => {
    const { peer, port } = await pushing((number) => smlReading(BigInt(number), 1n));
    let connections = 0;
    peer.onBytes = () => undefined;
    peer.behaviour = 'silent';
    const exchanges: Exchange[] = [];
    const wire = await openTcp(port, { ...sml, silentAfterMs: 200 }, exchanges);
    await until(
      () => {
        connections = exchanges.filter(({ fault }) => fault === 'transport.closed').length;
        return connections >= 2;
      },
      10_000,
      'it stayed on a dead connection',
    );
    expect(wire.health().silent).toEqual(['m1']);
  });

  test('babble of broken frames is counted, and recorded a few times a second', async () => {
    const { peer, port } = await pushing((number) => smlReading(BigInt(number), 1n));
    peer.behaviour = 'broken check sums';
    const exchanges: Exchange[] = [];
    const beganMs = performance.now();
    const wire = await openTcp(port, sml, exchanges);
    await until(() => wire.health().faultsCount >= 60, 20_000, 'it did not babble');
    const tookMs = performance.now() - beganMs;
    const recorded = exchanges.filter(({ fault }) => fault === 'transport.crc');
    expect(recorded.length).toBeLessThanOrEqual(tookMs / 250 + 2);
    expect(recorded[0]?.reply.length).toBeGreaterThan(100);
  });
});

test('a path that is no port is the operator’s to mend', async () => {
  const wire = {
    transport: 'serial-push',
    path: '/dev/does-not-exist',
    baud: 9600,
    dataBits: 8,
    parity: 'none',
    stopBits: 1,
    timeoutMs: 500,
  } as const;
  const tasks = { devices: [], subscriptions: [], pushed: [sml] };
  await expect(serialPush.open('w', wire, tasks, portsInto([]))).rejects.toBeInstanceOf(SiteFault);
});

describe('stamps', () => {
  const at = (ms: number) => instantNs(BigInt(ms) * 1_000_000n);

  test('bytes of one chunk came one after another, as fast as the line is', () => {
    const stamps = new FrameStamps(1e6);
    stamps.chunk(at(1000), 10);
    // Three bytes of noise, then a frame of seven.
    for (let index = 0; index < 10; index += 1) stamps.took(index, Math.max(0, index - 2));
    expect(stamps.firstByteNs()).toBe(at(993));
    stamps.chunk(at(1010), 5);
    for (let index = 0; index < 5; index += 1) stamps.took(index, 8 + index);
    expect(stamps.firstByteNs()).toBe(at(993));
    expect(stamps.chunkNs()).toBe(at(1010));
  });

  test('a frame that is recognised late began in the chunk before', () => {
    const stamps = new FrameStamps(0);
    stamps.chunk(at(1000), 4);
    for (let index = 0; index < 4; index += 1) stamps.took(index, 20 + index);
    stamps.chunk(at(2000), 4);
    // The eighth byte of a begin: the frame before was cut short, this one has eight bytes already.
    for (let index = 0; index < 3; index += 1) stamps.took(index, 24 + index);
    stamps.took(3, 8);
    expect(stamps.firstByteNs()).toBe(at(1000));
  });
});

describe('IEC 62056-21, asked', () => {
  const values = ['1.8.0(000123.456*kWh)', '16.7.0(0.900*kW)'];

  /** Answers a request with an identification, and what follows it with a readout. */
  function answering(
    peer: PushingMeter,
    identification: string,
    more: { echoes?: boolean; readout?: Uint8Array } = {},
  ): void {
    peer.behaviour = 'silent';
    const readout = more.readout ?? d0Readout('', values);
    peer.onBytes = (bytes: Buffer, socket: Socket) => {
      if (more.echoes) socket.write(bytes);
      if (bytes.toString('latin1').includes('/?!')) socket.write(`/${identification}\r\n`);
      const needsNoAck = !/^.{3}[0-6]/.test(identification);
      if (bytes[0] === 0x06 || needsNoAck) socket.write(readout);
    };
  }

  test.each([
    ['mode C', 'TST5Probe', '/?!\r\n\x06000\r\n'],
    ['mode C at the opening speed', 'TST0Probe', '/?!\r\n\x06000\r\n'],
    ['mode A', 'TST!Probe', '/?!\r\n'],
    ['mode B', 'TSTEProbe', '/?!\r\n'],
  ])(
    '%s behind a serial server: whole readouts, with all that was sent',
    async (_, identification, sent) => {
      const { peer, port } = await pushing(() => Buffer.alloc(0));
      answering(peer, identification);
      const exchanges: Exchange[] = [];
      const wire = await openTcp(port, asked, exchanges);
      await until(() => good(exchanges).length >= 2, 15_000, 'no readout');
      const [first] = good(exchanges);
      expect(Buffer.from(first!.request).toString('latin1')).toBe(sent);
      expect(Buffer.from(first!.reply).toString('latin1')).toBe(
        `/${identification}\r\n${d0Readout('', values).toString('latin1')}`,
      );
      expect(first!.sentNs).toBeLessThanOrEqual(first!.firstByteNs);
      expect(first!.firstByteNs).toBeLessThanOrEqual(first!.lastByteNs);
      expect(wire.health().silent).toEqual([]);
    },
  );

  test('an optical head that echoes changes nothing', async () => {
    const { peer, port } = await pushing(() => Buffer.alloc(0));
    answering(peer, 'TST5Probe', { echoes: true });
    const exchanges: Exchange[] = [];
    await openTcp(port, asked, exchanges);
    await until(() => good(exchanges).length >= 1, 15_000, 'no readout');
    expect(Buffer.from(good(exchanges)[0]!.reply).toString('latin1')).toMatch(/^\/TST5Probe/);
  });

  test('a meter that is silent, one that stops in the middle, and one with a wrong check', async () => {
    const { peer, port } = await pushing(() => Buffer.alloc(0));
    peer.behaviour = 'silent';
    const exchanges: Exchange[] = [];
    const wire = await openTcp(port, asked, exchanges);
    await until(
      () => exchanges.some(({ fault }) => fault === 'transport.timeout'),
      10_000,
      'silence was not told',
    );
    expect(wire.health().silent).toEqual(['m1']);
    answering(peer, 'TST5Probe', { readout: d0Readout('', values).subarray(0, 20) });
    await until(
      () =>
        exchanges.some(({ fault, reply }) => fault === 'transport.timeout' && reply.length > 20),
      15_000,
      'half a readout was not told',
    );
    const damaged = d0Readout('', values);
    damaged[8]! ^= 0x04;
    answering(peer, 'TST5Probe', { readout: damaged });
    await until(
      () => exchanges.some(({ fault }) => fault === 'transport.crc'),
      15_000,
      'damage was not told',
    );
    expect(good(exchanges)).toEqual([]);
    answering(peer, 'TST5Probe');
    await until(() => good(exchanges).length >= 1, 15_000, 'it did not recover');
  });

  testWith({ socat, stty: findProgram('stty') })(
    'on a serial line the offered speed is taken',
    async () => {
      const { peer, port } = await pushing(() => Buffer.alloc(0));
      const line = new AdapterLine(socat ?? 'socat', port);
      onTestFinished(() => {
        line.remove();
      });
      await line.plugIn();
      const speed = (): string =>
        execFileSync('stty', ['-F', line.path, 'speed'], { encoding: 'utf8' }).trim();
      const speeds: string[] = [];
      answering(peer, 'TST5Probe');
      const { onBytes } = peer;
      peer.onBytes = (bytes, socket) => {
        // The acknowledgement has been sent at the opening speed; what follows comes at the new one.
        if (bytes[0] !== 0x06) {
          speeds.push(speed());
          onBytes(bytes, socket);
          return;
        }
        setTimeout(() => {
          speeds.push(speed());
          onBytes(bytes, socket);
        }, 100);
      };
      const exchanges: Exchange[] = [];
      const wire = {
        transport: 'serial-push',
        path: line.path,
        baud: 300,
        dataBits: 8,
        parity: 'none',
        stopBits: 1,
        timeoutMs: 1000,
      } as const;
      const tasks = { devices: [], subscriptions: [], pushed: [asked] };
      const open = await serialPush.open('w', wire, tasks, portsInto(exchanges));
      onTestFinished(() => open.close());
      await until(() => good(exchanges).length >= 2, 20_000, 'no readout');
      expect(speeds.slice(0, 3)).toEqual(['300', '9600', '300']);
      expect(Buffer.from(good(exchanges)[0]!.request).toString('latin1')).toBe(
        '/?!\r\n\x06050\r\n',
      );
    },
  );
});
