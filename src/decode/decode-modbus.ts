// A polled block of registers becomes observations: one for every read of the profile that lies wholly in the block.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { Observation } from '../quantity/observation.ts';
import type { RegisterTable } from '../transport/transport.ts';
import { addCounts, countRegister, wrapsAt, type Counted } from './counter-energy.ts';
import { gaugeReading } from './gauge-reading.ts';
import { askedBlock, judgeReply, type AskedBlock } from './modbus-reply.ts';
import type { ModbusProfile, ModbusRead } from './profile.ts';
import { reachNs, receivedWindow } from './reading-window.ts';
import { hexOf, inOrder, REGISTER_COUNT, valueOf } from './register-value.ts';

type ModbusForm = 'modbus-tcp' | 'modbus-rtu';

/** First registers of the values that make up a read: one, or several that add up. */
export const placesOf = (read: ModbusRead): readonly number[] =>
  read.kind === 'counter' ? [read.at, ...(read.plus ?? [])] : [read.at];

export const tableOf = (profile: ModbusProfile, place: { table?: RegisterTable }): RegisterTable =>
  place.table ?? profile.speaks.table;

/** Whether every register of the read lies in the block. */
function covers(
  profile: ModbusProfile,
  block: Omit<AskedBlock, 'unit'>,
  read: ModbusRead,
): boolean {
  const size = REGISTER_COUNT[read.as];
  return (
    tableOf(profile, read) === block.table &&
    placesOf(read).every((at) => at >= block.address && at + size <= block.address + block.count)
  );
}

/** Never throws: bytes that do not answer the request become a gap for every channel that was asked for. */
export function decodeModbus(
  profile: ModbusProfile,
  exchange: Exchange,
  form: ModbusForm,
  unit: number,
): readonly Observation[] {
  const asked = askedBlock(form, exchange.request);
  const reads = asked
    ? profile.reads.filter((read) => covers(profile, asked, read))
    : profile.reads;
  const gaps = (fault: FaultCode): readonly Observation[] =>
    reads.map((read) => ({
      kind: 'gap',
      channel: read.channel,
      fault,
      ...observed(profile, exchange, read),
    }));
  if (exchange.fault !== undefined) return gaps(exchange.fault);
  if (asked === undefined) return gaps('decode.malformed');
  if (asked.unit !== unit) return gaps('decode.wrong-unit');
  const judged = judgeReply(form, exchange.request, asked, exchange.reply);
  if (!judged.ok) return gaps(judged.fault);
  return reads.map((read) => {
    const bytes = placesOf(read).map((at) => {
      const from = 2 * (at - asked.address);
      const raw = judged.registers.subarray(from, from + 2 * REGISTER_COUNT[read.as]);
      return inOrder(raw, read.order ?? profile.speaks.order);
    });
    const where = observed(profile, exchange, read);
    const outcome = bytes.some((raw) => isSentinel(profile, read, raw))
      ? { fault: 'decode.sentinel' as const }
      : meaningOfRegisters(read, bytes);
    if ('fault' in outcome) return { kind: 'gap', channel: read.channel, ...outcome, ...where };
    return { ...outcome, ...where };
  });
}

const observed = (
  profile: ModbusProfile,
  exchange: Exchange,
  read: ModbusRead,
): Pick<Observation, 'source' | 'component' | 'window'> => ({
  source: exchange.source,
  component: '',
  window: receivedWindow(exchange, reachNs(read, profile.limits)),
});

type Meant =
  | Omit<Extract<Observation, { kind: 'counter' }>, 'source' | 'component' | 'window'>
  | Omit<Extract<Observation, { kind: 'gauge' }>, 'source' | 'component' | 'window'>
  | { readonly fault: FaultCode };

function meaningOfRegisters(read: ModbusRead, places: readonly Uint8Array[]): Meant {
  const values = places.map((bytes) => valueOf(bytes, read.as));
  if (read.kind === 'counter') {
    const parts: Counted[] = [];
    for (const value of values) {
      const part = countRegister(value, read.as === 'float64' ? 64 : 32, read);
      if ('fault' in part) return part;
      parts.push(part);
    }
    const { channel } = read;
    return { kind: 'counter', channel, ...addCounts(parts), wrapsAtUj: wrapsAt(read), epoch: '' };
  }
  const [value] = values;
  if (value === undefined) return { fault: 'decode.malformed' };
  const gauge = gaugeReading(value.is === 'float' ? value.float : Number(value.integer), read);
  if ('fault' in gauge) return gauge;
  return { kind: 'gauge', channel: read.channel, ...gauge };
}

function isSentinel(profile: ModbusProfile, read: ModbusRead, bytes: Uint8Array): boolean {
  let patterns = known.get(read);
  if (patterns === undefined) {
    patterns = profile.sentinels
      .filter((sentinel) => sentinel.as === read.as)
      .filter(({ channel }) => channel === undefined || channel === read.channel)
      .map((sentinel) => sentinel.raw.replaceAll(' ', '').toLowerCase());
    known.set(read, patterns);
  }
  return patterns.length > 0 && patterns.includes(hexOf(bytes));
}

/** The patterns that mean "no value" in a read, worked out once: a read belongs to one profile. */
const known = new WeakMap<ModbusRead, readonly string[]>();
