// The MQTT side of a rehearsal: an embedded broker on loopback, or a client of somebody else's broker. Publishing is
// QoS 1 for nodes; what a subscriber's persistent session misses is queued for it, within a bound, as brokers do.
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { SiteFault } from '../quantity/fault.ts';
import { listen } from './modbus-wires.ts';

export interface Publisher {
  readonly url: string;
  /** Resolves when the broker has it; false where it could not be had or the queue of absent subscribers is full. */
  publish(topic: string, payload: string, qos: 0 | 1): Promise<boolean>;
  stop(): Promise<void>;
}

/** Messages kept while nobody takes them; beyond it the newest are dropped and counted. */
const QUEUED_MESSAGES_MAX_COUNT = 50_000;

/** Starts the embedded broker on the port, or on a free one for 0. Throws SiteFault where it cannot be had. */
export async function embeddedBroker(host: string, port: number): Promise<Publisher> {
  const aedes = await Aedes.createBroker({
    // The bound of 23 characters is MQTT 3.1's; 3.1.1 (§3.1.3.1) and 5 let servers take longer ones.
    maxClientsIdLength: 256,
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    aedes.handle(socket);
  });
  const got = await listen(server, host, port);
  // One after another: a later message at QoS 0 would overtake an earlier one at QoS 1, and aedes then takes the
  // overtaken one for a repetition and drops it.
  let turn: Promise<unknown> = Promise.resolve();
  let waitingCount = 0;
  let unheardCount = 0;
  const send = (topic: string, payload: string, qos: 0 | 1): Promise<boolean> =>
    new Promise((resolve) => {
      aedes.publish(
        { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain: false, dup: false },
        (error) => {
          resolve(!error);
        },
      );
    });
  return {
    url: `mqtt://${host}:${got}`,
    publish: (topic, payload, qos) => {
      unheardCount = aedes.connectedClients > 0 ? 0 : unheardCount + 1;
      if (Math.max(unheardCount, waitingCount) > QUEUED_MESSAGES_MAX_COUNT) {
        return Promise.resolve(false);
      }
      waitingCount += 1;
      const sent = turn.then(() => send(topic, payload, qos));
      turn = sent.then(() => {
        waitingCount -= 1;
      });
      return sent;
    },
    stop: () =>
      new Promise((resolve) => {
        aedes.close(() => {
          server.close(() => {
            resolve();
          });
          for (const socket of sockets) socket.destroy();
        });
      }),
  };
}

/** Publishes to a broker outside. Throws SiteFault where it cannot be reached at start; later it reconnects for ever. */
export async function outsideBroker(url: string, clientId: string): Promise<Publisher> {
  let client: mqtt.MqttClient;
  try {
    client = await mqtt.connectAsync(url, { clientId, clean: true, reconnectPeriod: 500 }, false);
  } catch (error) {
    throw new SiteFault(
      {
        where: `rehearsal broker ${withoutSecrets(url)}`,
        what: `cannot connect (${error instanceof Error ? error.message : String(error)})`,
        remedy: 'start the broker, or leave its address out to use the embedded one',
      },
      { cause: error },
    );
  }
  client.on('error', () => undefined);
  let waitingCount = 0;
  return {
    url,
    publish: async (topic, payload, qos) => {
      if (waitingCount >= QUEUED_MESSAGES_MAX_COUNT) return false;
      waitingCount += 1;
      try {
        await client.publishAsync(topic, payload, { qos });
        return true;
      } catch {
        return false;
      } finally {
        waitingCount -= 1;
      }
    },
    stop: async () => {
      await client.endAsync(true);
    },
  };
}

/** Host and port of an address: a name and a password in it stay out of messages. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'address';
}
