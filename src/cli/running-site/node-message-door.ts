// The HTTP door for node messages: the same bytes as over MQTT, kept in the same journal before they are accepted.
import { parseNodeMessage } from '../../decode/node-message.ts';
import type { Clock } from '../../quantity/clock.ts';
import { type Exchange, NO_FLAGS } from '../../quantity/exchange.ts';
import { isRefusal } from '../../quantity/fault.ts';
import type { Site } from '../../quantity/site.ts';
import type { IngestOutcome } from '../../serve/app.ts';

export function nodeMessageDoor(
  site: Site,
  clock: Clock,
  receive: (exchange: Exchange) => Promise<void>,
): (bytes: Uint8Array) => Promise<IngestOutcome> {
  return async (bytes) => {
    const message = parseNodeMessage(bytes);
    if (isRefusal(message)) return { accepted: false, because: message.because };
    const node = site.nodes.find(({ id }) => id === message.node);
    const instrument = node && site.instruments.get(node.chips);
    if (!instrument) {
      return { accepted: false, because: `this site has no node "${message.node}"` };
    }
    const nowNs = clock.nowNs();
    await receive({
      source: instrument.id,
      form: 'mqtt',
      request: new TextEncoder().encode(instrument.topic),
      reply: bytes,
      sentNs: nowNs,
      firstByteNs: nowNs,
      lastByteNs: nowNs,
      fault: undefined,
      flags: NO_FLAGS,
    });
    return { accepted: true };
  };
}
