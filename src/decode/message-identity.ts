// Which message this is, where it says so itself: what makes an at-least-once sender count once.
import type { Exchange } from '../quantity/exchange.ts';
import { isRefusal } from '../quantity/fault.ts';
import { parseNodeMessage } from './node-message.ts';
import { isNodeMessage, type Profile } from './profile.ts';

/** Boot and sequence number of a node message; undefined for anything that has no identity of its own. */
export function messageIdentity(profile: Profile, exchange: Exchange): string | undefined {
  if (!isNodeMessage(profile) || exchange.form !== 'mqtt' || exchange.fault) return undefined;
  const message = parseNodeMessage(exchange.reply);
  return isRefusal(message) ? undefined : `${message.bootId}#${message.seq.toString()}`;
}
