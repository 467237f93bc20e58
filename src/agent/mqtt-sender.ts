// Node messages by MQTT at QoS 1: the broker's PUBACK says that it keeps them. The library is told to queue nothing: the
// spool does that, on disk.
import mqtt from 'mqtt';
import type { Timers } from '../quantity/clock.ts';
import { SEND_DEADLINE_MS, type Sender, type SendOutcome } from './sender.ts';

export interface MqttTarget {
  readonly url: string;
  readonly topic: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ca: string | undefined;
  readonly timers: Timers;
}

export function mqttSender(target: MqttTarget): Sender {
  const { timers, topic } = target;
  let trouble = 'not connected yet';
  const client = mqtt.connect(target.url, {
    clientId: target.clientId,
    clean: true,
    queueQoSZero: false,
    reconnectPeriod: 2000,
    connectTimeout: SEND_DEADLINE_MS,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.ca === undefined ? {} : { ca: target.ca }),
  });
  client.on('error', (cause) => (trouble = cause.message));
  client.on('close', () => {
    // What was in flight is sent again by us, never by the library behind our back.
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
  });
  return {
    send: (text) =>
      new Promise<SendOutcome>((resolve) => {
        if (!client.connected) {
          resolve({ kind: 'unreachable', because: trouble });
          return;
        }
        const patience = timers.after(SEND_DEADLINE_MS, () => {
          resolve({ kind: 'unreachable', because: 'the broker does not answer' });
        });
        client.publish(topic, text, { qos: 1 }, (cause) => {
          patience.cancel();
          if (cause) resolve({ kind: 'unreachable', because: cause.message });
          else resolve({ kind: 'kept' });
        });
      }),
    close: async () => {
      await client.endAsync(true);
    },
  };
}
