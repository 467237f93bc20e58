// The stream between the MQTT client and its socket. The client acknowledges a message as soon as it has handed it on;
// we may do so only when it is durable. So the client's own PUBACKs end here, and ours are written when the ledger has
// committed, in the order of arrival (MQTT 3.1.1 §4.6). Many messages can be in flight, which is what group commit needs.
import { Duplex } from 'node:stream';
import { generate, parser, type Packet } from 'mqtt-packet';
import { MqttFrameLimit } from './mqtt-frame-limit.ts';

export const MQTT_VERSIONS = { '3.1.1': 4, '5': 5 } as const;
export type MqttVersion = (typeof MQTT_VERSIONS)[keyof typeof MQTT_VERSIONS];

interface Held {
  readonly packetId: number;
  durable: boolean;
}

export class HeldAcknowledgement extends Duplex {
  readonly #socket: Duplex;
  readonly #version: MqttVersion;
  readonly #outgoing;
  readonly #held: Held[] = [];
  #corked = false;

  /** @param limitBytes longest packet body taken from the broker; longer ones are shortened to it. */
  constructor(socket: Duplex, version: MqttVersion, limitBytes: number) {
    super();
    this.#socket = socket;
    this.#version = version;
    this.#outgoing = parser({ protocolVersion: version })
      .on('packet', (packet: Packet) => {
        this.#send(packet);
      })
      .on('error', (error: unknown) => {
        this.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    const limit = new MqttFrameLimit(limitBytes);
    socket.on('data', (chunk: Buffer) => {
      for (const piece of limit.through(chunk)) if (!this.push(piece)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /**
   * Announces a QoS 1 message, in the order of arrival. The returned function says that it is durable: its PUBACK goes
   * out once that is so of all before it. On a connection that has ended it does nothing, and the broker redelivers.
   */
  hold(packetId: number): () => void {
    const held: Held = { packetId, durable: false };
    this.#held.push(held);
    return () => {
      held.durable = true;
      this.#acknowledge();
    };
  }

  #acknowledge(): void {
    if (this.destroyed || this.#socket.destroyed) return;
    for (let first = this.#held[0]; first?.durable; first = this.#held[0]) {
      this.#held.shift();
      this.#cork();
      this.#write({ cmd: 'puback', messageId: first.packetId });
    }
  }

  /** A group commit releases many at once: they leave in one write. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }

  #send(packet: Packet): void {
    if (packet.cmd !== 'puback') this.#write(packet);
  }

  #write(packet: Packet): void {
    if (this.#socket.writable)
      this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#outgoing.parse(chunk);
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
    else done();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _final(done: (error?: Error) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
