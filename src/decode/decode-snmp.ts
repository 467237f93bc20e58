// The objects of one request become observations: one for every read of the instrument's part that the request asks for.
// Scale, unit and validity stand beside the value in the same record, so the record explains itself.
import type { Exchange } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { CounterReading, GaugeReading, Observation } from '../quantity/observation.ts';
import type { PartNumbers } from '../quantity/site.ts';
import { countRegister, wrapsAt, type CounterMeaning } from './counter-energy.ts';
import { UNIT_UJ } from './exact.ts';
import { gaugeReading, type GaugeMeaning } from './gauge-reading.ts';
import { reachNs, receivedWindow } from './reading-window.ts';
import type { SnmpCounterRead, SnmpProfile, SnmpRead } from './snmp-profile.ts';
import { objectsOf, placedReads, type PlacedRead } from './snmp-part.ts';
import { askedObjects, judgeObjects, type SnmpValue } from './snmp-reply.ts';

type Values = ReadonlyMap<string, SnmpValue>;
type Where = Pick<Observation, 'source' | 'component' | 'window'>;
type Meant = Omit<CounterReading, keyof Where> | Omit<GaugeReading, keyof Where>;
type Faulty = { readonly fault: FaultCode };

/** Never throws: bytes that do not answer the request become a gap for every channel that was asked for. */
export function decodeSnmp(
  profile: SnmpProfile,
  exchange: Exchange,
  part: PartNumbers | undefined,
): readonly Observation[] {
  const placed = placedReads(profile, part);
  const names = askedObjects(exchange.request);
  const asked = names === undefined ? undefined : new Set(names);
  const reads = asked
    ? placed.filter((each) => objectsOf(each).every((object) => asked.has(object)))
    : placed;
  const where = ({ read }: PlacedRead): Where => ({
    source: exchange.source,
    component: '',
    window: receivedWindow(exchange, reachNs(read, profile.limits)),
  });
  const gap = (each: PlacedRead, fault: FaultCode): Observation => ({
    kind: 'gap',
    channel: each.read.channel,
    fault,
    ...where(each),
  });
  if (exchange.fault !== undefined) {
    const { fault } = exchange;
    return reads.map((each) => gap(each, fault));
  }
  const judged = judgeObjects(exchange.request, exchange.reply);
  if (!judged.ok) return reads.map((each) => gap(each, judged.fault));
  return reads.map((each) => {
    const meant = meaningOf(profile, each, judged.values);
    return 'fault' in meant ? gap(each, meant.fault) : { ...meant, ...where(each) };
  });
}

function meaningOf(profile: SnmpProfile, placed: PlacedRead, values: Values): Meant | Faulty {
  const { read } = placed;
  const value = values.get(placed.oid);
  if (value === undefined) return { fault: 'decode.missing' };
  if (value.is === 'absent') return { fault: 'decode.no-object' };
  // The device says itself whether there is a value: then what stands there means nothing.
  const valid = companion(values, placed.valid, read.valid?.is, 'decode.sentinel');
  if (valid) return valid;
  if (value.is !== 'number' || value.type !== read.as) return { fault: 'decode.wrong-type' };
  if (isSentinel(profile, read, value.integer)) return { fault: 'decode.sentinel' };
  const unit = companion(values, placed.unitIs, read.unit_is?.is, 'decode.wrong-scale');
  if (unit) return unit;
  const digits = digitsOf(values, placed.digits);
  if (typeof digits === 'object') return digits;
  if (read.kind === 'gauge') {
    const gauge = gaugeReading(Number(value.integer), gaugeAt(read, digits));
    return 'fault' in gauge ? gauge : { kind: 'gauge', channel: read.channel, ...gauge };
  }
  return countOf(read, digits, value.integer, epochOf(placed, values));
}

function countOf(
  read: SnmpCounterRead,
  digits: number | undefined,
  count: bigint,
  epoch: string | undefined,
): Meant | Faulty {
  const meaning = counterAt(read, digits);
  if (meaning === undefined) return { fault: 'decode.wrong-scale' };
  if (epoch === undefined) return { fault: 'decode.no-object' };
  const counted = countRegister({ is: 'integer', integer: count }, 64, meaning);
  if ('fault' in counted) return counted;
  const { latches_at: latch } = read;
  if (latch !== undefined && counted.energyUj >= latchUj(latch, read))
    return { fault: 'counter.latched' };
  // Counts of another scale are another counter: no difference between them is energy.
  const scaled = digits === undefined ? epoch : `${epoch} 10^-${String(digits)}`.trim();
  const { channel } = read;
  return { kind: 'counter', channel, ...counted, wrapsAtUj: wrapsAt(meaning), epoch: scaled };
}

/** A fault where a companion object is not what it must be; undefined where it is, or where there is none. */
function companion(
  values: Values,
  object: string | undefined,
  expected: readonly number[] | undefined,
  fault: FaultCode,
): Faulty | undefined {
  if (object === undefined) return undefined;
  const value = values.get(object);
  if (value?.is === 'absent' || value === undefined) return { fault: 'decode.no-object' };
  if (value.is !== 'number') return { fault: 'decode.wrong-type' };
  return expected?.some((each) => BigInt(each) === value.integer) ? undefined : { fault };
}

/** More digits than any device shows: what is beyond is a fault, not a scale. */
const DIGITS_MAX_COUNT = 9n;

function digitsOf(values: Values, object: string | undefined): number | undefined | Faulty {
  if (object === undefined) return undefined;
  const value = values.get(object);
  if (value?.is === 'absent' || value === undefined) return { fault: 'decode.no-object' };
  if (value.is !== 'number') return { fault: 'decode.wrong-type' };
  const { integer } = value;
  return integer >= 0n && integer <= DIGITS_MAX_COUNT
    ? Number(integer)
    : { fault: 'decode.wrong-scale' };
}

/** Text of the object that changes with a reset; empty where the profile knows none, undefined where it is not there. */
function epochOf({ epoch }: PlacedRead, values: Values): string | undefined {
  if (epoch === undefined) return '';
  const value = values.get(epoch);
  if (value?.is === 'number') return value.integer.toString();
  // Compared for equality only, so any short text serves.
  return value?.is === 'octets' ? new TextDecoder().decode(value.octets).slice(0, 100) : undefined;
}

function isSentinel(profile: SnmpProfile, read: SnmpRead, integer: bigint): boolean {
  return profile.sentinels.some(
    (sentinel) =>
      sentinel.as === read.as &&
      (sentinel.channel === undefined || sentinel.channel === read.channel) &&
      sentinel.raw === integer.toString(),
  );
}

/** What a read means at the digits that the device tells: worked out once, since they hardly ever change. */
const counters = new WeakMap<SnmpCounterRead, Map<number, CounterMeaning | undefined>>();
const gauges = new WeakMap<SnmpRead, Map<number, GaugeMeaning>>();
const FIXED_DIGITS = -1;

function counterAt(read: SnmpCounterRead, digits: number | undefined): CounterMeaning | undefined {
  const known = counters.get(read) ?? new Map<number, CounterMeaning | undefined>();
  counters.set(read, known);
  const key = digits ?? FIXED_DIGITS;
  if (!known.has(key)) known.set(key, counterMeaning(read, digits));
  return known.get(key);
}

function counterMeaning(
  read: SnmpCounterRead,
  digits: number | undefined,
): CounterMeaning | undefined {
  const { unit, means, resolution } = read;
  const by = digits === undefined ? (read.scale?.by ?? 1) : Number(`1e-${String(digits)}`);
  // A count must be whole µJ, or energy could not be exact.
  if (digits !== undefined && UNIT_UJ[unit] % 10n ** BigInt(digits) !== 0n) return undefined;
  return {
    unit,
    means,
    scale: { by },
    resolution: resolution === 'digits' ? by : resolution,
    wraps: wrapOf(read.wraps, digits ?? 0),
  };
}

const wrapOf = (wraps: SnmpCounterRead['wraps'], digits: number): CounterMeaning['wraps'] =>
  typeof wraps === 'object' && 'at_count' in wraps
    ? { at: Number(`${String(wraps.at_count)}e-${String(digits)}`) }
    : wraps;

function gaugeAt(
  read: Extract<SnmpRead, { kind: 'gauge' }>,
  digits: number | undefined,
): GaugeMeaning {
  if (digits === undefined) return read;
  const known = gauges.get(read) ?? new Map<number, GaugeMeaning>();
  gauges.set(read, known);
  let meaning = known.get(digits);
  if (meaning === undefined) {
    const { channel, unit, range } = read;
    meaning = { channel, unit, range, scale: { by: Number(`1e-${String(digits)}`) } };
    known.set(digits, meaning);
  }
  return meaning;
}

const latchUj = (latch: number, { unit }: SnmpCounterRead): bigint =>
  BigInt(Math.round(latch)) * UNIT_UJ[unit];
