// Who a Modbus device is, from its registers. Other wires, and what it is for: identity.ts.
import type { Exchange } from '../quantity/exchange.ts';
import type { ReadRequest } from '../transport/transport.ts';
import { tableOf } from './decode-modbus.ts';
import { askedBlock, judgeReply } from './modbus-reply.ts';
import { readingOf, type IdentityOrFault } from './identity-reading.ts';
import type { IdentityType } from './profile-words.ts';
import { printable } from './printable.ts';
import type { ModbusProfile } from './profile.ts';
import { inOrder, valueOf } from './register-value.ts';

type Identity = ModbusProfile['identify'][number];

const SIZE: Readonly<Record<Exclude<IdentityType, 'ascii' | 'ascii16'>, number>> = {
  uint16: 1,
  uint32: 2,
  uint64: 4,
};

const sizeOf = (identity: Identity): number =>
  identity.registers ??
  (identity.as === 'ascii' || identity.as === 'ascii16' ? 1 : SIZE[identity.as]);

/** One read for each identifying value: these registers lie far apart, and a refusal of one must not hide another. */
export function planModbusIdentity(profile: ModbusProfile): readonly ReadRequest[] {
  return profile.identify.map((identity) => ({
    table: tableOf(profile, identity),
    address: identity.at,
    count: sizeOf(identity),
    alternateCount: sizeOf(identity),
  }));
}

/** What the block tells, or the fault by which it does not. Never throws. */
export function decodeModbusIdentity(profile: ModbusProfile, exchange: Exchange): IdentityOrFault {
  if (exchange.form !== 'modbus-tcp' && exchange.form !== 'modbus-rtu')
    return { fault: 'decode.malformed' };
  const asked = askedBlock(exchange.form, exchange.request);
  if (asked === undefined) return { fault: 'decode.malformed' };
  const judged = judgeReply(exchange.form, exchange.request, asked, exchange.reply);
  if (!judged.ok) return { fault: judged.fault };
  return profile.identify
    .filter((identity) => tableOf(profile, identity) === asked.table)
    .filter(
      ({ at, ...identity }) =>
        at >= asked.address && at + sizeOf({ at, ...identity }) <= asked.address + asked.count,
    )
    .map((identity) => {
      const from = 2 * (identity.at - asked.address);
      const raw = judged.registers.subarray(from, from + 2 * sizeOf(identity));
      return readingOf(identity, identityText(profile, identity, raw));
    });
}

function identityText(profile: ModbusProfile, identity: Identity, raw: Uint8Array): string {
  switch (identity.as) {
    case 'ascii':
      return printable(untilNul(raw));
    case 'ascii16':
      // One character per register, in its low byte.
      return printable(untilNul(raw.filter((_, index) => index % 2 === 1)));
    case 'uint16':
    case 'uint32':
    case 'uint64': {
      const value = valueOf(inOrder(raw, identity.order ?? profile.speaks.order), identity.as);
      return value.is === 'integer' ? value.integer.toString() : '';
    }
  }
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
