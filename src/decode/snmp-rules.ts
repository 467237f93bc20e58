// House rules for profiles that speak SNMP, on top of those for all (profile-rules.ts, which calls this file).
import type { FaultNotice } from '../quantity/fault.ts';
import { SNMP_TYPES, type SnmpType } from './profile-words.ts';

interface RuledObject {
  readonly kind: string;
  readonly as?: string;
  readonly part?: string;
  readonly oid?: string;
  readonly digits?: string;
  readonly valid?: { readonly oid: string };
  readonly unit_is?: { readonly oid: string };
  readonly epoch?: string;
  readonly resolution?: number | 'digits';
  readonly wraps?: unknown;
  readonly scale?: object;
}

interface RuledSpeech {
  readonly speaks: { readonly transport: string; readonly parts?: readonly string[] };
  readonly reads: readonly RuledObject[];
}

export const isSnmpType = (type: string | undefined): type is SnmpType =>
  SNMP_TYPES.some((known) => known === type);

/** Every part that an instrument may be has reads, and every read is of such a part. */
export function brokenSpeech({ speaks, reads }: RuledSpeech): FaultNotice | undefined {
  if (speaks.parts === undefined) return undefined;
  const { parts } = speaks;
  const unread = parts.findIndex((part) => !reads.some((read) => read.part === part));
  if (unread >= 0)
    return broken(`/speaks/parts/${String(unread)}`, 'nothing is read of this part', 'remove it');
  const stranger = reads.findIndex(({ part }) => part !== undefined && !parts.includes(part));
  return stranger < 0
    ? undefined
    : broken(`/reads/${String(stranger)}/part`, 'no instrument can be that', 'add it to parts');
}

/** An object of a part that has numbers names the number, and none but its own; so does every companion. */
export function brokenObject(read: RuledObject): FaultNotice | undefined {
  if (read.oid === undefined || read.part === undefined) return undefined;
  const places = [
    ['/oid', read.oid],
    ['/digits', read.digits],
    ['/valid/oid', read.valid?.oid],
    ['/unit_is/oid', read.unit_is?.oid],
    ['/epoch', read.epoch],
  ] as const;
  for (const [where, oid] of places) {
    const strange = numbersIn(oid ?? '').find((name) => name !== 'pdu' && name !== read.part);
    if (strange !== undefined)
      return broken(where, `a read of ${read.part} has no {${strange}}`, `use {${read.part}}`);
  }
  if (read.part !== 'unit' && !numbersIn(read.oid).includes(read.part))
    return broken('/oid', `every ${read.part} would be read alike`, `put {${read.part}} into it`);
  if (read.kind !== 'counter') return undefined;
  if ((read.resolution === 'digits') !== (read.digits !== undefined))
    return broken(
      '/resolution',
      'where the device tells the digits, they are the resolution',
      'write digits, or leave the object out',
    );
  if (typeof read.wraps === 'object' && hasCount(read.wraps) !== (read.digits !== undefined))
    return broken('/wraps', 'digits move a value, not a count', 'at_count with digits, else at');
  return undefined;
}

const hasCount = (wraps: object | null): boolean => wraps !== null && 'at_count' in wraps;

const numbersIn = (oid: string): readonly string[] =>
  Array.from(oid.matchAll(/\{([a-z]+)\}/g), ([, name = '']) => name);

const broken = (where: string, what: string, remedy: string): FaultNotice => ({
  where,
  what,
  remedy,
});
