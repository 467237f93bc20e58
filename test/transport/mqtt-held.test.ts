// The stream that holds acknowledgements, alone: what passes, what waits, and in which order it leaves.
import { Duplex } from 'node:stream';
import { generate, parser, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { HeldAcknowledgement, type MqttVersion } from '../../src/transport/held-acknowledgement.ts';

/** A socket that remembers what was written to it. */
class FakeSocket extends Duplex {
  readonly written: Buffer[] = [];
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(chunk);
    done();
  }
  override _read(): void {
    // What is read is pushed by the test.
  }
}

function setUp(version: MqttVersion) {
  const socket = new FakeSocket();
  const held = new HeldAcknowledgement(socket, version, 1_000);
  const sent = async (): Promise<string[]> => {
    await systemTimers.sleep(5);
    const packets: Packet[] = [];
    const reader = parser({ protocolVersion: version });
    reader.on('packet', (packet) => packets.push(packet));
    reader.parse(Buffer.concat(socket.written));
    return packets.map(({ cmd, messageId }) => `${cmd} ${String(messageId ?? '')}`.trim());
  };
  const clientSays = (packet: Packet): void => {
    // Byte by byte: the client writes packets in pieces.
    for (const byte of generate(packet, { protocolVersion: version }))
      held.write(Buffer.from([byte]));
  };
  return { socket, held, sent, clientSays };
}

for (const version of [4, 5] as const) {
  test(`acknowledgements leave in the order of arrival, all else at once (protocol level ${String(version)})`, async () => {
    const { held, sent, clientSays } = setUp(version);
    const releases = [11, 12, 13].map((packetId) => held.hold(packetId));
    for (const messageId of [11, 12, 13]) clientSays({ cmd: 'puback', messageId });
    clientSays({ cmd: 'pingreq' });
    expect(await sent()).toEqual(['pingreq']);
    releases[2]?.();
    releases[1]?.();
    expect(await sent()).toEqual(['pingreq']);
    releases[0]?.();
    expect(await sent()).toEqual(['pingreq', 'puback 11', 'puback 12', 'puback 13']);
    held.destroy();
  });
}

test('an acknowledgement that nobody released never leaves, not even at the goodbye', async () => {
  const { held, sent, clientSays } = setUp(4);
  held.hold(1);
  const second = held.hold(2);
  second();
  clientSays({ cmd: 'puback', messageId: 1 });
  clientSays({ cmd: 'disconnect' });
  held.end();
  expect(await sent()).toEqual(['disconnect']);
  held.destroy();
});

test('a release after the connection has ended does nothing', async () => {
  const { socket, held, sent } = setUp(4);
  const release = held.hold(1);
  socket.destroy();
  await systemTimers.sleep(5);
  expect(held.destroyed).toBe(true);
  release();
  expect(await sent()).toEqual([]);
});

test('an error of the socket is an error of the stream, once', async () => {
  const { socket, held } = setUp(4);
  const errors: Error[] = [];
  held.on('error', (error) => errors.push(error));
  socket.destroy(new Error('reset'));
  await systemTimers.sleep(5);
  expect(errors.map((error) => error.message)).toEqual(['reset']);
  expect(held.destroyed).toBe(true);
});
