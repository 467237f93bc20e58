// Builds exchanges for the tests of decode: Modbus frames on both framings, MQTT messages, CSV lines, SNMP PDUs, pushed frames.
import { isPush, type Profile } from '../../src/decode/profile.ts';
import type { Exchange, ExchangeForm } from '../../src/quantity/exchange.ts';
import { NO_FLAGS } from '../../src/quantity/exchange.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { GET, pdu, RESPONSE } from '../simulators/snmp-ber.ts';
import type { ReadRequest } from '../../src/transport/transport.ts';

/** 2025-10-13T14:12:02Z: one second after the stamps in the vectors. */
export const SENT_NS = 1_760_364_722_000_000_000n;
export const RECEIVED_NS = SENT_NS + 40_000_000n;

export type ModbusForm = 'modbus-tcp' | 'modbus-rtu';

export const exchangeOf = (
  form: ExchangeForm,
  request: Uint8Array,
  reply: Uint8Array,
  more: Partial<Exchange> = {},
): Exchange => ({
  source: 'm1',
  form,
  request,
  reply,
  sentNs: instantNs(SENT_NS),
  firstByteNs: instantNs(RECEIVED_NS),
  lastByteNs: instantNs(RECEIVED_NS),
  fault: undefined,
  flags: NO_FLAGS,
  ...more,
});

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const mqtt = (topic: string, payload: string, more: Partial<Exchange> = {}): Exchange =>
  exchangeOf('mqtt', bytesOf(topic), bytesOf(payload), { sentNs: instantNs(RECEIVED_NS), ...more });

/** A frame of a push meter, in hex or as lines; it came when the clock in it says, where it has one. */
export function pushed(
  profile: Profile,
  vector: { frame: string } | { lines: readonly string[] },
  more: Partial<Exchange> = {},
): Exchange {
  if (!isPush(profile)) throw new Error(`${profile.id} pushes nothing`);
  const reply = frameBytes(vector);
  const at = instantNs(SENT_NS - 1_000_000_000n);
  const stamps = { sentNs: at, firstByteNs: at, lastByteNs: at };
  return exchangeOf(profile.speaks.protocol, new Uint8Array(), reply, { ...stamps, ...more });
}

export const frameBytes = (vector: { frame: string } | { lines: readonly string[] }): Uint8Array =>
  'frame' in vector
    ? Buffer.from(vector.frame.replaceAll(' ', ''), 'hex')
    : Buffer.from(vector.lines.join('\r\n'), 'latin1');

export const csv = (line: string): Exchange => exchangeOf('csv', bytesOf(''), bytesOf(line));

/** CRC-16/MODBUS by the table-free definition over a big integer: not the code under test. */
function crc(bytes: readonly number[]): readonly number[] {
  let register = 0xffff;
  for (const byte of bytes) {
    register ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = register % 2 === 1;
      register = Math.floor(register / 2);
      if (carry) register ^= 0xa001;
    }
  }
  return [register % 256, Math.floor(register / 256)];
}

export function frame(form: ModbusForm, unit: number, pdu: readonly number[]): Uint8Array {
  if (form === 'modbus-rtu') {
    const body = [unit, ...pdu];
    return Uint8Array.from([...body, ...crc(body)]);
  }
  const length = pdu.length + 1;
  return Uint8Array.from([0x12, 0x34, 0, 0, length >> 8, length & 255, unit, ...pdu]);
}

export const requestFrame = (
  form: ModbusForm,
  unit: number,
  read: Pick<ReadRequest, 'table' | 'address' | 'count'>,
): Uint8Array =>
  frame(form, unit, [
    read.table === 'input' ? 4 : 3,
    read.address >> 8,
    read.address & 255,
    0,
    read.count,
  ]);

/** A read and its answer from a device whose registers are given; the others hold 0. */
export function answered(
  form: ModbusForm,
  unit: number,
  read: Pick<ReadRequest, 'table' | 'address' | 'count'>,
  registers: ReadonlyMap<number, number>,
): Exchange {
  const words = Array.from({ length: read.count }, (_, i) => registers.get(read.address + i) ?? 0);
  const code = read.table === 'input' ? 4 : 3;
  const pdu = [code, 2 * read.count, ...words.flatMap((word) => [word >> 8, word & 255])];
  return exchangeOf(form, requestFrame(form, unit, read), frame(form, unit, pdu));
}

/** `{12: "42C8 0000"}` as registers. */
export function registersOf(hexes: Readonly<Record<string, string>>): ReadonlyMap<number, number> {
  const registers = new Map<number, number>();
  for (const [at, hex] of Object.entries(hexes))
    hex.split(' ').forEach((word, i) => registers.set(Number(at) + i, Number.parseInt(word, 16)));
  return registers;
}

const REQUEST_ID = 0x1234_5678;

/** A request for objects and the answer of an agent that has those given; the others are not there. */
export function answeredObjects(
  get: readonly string[],
  objects: Readonly<Record<string, string>>,
  more: Partial<Exchange> = {},
): Exchange {
  const request = pdu(
    GET,
    REQUEST_ID,
    get.map((oid) => ({ oid, value: 'null' })),
  );
  const reply = pdu(
    RESPONSE,
    REQUEST_ID,
    get.map((oid) => ({ oid, value: objects[oid] ?? 'no-such-instance' })),
  );
  return exchangeOf('snmp', request, reply, more);
}
