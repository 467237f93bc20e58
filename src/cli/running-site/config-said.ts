// What a node message says of the node's configuration. Few messages say anything, so a message is parsed for it only where
// the word stands in its bytes.
import { parseNodeMessage } from '../../decode/node-message.ts';
import type { ConfigFingerprint } from '../../quantity/config-fingerprint.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import { isRefusal } from '../../quantity/fault.ts';

const WORD = Buffer.from('"config"');

/** Undefined where the message says nothing, is none, or is an old one that the broker kept: it may be long untrue. */
export function configSaid({
  form,
  reply,
  fault,
  flags,
}: Exchange): { readonly node: string; readonly config: ConfigFingerprint } | undefined {
  if (form !== 'mqtt' || fault !== undefined || flags.retained || flags.redelivered)
    return undefined;
  if (!Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).includes(WORD))
    return undefined;
  const message = parseNodeMessage(reply);
  if (isRefusal(message) || !message.config) return undefined;
  return { node: message.node, config: message.config };
}
