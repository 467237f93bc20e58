// Which QoS 1 messages are kept already. A broker that missed our PUBACK sends a message again with the same packet id
// and bytes; the memory is bounded, far above any broker's window of unacknowledged messages (MQTT 3.1.1 §4.4).
import { createHash } from 'node:crypto';
import type { Exchange } from '../quantity/exchange.ts';

const REMEMBERED_MESSAGES_COUNT = 16_384;

export class RedeliveryMemory {
  readonly #positions = new Map<string, number>();

  /** Remembers a message by where it lies; exchanges that no broker delivers twice are passed over. */
  remember(exchange: Exchange, position: number): void {
    if (!isNumbered(exchange)) return;
    const key = keyOf(exchange);
    this.#positions.delete(key);
    this.#positions.set(key, position);
    if (this.#positions.size > REMEMBERED_MESSAGES_COUNT) {
      const oldest = this.#positions.keys().next();
      if (oldest.done !== true) this.#positions.delete(oldest.value);
    }
  }

  /** Where the message that this is a redelivery of lies, or undefined where it is new. */
  find(exchange: Exchange): number | undefined {
    if (!exchange.flags.redelivered || !isNumbered(exchange)) return undefined;
    return this.#positions.get(keyOf(exchange));
  }
}

const isNumbered = (exchange: Exchange): boolean =>
  exchange.form === 'mqtt' && exchange.flags.packetId !== 0;

const keyOf = ({ source, flags, request, reply }: Exchange): string =>
  createHash('sha256')
    .update(`${source}\n${String(flags.packetId)}\n${String(request.length)}\n`)
    .update(request)
    .update(reply)
    .digest('base64');
