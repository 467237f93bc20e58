// Who answers: serial number, model, firmware and its own accuracy as an agent tells them, for comparison with the site file.
import type { Exchange } from '../quantity/exchange.ts';
import type { PartNumbers } from '../quantity/site.ts';
import { readingOf, type IdentityOrFault } from './identity-reading.ts';
import { printable } from './printable.ts';
import type { SnmpProfile } from './snmp-profile.ts';
import { isPart, objectOf, partOf } from './snmp-part.ts';
import { judgeObjects, type SnmpValue } from './snmp-reply.ts';

type Identity = SnmpProfile['identify'][number];

/** What of it the agent has, or the fault by which it tells nothing. Never throws. */
export function decodeSnmpIdentity(
  profile: SnmpProfile,
  exchange: Exchange,
  given: PartNumbers | undefined,
): IdentityOrFault {
  if (exchange.form !== 'snmp') return { fault: 'decode.malformed' };
  if (exchange.fault !== undefined) return { fault: exchange.fault };
  const part = partOf(profile, given);
  const judged = judgeObjects(exchange.request, exchange.reply);
  if (!judged.ok) return { fault: judged.fault };
  if (!isPart(part)) return { fault: 'decode.malformed' };
  return profile.identify
    .filter((identity) => identity.part === undefined || identity.part === part.kind)
    .flatMap((identity) => {
      const text = identityText(identity, judged.values.get(objectOf(identity.oid, part)));
      return text === undefined ? [] : [readingOf(identity, text)];
    });
}

function identityText({ as }: Identity, value: SnmpValue | undefined): string | undefined {
  switch (as) {
    case 'text':
      return value?.is === 'octets' ? printable(value.octets) : undefined;
    case 'integer':
      return value?.is === 'number' ? value.integer.toString() : undefined;
    case 'hundredths-percent':
      return value?.is === 'number' ? `${String(Number(value.integer) / 100)} %` : undefined;
  }
}
