// MQTT: instruments that push. A message is acknowledged to the broker only when the ledger has it, so what was published
// with QoS 1 while we were away or died comes again. A broker that holds few messages in flight (mosquitto: 20) bounds
// the rate to that many per commit: raise its `max_inflight_messages` where that is too slow.
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { MqttWire, WireId } from '../quantity/site.ts';
import type { InstantNs } from '../quantity/time.ts';
import { mqttAddress, type MqttAddress } from './mqtt-address.ts';
import { MqttConnection, type MqttArrival } from './mqtt-connection.ts';
import type { OpenWire, Transport, TransportPorts, WireHealth, WireTasks } from './transport.ts';

/** No instrument sends more at once; what does is recorded as a fault, cut to `KEPT_BYTES`. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024;
/** Of an oversize payload this much is kept, enough to see what it was. */
const KEPT_BYTES = 4096;
/**
 * Longest packet body let in: the largest payload, the longest topic (64 KiB) and as much again for MQTT 5 properties.
 * A publisher of more properties than that would break the connection at each redelivery; the broker's own packet limit
 * keeps that out. Announcing this limit to the broker is no way: it would drop what is longer without a trace.
 */
const PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + 2 * 65_536;
/** Messages and bytes that may wait for the ledger before the socket is no longer read. */
const IN_FLIGHT_COUNT_MAX = 2_048;
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024;
/** Two of the longest usual reporting periods (Tasmota: 300 s) and some: then a source counts as silent. */
const SILENT_AFTER_NS = 660_000_000_000n;
const FORGOTTEN_COUNT_MAX = 1_000;

interface MqttHealth extends WireHealth {
  /** Civil time of the last message of each source that was heard since the wire was opened. */
  readonly lastHeard: ReadonlyMap<SourceId, InstantNs>;
}

export interface OpenMqttWire extends OpenWire {
  health(): MqttHealth;
}

interface InFlight {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly durable: Promise<void>;
}

class MqttOpenWire implements OpenMqttWire {
  readonly #id: WireId;
  readonly #ports: TransportPorts;
  readonly #sources = new Map<string, SourceId[]>();
  readonly #connection: MqttConnection;
  /** QoS 1 messages that wait for the ledger, by packet id. */
  readonly #inFlight = new Map<number, InFlight>();
  readonly #pending = new Set<Promise<void>>();
  #pendingBytes = 0;
  #waiting: (() => void)[] = [];
  readonly #forgotten = new Set<string>();
  readonly #lastHeard = new Map<SourceId, InstantNs>();
  readonly #heardAt = new Map<SourceId, bigint>();
  #exchangesCount = 0;
  #faultsCount = 0;
  #refusal = '';

  constructor(
    id: WireId,
    wire: MqttWire,
    address: MqttAddress,
    tasks: WireTasks,
    ports: TransportPorts,
  ) {
    this.#id = id;
    this.#ports = ports;
    for (const { topic, source } of tasks.subscriptions) {
      this.#sources.set(topic, [...(this.#sources.get(topic) ?? []), source]);
      this.#heardAt.set(source, ports.clock.monotonicNs());
    }
    this.#connection = new MqttConnection(
      wire,
      address,
      [...this.#sources.keys()],
      ports.timers,
      PACKET_BYTES_MAX,
      {
        arrived: (arrival) => {
          this.#arrived(arrival);
        },
        room: () => this.#room(),
        lost: () => {
          this.#lost();
        },
      },
    );
  }

  health(): MqttHealth {
    const nowNs = this.#ports.clock.monotonicNs();
    return {
      wire: this.#id,
      connected: this.#connection.connected && this.#refusal === '',
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#faultsCount,
      silent: [...this.#heardAt]
        .filter(([, heardNs]) => nowNs - heardNs > SILENT_AFTER_NS)
        .map(([source]) => source),
      latenessMs: { p50: 0, p99: 0, max: 0 },
      trouble: this.#refusal || this.#connection.trouble,
      lastHeard: new Map(this.#lastHeard),
    };
  }

  async close(): Promise<void> {
    this.#connection.stop();
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    await this.#connection.close();
  }

  #arrived(arrival: MqttArrival): void {
    const { topic, packetId, acknowledge } = arrival;
    const sources = this.#sources.get(topic);
    this.#exchangesCount += 1;
    if (!sources) {
      this.#faultsCount += 1;
      acknowledge();
      // It comes from a subscription that an earlier configuration left behind; the bound is for a hostile broker.
      if (this.#forgotten.size < FORGOTTEN_COUNT_MAX && !this.#forgotten.has(topic)) {
        this.#forgotten.add(topic);
        this.#connection.forget(topic);
      }
      return;
    }
    const before = arrival.redelivered ? this.#inFlight.get(packetId) : undefined;
    const isSame = before?.topic === topic && Buffer.compare(before.payload, arrival.payload) === 0;
    const durable = isSame ? before.durable : this.#deliver(sources, arrival);
    durable.then(acknowledge, (error: unknown) => {
      // Never acknowledged: the broker still has it when the ledger works again.
      this.#refusal = `the ledger does not take readings: ${error instanceof Error ? error.message : String(error)}`;
    });
  }

  /** One exchange per source; resolves when all are durable. */
  #deliver(sources: readonly SourceId[], arrival: MqttArrival): Promise<void> {
    const { topic, payload, packetId } = arrival;
    const atNs = this.#ports.clock.nowNs();
    const oversize = payload.length > PAYLOAD_BYTES_MAX;
    if (oversize) this.#faultsCount += 1;
    // Copies what is cut, so that the rest can be freed.
    const reply = oversize ? Uint8Array.from(payload.subarray(0, KEPT_BYTES)) : payload;
    const fault: FaultCode | undefined = oversize ? 'transport.oversize' : undefined;
    const flags = { retained: arrival.retained, redelivered: arrival.redelivered, packetId };
    for (const source of sources) {
      this.#lastHeard.set(source, atNs);
      this.#heardAt.set(source, this.#ports.clock.monotonicNs());
    }
    const durable = this.#track(
      sources.map((source) => pushed(source, topic, reply, atNs, fault, flags)),
    );
    if (packetId > 0) {
      const entry = { topic, payload: reply, durable };
      this.#inFlight.set(packetId, entry);
      const forget = (): void => {
        if (this.#inFlight.get(packetId) === entry) this.#inFlight.delete(packetId);
      };
      durable.then(forget, forget);
    }
    return durable;
  }

  #track(exchanges: readonly Exchange[]): Promise<void> {
    const sizeBytes = exchanges.reduce((sum, exchange) => sum + exchange.reply.length, 0);
    const durable = Promise.all(
      exchanges.map(async (exchange) => this.#ports.deliver(exchange)),
    ).then(() => undefined);
    this.#pending.add(durable);
    this.#pendingBytes += sizeBytes;
    const settled = (): void => {
      this.#pending.delete(durable);
      this.#pendingBytes -= sizeBytes;
      if (this.#isFull()) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const goOn of waiting) goOn();
    };
    durable.then(settled, settled);
    return durable;
  }

  #isFull(): boolean {
    return this.#pending.size >= IN_FLIGHT_COUNT_MAX || this.#pendingBytes >= IN_FLIGHT_BYTES_MAX;
  }

  #room(): Promise<undefined> | undefined {
    if (!this.#isFull()) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        resolve(undefined);
      });
    });
  }

  /** An outage is a gap of every source: what the broker kept meanwhile arrives late, and this is the trace of it. */
  #lost(): void {
    this.#faultsCount += 1;
    const atNs = this.#ports.clock.nowNs();
    const gaps = [...this.#sources].flatMap(([topic, sources]) =>
      sources.map((source) =>
        pushed(source, topic, new Uint8Array(), atNs, 'transport.closed', NO_FLAGS),
      ),
    );
    this.#track(gaps).catch((error: unknown) => {
      this.#refusal = `the ledger does not take readings: ${error instanceof Error ? error.message : String(error)}`;
    });
  }
}

const pushed = (
  source: SourceId,
  topic: string,
  reply: Uint8Array,
  atNs: InstantNs,
  fault: FaultCode | undefined,
  flags: Exchange['flags'],
): Exchange => ({
  source,
  form: 'mqtt',
  request: Buffer.from(topic),
  reply,
  sentNs: atNs,
  firstByteNs: atNs,
  lastByteNs: atNs,
  fault,
  flags,
});

/** Resolves at once: a broker that cannot be reached is tried for ever. Throws SiteFault for what the operator got wrong. */
export const mqtt = {
  // eslint-disable-next-line @typescript-eslint/require-await -- what the operator got wrong rejects, it does not throw.
  async open(
    id: WireId,
    wire: MqttWire,
    tasks: WireTasks,
    ports: TransportPorts,
  ): Promise<OpenMqttWire> {
    const address = mqttAddress(id, wire);
    for (const { topic, source } of tasks.subscriptions) {
      if (topic === '' || /[+#\0]/.test(topic) || Buffer.byteLength(topic) > 65_535) {
        throw new SiteFault({
          where: `instruments/${source}/topic`,
          what: `"${topic}" is no topic of one instrument`,
          remedy: 'write the topic it publishes to, without + and #',
        });
      }
    }
    return new MqttOpenWire(id, wire, address, tasks, ports);
  },
} satisfies Transport<MqttWire>;
