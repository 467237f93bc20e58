// The limit on packets, however the bytes are cut on their way: what is short enough passes untouched.
import fc from 'fast-check';
import { generate, parser, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { MqttFrameLimit } from '../../src/transport/mqtt-frame-limit.ts';

function through(bytes: Buffer, limitBytes: number, cuts: readonly number[]): Buffer {
  const limit = new MqttFrameLimit(limitBytes);
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  return Buffer.concat(
    edges.flatMap((edge, index) => limit.through(bytes.subarray(edge, edges[index + 1] ?? edge))),
  );
}

const publish = (payload: Uint8Array, topic: string): Buffer =>
  generate({
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    dup: false,
    retain: false,
    messageId: 7,
  });

const packets = fc.array(
  fc.oneof(
    fc.constant(generate({ cmd: 'pingresp' })),
    fc.constant(generate({ cmd: 'connack', returnCode: 0, sessionPresent: true })),
    fc
      .tuple(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('a', 'plugs/1'))
      .map(([payload, topic]) => publish(payload, topic)),
  ),
  { maxLength: 8 },
);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test('packets within the limit pass byte for byte', () => {
  fc.assert(
    fc.property(packets, cuts, (sent, at) => {
      const bytes = Buffer.concat(sent);
      expect(through(bytes, 400, at).equals(bytes)).toBe(true);
    }),
  );
});

test('longer packets become packets of the limit, the others stay whole', () => {
  fc.assert(
    fc.property(packets, cuts, (sent, at) => {
      const bytes = through(Buffer.concat(sent), 100, at);
      const received: Packet[] = [];
      const reader = parser();
      reader.on('packet', (packet) => received.push(packet));
      reader.on('error', (error) => {
        throw error;
      });
      reader.parse(bytes);
      expect(received).toHaveLength(sent.length);
      const original: Packet[] = [];
      const plain = parser();
      plain.on('packet', (packet) => original.push(packet));
      plain.parse(Buffer.concat(sent));
      received.forEach((packet, index) => {
        const before = original[index]!;
        expect(packet.cmd).toBe(before.cmd);
        expect(packet.length).toBe(Math.min(before.length ?? 0, 100));
        if (packet.cmd !== 'publish' || before.cmd !== 'publish') return;
        expect(packet.topic).toBe(before.topic);
        const kept = Buffer.from(packet.payload);
        expect(kept.equals(Buffer.from(before.payload).subarray(0, kept.length))).toBe(true);
      });
    }),
  );
});

test('bytes that are no MQTT are left to the parser, which refuses them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (noise, at) => {
      const endless = Buffer.concat([Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]), noise]);
      expect(through(endless, 100, at).equals(endless)).toBe(true);
    }),
  );
});
