// The node message, version 1: what the agent on a node says its chips count (design §7). Read strictly and with bounds:
// it comes over a network from machines that run other people's jobs. (boot_id, seq) makes it idempotent.
import { UNKNOWN_CONFIG, type ConfigFingerprint } from '../quantity/config-fingerprint.ts';
import { refuse, type Refusal } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';
import { fieldAt, parseJson } from './json-field.ts';
import {
  COUNTER_UNITS,
  GAUGE_QUANTITIES,
  SYNC_STATES,
  type CounterUnit,
  type GaugeQuantity,
  type SyncState,
} from './profile-words.ts';

export interface NodeCounter {
  /** `rapl:package-0`, `nvml:<uuid>`. */
  readonly source: string;
  readonly unit: CounterUnit;
  readonly count: bigint;
  /** The largest value the counter holds, where the node knows it. */
  readonly max: bigint | undefined;
}
interface NodeGauge {
  readonly source: string;
  readonly quantity: GaugeQuantity;
  readonly reading: number;
}
export interface NodeMessage {
  readonly node: string;
  readonly bootId: string;
  readonly seq: bigint;
  /** When the counters were read, by the node's clock; undefined where the node does not say. */
  readonly timeNs: InstantNs | undefined;
  readonly sync: {
    readonly state: SyncState;
    /** Node clock minus UTC as its time daemon estimates it; reported, not applied. */
    readonly offsetMs: number;
    /** Standard uncertainty of that; undefined where unknown. */
    readonly uMs: number | undefined;
  };
  readonly counters: readonly NodeCounter[];
  readonly gauges: readonly NodeGauge[];
  /** What the node says of its configuration; undefined where it says nothing. */
  readonly config: ConfigFingerprint | undefined;
}

const COUNTERS_MAX_COUNT = 1024;
const GAUGES_MAX_COUNT = 4096;
const INTEGER = /^\d{1,20}$/;
/** As makers write them, with spaces. */
const VERSION = /^[\x20-\x7e]{1,128}$/;
const NAME = /^[\x21-\x7e]{1,128}$/;

/** The message, or why it is none: `decode.unknown-node` for another version, `decode.malformed` for the rest. */
export function parseNodeMessage(bytes: Uint8Array): NodeMessage | Refusal {
  const parsed = parseJson(bytes);
  if (!parsed) return malformed('it is no JSON text of less than 256 KiB');
  const { json } = parsed;
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return malformed('it is no JSON object');
  const version = fieldAt(json, ['v']);
  if (version !== 1)
    return refuse('decode.unknown-node', 'its version v is not 1', 'update the agent or trueup');
  const node = nameAt(json, 'node');
  if (node === undefined) return malformed('node is no name');
  const bootId = nameAt(json, 'boot_id');
  if (bootId === undefined) return malformed('boot_id is no name');
  const seq = integerOf(fieldAt(json, ['seq']));
  if (seq === undefined) return malformed('seq is no integer text');
  const time = fieldAt(json, ['time_ns']);
  const timeNs = integerOf(time);
  if (time !== undefined && time !== null && timeNs === undefined)
    return malformed('time_ns is no integer text');
  const sync = syncOf(fieldAt(json, ['sync']));
  if (sync === undefined) return malformed('sync is not {state, offset_ms, u_ms}');
  const counters = listOf(fieldAt(json, ['counters']), COUNTERS_MAX_COUNT, counterOf);
  if (counters === undefined) return malformed('a counter is not {source, unit, value, max}');
  if (repeats(counters.map(({ source }) => source))) return malformed('a counter comes twice');
  const gauges = listOf(fieldAt(json, ['gauges']) ?? [], GAUGES_MAX_COUNT, gaugeOf);
  if (gauges === undefined) return malformed('a gauge is not {source, quantity, value}');
  if (repeats(gauges.map(({ source, quantity }) => `${source} ${quantity}`)))
    return malformed('a gauge comes twice');
  const said = fieldAt(json, ['config']) ?? undefined;
  const config = said === undefined ? undefined : configOf(said);
  if (said !== undefined && config === undefined)
    return malformed('config is not {driver, bios, psu_count, power_limits_w, chips}');
  const stamp = timeNs === undefined ? undefined : instantNs(timeNs);
  return { node, bootId, seq, timeNs: stamp, sync, counters, gauges, config };
}

const malformed = (because: string): Refusal =>
  refuse('decode.malformed', because, 'compare it with the node message in the documentation');

const repeats = (names: readonly string[]): boolean => new Set(names).size !== names.length;

/** Integers travel as text: a JSON number loses them above 2^53. */
function integerOf(field: unknown): bigint | undefined {
  return typeof field === 'string' && INTEGER.test(field) ? BigInt(field) : undefined;
}

function nameAt(json: object, key: string): string | undefined {
  const field = fieldAt(json, [key]);
  return typeof field === 'string' && NAME.test(field) ? field : undefined;
}

function listOf<Item>(
  field: unknown,
  most: number,
  read: (item: object) => Item | undefined,
): readonly Item[] | undefined {
  if (!Array.isArray(field) || field.length > most) return undefined;
  const items: Item[] = [];
  for (const entry of field as readonly unknown[]) {
    const item = typeof entry === 'object' && entry !== null ? read(entry) : undefined;
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function counterOf(entry: object): NodeCounter | undefined {
  const source = nameAt(entry, 'source');
  const unit = COUNTER_UNITS.find((known) => known === fieldAt(entry, ['unit']));
  const count = integerOf(fieldAt(entry, ['value']));
  const said = fieldAt(entry, ['max']) ?? undefined;
  const max = integerOf(said);
  if (source === undefined || unit === undefined || count === undefined) return undefined;
  if (said !== undefined && max === undefined) return undefined;
  return { source, unit, count, max };
}

function gaugeOf(entry: object): NodeGauge | undefined {
  const source = nameAt(entry, 'source');
  const quantity = GAUGE_QUANTITIES.find((known) => known === fieldAt(entry, ['quantity']));
  const said = fieldAt(entry, ['value']);
  const text = typeof said === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(said);
  const reading = typeof said === 'number' || text ? Number(said) : NaN;
  if (source === undefined || quantity === undefined || !Number.isFinite(reading)) return undefined;
  return { source, quantity, reading };
}

/** Known keys only: what else an agent may add is not kept. A key that is there must be what it is said to be. */
function configOf(field: unknown): ConfigFingerprint | undefined {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return undefined;
  const driver = versionAt(field, 'driver');
  const bios = versionAt(field, 'bios');
  const supplyCount = fieldAt(field, ['psu_count']) ?? undefined;
  const limits = fieldAt(field, ['power_limits_w']) ?? {};
  const chips = fieldAt(field, ['chips']) ?? [];
  if (driver === false || bios === false) return undefined;
  if (supplyCount !== undefined && !isSupplyCount(supplyCount)) return undefined;
  if (typeof limits !== 'object' || Array.isArray(limits)) return undefined;
  if (!Array.isArray(chips) || chips.length > COUNTERS_MAX_COUNT || !chips.every(isName)) {
    return undefined;
  }
  const powerLimitsW = new Map<string, number>();
  for (const [source, limitW] of Object.entries(limits)) {
    if (!NAME.test(source) || !isLimit(limitW)) return undefined;
    powerLimitsW.set(source, limitW);
  }
  if (powerLimitsW.size > COUNTERS_MAX_COUNT) return undefined;
  return { ...UNKNOWN_CONFIG, driver, bios, supplyCount, powerLimitsW, chips: [...chips].sort() };
}

/** undefined where the key is not there, false where it is no version. */
function versionAt(json: object, key: string): string | undefined | false {
  const field = fieldAt(json, [key]) ?? undefined;
  if (field === undefined) return undefined;
  return typeof field === 'string' && VERSION.test(field) ? field : false;
}

const isName = (field: unknown): field is string => typeof field === 'string' && NAME.test(field);
const isSupplyCount = (field: unknown): field is number =>
  typeof field === 'number' && Number.isInteger(field) && field >= 1 && field <= 64;
const isLimit = (field: unknown): field is number =>
  typeof field === 'number' && field >= 0 && field <= 1e6;

function syncOf(field: unknown): NodeMessage['sync'] | undefined {
  if (field === undefined) return { state: 'unknown', offsetMs: 0, uMs: undefined };
  const state = SYNC_STATES.find((known) => known === fieldAt(field, ['state']));
  const offsetMs = fieldAt(field, ['offset_ms']) ?? 0;
  const uMs = fieldAt(field, ['u_ms']) ?? undefined;
  if (state === undefined || !isDelay(offsetMs)) return undefined;
  if (uMs !== undefined && (!isDelay(uMs) || uMs < 0)) return undefined;
  return { state, offsetMs, uMs };
}

// A clock that is off by more than 12 days is not "synchronised with an offset", and the sum must stay a safe number.
const isDelay = (field: unknown): field is number =>
  typeof field === 'number' && Number.isFinite(field) && Math.abs(field) <= 1e9;
