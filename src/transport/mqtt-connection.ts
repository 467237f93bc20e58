// One connection to a broker that never gives up: dialling with back-off, subscribing, saying what is wrong. The npm
// client keeps the protocol (pings, packet ids, sessions); this keeps it alive and its PUBACKs held.
import { MqttClient, type IClientOptions, type IPublishPacket } from 'mqtt';
import type { Timer, Timers } from '../quantity/clock.ts';
import type { MqttWire } from '../quantity/site.ts';
import { HeldAcknowledgement, MQTT_VERSIONS } from './held-acknowledgement.ts';
import type { MqttAddress } from './mqtt-address.ts';

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 30_000;
/** A connection that lasted this long was a good one: the next failure starts the back-off anew. */
const STEADY_MS = 5_000;
const CONNECT_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_S = 30;
/** Seconds; 2^32 - 1 means that the session never expires (MQTT 5 §3.1.2.11.2). */
const SESSION_EXPIRY_S = 0xffffffff;
/** Some brokers refuse long SUBSCRIBE packets. */
const TOPICS_PER_SUBSCRIBE_COUNT = 100;
const SUBSCRIBE_AGAIN_MS = 30_000;
const GOODBYE_MS = 2_000;

export interface MqttArrival {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
  readonly redelivered: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  /** Says that the message is durable: its PUBACK may go out. */
  readonly acknowledge: () => void;
}

export interface MqttListener {
  arrived(arrival: MqttArrival): void;
  /** Resolves when there is room for the next message. */
  room(): Promise<undefined> | undefined;
  /** A connection was lost or could not be made, with the reason for people; once per outage. */
  lost(because: string): void;
}

export class MqttConnection {
  readonly #address: MqttAddress;
  readonly #topics: readonly string[];
  readonly #timers: Timers;
  readonly #listener: MqttListener;
  readonly #limitBytes: number;
  readonly #client: MqttClient;
  #stream: HeldAcknowledgement | undefined;
  #steady: Timer | undefined;
  #again: Timer | undefined;
  #subscribed = false;
  #out = false;
  #closing = false;
  #trouble: string;

  constructor(
    wire: MqttWire,
    address: MqttAddress,
    topics: readonly string[],
    timers: Timers,
    limitBytes: number,
    listener: MqttListener,
  ) {
    this.#address = address;
    this.#topics = topics;
    this.#timers = timers;
    this.#listener = listener;
    this.#limitBytes = limitBytes;
    this.#trouble = `${this.#broker()}: connecting`;
    this.#client = new MqttClient(() => this.#dial(), clientOptions(wire, address));
    this.#client.handleMessage = (_packet, done) => {
      const room = this.#listener.room();
      if (room) void room.then(done);
      else done();
    };
    this.#client.on('message', (topic, payload, packet) => {
      this.#arrived(topic, payload, packet);
    });
    this.#client.on('connect', () => {
      this.#connected();
    });
    this.#client.on('reconnect', () => {
      const { options } = this.#client;
      options.reconnectPeriod = Math.min(
        RETRY_LAST_MS,
        2 * (options.reconnectPeriod ?? RETRY_FIRST_MS),
      );
    });
    this.#client.on('close', () => {
      this.#closed();
    });
    this.#client.on('disconnect', (packet) => {
      this.#trouble = `${this.#broker()}: the broker ended the connection, reason code ${packet.reasonCode ?? 0}`;
    });
    this.#client.on('error', (error) => {
      this.#trouble = `${this.#broker()}: ${explain(error)}`;
      this.#stream?.destroy();
    });
  }

  get connected(): boolean {
    return this.#client.connected && this.#subscribed;
  }

  /** Why it is not connected, for people; empty when it is. */
  get trouble(): string {
    return this.connected ? '' : this.#trouble;
  }

  /** Ends a subscription that an earlier configuration left in the session. */
  forget(topic: string): void {
    if (this.#client.connected) this.#client.unsubscribe(topic, () => undefined);
  }

  /** From now on nothing arrives; what arrives all the same is left to the broker's next session. */
  stop(): void {
    this.#closing = true;
  }

  /** Says goodbye; PUBACKs released before leave first. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#steady?.cancel();
    this.#again?.cancel();
    const stream = this.#stream;
    const ended =
      stream && !stream.closed
        ? new Promise<void>((resolve) => stream.once('close', resolve))
        : Promise.resolve();
    this.#client.end(!this.#client.connected);
    const patience = this.#timers.after(GOODBYE_MS, () => stream?.destroy());
    await ended;
    patience.cancel();
  }

  #broker(): string {
    return `${this.#address.host}:${String(this.#address.port)}`;
  }

  #dial(): HeldAcknowledgement {
    this.#stream = new HeldAcknowledgement(
      this.#address.dial(),
      this.#address.version,
      this.#limitBytes,
    );
    return this.#stream;
  }

  #arrived(topic: string, payload: Uint8Array, packet: IPublishPacket): void {
    if (this.#closing) return;
    const packetId = packet.qos > 0 ? (packet.messageId ?? 0) : 0;
    this.#listener.arrived({
      topic,
      payload,
      retained: packet.retain,
      redelivered: packet.dup,
      packetId,
      acknowledge: (packetId > 0 ? this.#stream?.hold(packetId) : undefined) ?? (() => undefined),
    });
  }

  #connected(): void {
    this.#out = false;
    this.#steady?.cancel();
    this.#steady = this.#timers.after(STEADY_MS, () => {
      this.#client.options.reconnectPeriod = RETRY_FIRST_MS;
    });
    // Even in a resumed session: a broker that was killed may have kept the session without its subscriptions.
    this.#subscribe();
  }

  #subscribe(): void {
    this.#again?.cancel();
    this.#subscribed = this.#topics.length === 0;
    this.#trouble = this.#subscribed ? '' : `${this.#broker()}: subscribing`;
    if (this.#subscribed) return;
    // MQTT 5 can spare us the retained messages of a subscription that stands (§3.8.3.1); 3.1.1 sends them again.
    const isNew = this.#address.version === MQTT_VERSIONS['5'] ? { rh: 1 } : {};
    this.#client.subscribe([...this.#topics], { qos: 1, ...isNew }, (error) => {
      if (this.#closing) return;
      this.#subscribed = !error;
      if (!error) this.#trouble = '';
      if (!error || !this.#client.connected) return;
      this.#trouble = `${this.#broker()}: the broker refuses a subscription (${error.message}); allow the client to read its topics`;
      this.#again = this.#timers.after(SUBSCRIBE_AGAIN_MS, () => {
        if (this.#client.connected) this.#subscribe();
      });
    });
  }

  #closed(): void {
    this.#steady?.cancel();
    this.#again?.cancel();
    if (this.#closing || this.#out) return;
    if (this.#trouble === '') this.#trouble = `${this.#broker()}: the connection was lost`;
    this.#out = true;
    this.#listener.lost(this.#trouble);
  }
}

function clientOptions(wire: MqttWire, address: MqttAddress): IClientOptions {
  return {
    clientId: wire.clientId,
    protocolVersion: address.version,
    clean: false,
    keepalive: KEEP_ALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: RETRY_FIRST_MS,
    // A wrong password may be mended at the broker while we run.
    reconnectOnConnackError: true,
    resubscribe: false,
    subscribeBatchSize: TOPICS_PER_SUBSCRIBE_COUNT,
    ...(wire.username === undefined ? {} : { username: wire.username }),
    ...(wire.password === undefined ? {} : { password: wire.password }),
    ...(address.version === MQTT_VERSIONS['5']
      ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }
      : {}),
  };
}

const EXPLANATIONS: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'no broker listens there'],
  [/ENOTFOUND|EAI_AGAIN/, 'the host name is not known'],
  [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|connack timeout/, 'the broker does not answer'],
  [/Not authorized|Bad username|bad user ?name/i, 'check username and password'],
  [/CERT|SELF_SIGNED|UNABLE_TO_|altnames/i, 'the certificate is not one that ca_file vouches for'],
  [/Keepalive timeout/, 'the broker fell silent'],
];

function explain(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // A name with several addresses fails with an AggregateError, whose own message is empty.
  const said = [error.message, error.message.includes(code) ? '' : code].filter(Boolean).join(' ');
  const hint = EXPLANATIONS.find(([pattern]) => pattern.test(said))?.[1];
  return hint === undefined ? said : `${hint} (${said})`;
}
