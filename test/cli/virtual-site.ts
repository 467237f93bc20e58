// Days of a small site without a wire: two meters on Modbus TCP feed a node whose agent sends counters. Their bytes go into
// the journal of a real ledger as wires would bring them, and the real service takes them up at each start, a day at a time.
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { runSite } from '../../src/main.ts';
import { type Exchange, NO_FLAGS } from '../../src/quantity/exchange.ts';
import { instantNs, type InstantNs, parseInstant } from '../../src/quantity/time.ts';
import type { SettledRow } from '../../src/serve/rack-view.ts';
import { until } from '../transport/wire-bench.ts';

const VIRTUAL_SITE = `site: virtual
interval: 15min
settle_after: 2min
listen: 127.0.0.1:0
wires:
  pdu: { transport: modbus-tcp, host: 127.0.0.1, port: 9 }
  broker: { transport: mqtt, url: mqtt://127.0.0.1:9, client_id: virtual }
instruments:
  a: { profile: eastron-sdm630, wire: pdu, unit: 1, poll: 60s }
  b: { profile: siemens-pac3200, wire: pdu, unit: 2, poll: 60s }
  chips: { profile: node-rapl-nvml, wire: broker, topic: trueup/1/virtual/n1/chips, poll: 30s }
points:
  feed/a: { meter: a }
  feed/b: { meter: b }
nodes:
  n1: { fed_by: [feed/a, feed/b], chips: chips }
`;

const FIRST_DAY = parseInstant('2026-10-01T00:00:00Z') ?? instantNs(0n);
const DAY_S = 86_400;
const STEP_S = 30;
const RAPL_STEPS = 2n ** 32n;
const RAPL_MOST = ((RAPL_STEPS - 1n) * 61_035n) / 1000n;

/** What goes wrong, by seconds since the first day; nothing where it is left out. */
interface Mishaps {
  /** Meter a does not answer. */
  readonly isSilent?: (second: number) => boolean;
  /** Meter a answers zeros. */
  readonly isZero?: (second: number) => boolean;
  /** The node starts anew. */
  readonly rebootsAt?: number;
  /** The agent does not send. */
  readonly isMute?: (second: number) => boolean;
}

export class VirtualSite {
  readonly dataDir: string;
  readonly #mishaps: Mishaps;
  readonly #profiles = loadProfiles();
  #second = 0;
  #cpuJ = 0;
  #gpuJ = 0;
  #wallJ = 0;
  #boot = 1;
  #seq = 0;
  #state = 1;

  constructor(dataDir: string, mishaps: Mishaps = {}) {
    this.dataDir = dataDir;
    this.#mishaps = mishaps;
  }

  /** Energy through feed a since the first day, J: the truth. */
  get feedJ(): number {
    return 0.6 * this.#wallJ;
  }

  /** Lives a day, or so many seconds, and lets the service settle it; rows in the order in which they were settled. */
  async live(lengthS = DAY_S): Promise<readonly SettledRow[]> {
    const fromS = this.#second;
    const ledger = await openLedger(this.dataDir, {
      rehearsal: false,
      nowNs: () => this.#at(fromS),
      profileOf: () => '',
    });
    let newest: Promise<unknown> = Promise.resolve();
    for (; this.#second < fromS + lengthS; this.#second += STEP_S) {
      for (const exchange of this.#step(this.#second)) newest = ledger.journal.append(exchange);
    }
    await newest;
    await ledger.close();
    return this.#settle();
  }

  #at(second: number): InstantNs {
    return instantNs(FIRST_DAY + BigInt(Math.round(second * 1000)) * 1_000_000n);
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** Jobs of some minutes on a daily rhythm; the wall follows the chips at once, with a little noise. */
  #step(second: number): readonly Exchange[] {
    const busy = Math.sin(second / 370) > 0.2 ? 1 : 0;
    const cpuW = 55 + 30 * busy + 6 * this.#random();
    const gpuW = 70 + 260 * busy * (0.6 + 0.4 * Math.sin(second / 5000) ** 2) + 8 * this.#random();
    this.#cpuJ += cpuW * STEP_S;
    this.#gpuJ += gpuW * STEP_S;
    const wallW = 48 + 1.09 * cpuW + 1.13 * gpuW + 2 * (this.#random() - 0.5);
    this.#wallJ += wallW * STEP_S;
    const endS = second + STEP_S;
    const { isSilent, isZero, rebootsAt, isMute } = this.#mishaps;
    const exchanges: Exchange[] = [];
    if (rebootsAt === second) {
      this.#boot += 1;
      this.#cpuJ = 0;
      this.#gpuJ = 0;
    }
    if (isMute?.(second) !== true) exchanges.push(this.#message(endS));
    if (endS % 60 !== 0) return exchanges;
    const power = (share: number): Buffer => floats([wallW * share]);
    const zero = isZero?.(second) === true;
    const countKwh = zero ? 0 : Math.floor((this.feedJ + 4.4424e9) / 36_000) / 100;
    const silent = isSilent?.(second) === true;
    exchanges.push(modbus('a', 1, 4, [0x34, 2], power(0.6), this.#at(endS + 0.011), silent));
    const energy = floats([countKwh]);
    exchanges.push(modbus('a', 1, 4, [0x48, 2], energy, this.#at(endS + 0.032), silent));
    const countWh = Buffer.alloc(16);
    countWh.writeDoubleBE(Math.floor(0.4 * (this.#wallJ / 3600) + 7_000_000), 0);
    countWh.writeDoubleBE(1234, 8);
    exchanges.push(modbus('b', 2, 3, [0x41, 2], power(0.4), this.#at(endS + 0.051), false));
    exchanges.push(modbus('b', 2, 3, [0x0321, 8], countWh, this.#at(endS + 0.067), false));
    return exchanges;
  }

  #message(second: number): Exchange {
    const register = (BigInt(Math.floor(this.#cpuJ * 1e9)) / 61_035n) % RAPL_STEPS;
    this.#seq += 1;
    const body = {
      v: 1,
      node: 'n1',
      boot_id: `boot-${String(this.#boot)}`,
      seq: String(this.#seq),
      time_ns: String(this.#at(second)),
      sync: { state: 'synchronised', offset_ms: 0.2, u_ms: 1.5 },
      counters: [
        {
          source: 'rapl:package-0',
          unit: 'uJ',
          value: String((register * 61_035n) / 1000n),
          max: String(RAPL_MOST),
        },
        { source: 'nvml:GPU-1', unit: 'mJ', value: String(Math.floor(this.#gpuJ * 1000)) },
      ],
    };
    const topic = 'trueup/1/virtual/n1/chips';
    const atNs = this.#at(second + 0.25);
    return {
      source: 'chips',
      form: 'mqtt',
      request: Buffer.from(topic),
      reply: Buffer.from(JSON.stringify(body)),
      sentNs: atNs,
      firstByteNs: atNs,
      lastByteNs: atNs,
      fault: undefined,
      flags: { ...NO_FLAGS, packetId: (this.#seq % 60_000) + 1 },
    };
  }

  async #settle(): Promise<readonly SettledRow[]> {
    const rows: SettledRow[] = [];
    let failure: unknown;
    let turns = 0n;
    const nowNs = this.#at(this.#second + 130);
    const running = await runSite(parseSite(VIRTUAL_SITE, 'site.yaml', this.#profiles), {
      // Civil time stands at the end of what was lived; some real time passes with every look, so that fits have their turn.
      clock: { nowNs: () => nowNs, monotonicNs: () => (turns += 200_000_000n), speedRatio: 1 },
      clockState: () => ({ synchronised: true, uncertaintyS: 0.001 }),
      timers: { ...systemTimers, every: (_, run) => systemTimers.every(5, run) },
      dataDir: this.dataDir,
      profiles: this.#profiles,
      core: 'virtual',
      seed: 1,
      report: {
        settled: (more) => rows.push(...more),
        fitted: () => undefined,
        refreshed: () => undefined,
        note: () => undefined,
      },
      fail: (cause) => {
        failure = cause;
      },
    });
    // An hour of margin holds what is still open at the end of the day.
    const lastNs = instantNs(FIRST_DAY + (BigInt(this.#second) - 3600n) * 1_000_000_000n);
    const isThere = (kind: string): boolean =>
      rows.some((row) => row.kind === kind && row.startNs >= lastNs);
    await until(
      () => failure !== undefined || (isThere('metered') && isThere('chip')),
      120_000,
      'the day was not settled',
    );
    await running.stop();
    if (failure !== undefined) throw new Error('the service failed', { cause: failure });
    return rows;
  }
}

const floats = (numbers: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, at) => bytes.writeFloatBE(number, 4 * at));
  return bytes;
};

/** A question and its answer as a Modbus TCP wire keeps them. */
function modbus(
  source: string,
  unit: number,
  code: number,
  [address, count]: readonly [number, number],
  registers: Buffer,
  atNs: InstantNs,
  silent: boolean,
): Exchange {
  const request = Buffer.alloc(12);
  request.writeUInt16BE(address, 0);
  request.writeUInt16BE(6, 4);
  request.set([unit, code], 6);
  request.writeUInt16BE(address, 8);
  request.writeUInt16BE(count, 10);
  const head = Buffer.alloc(9);
  head.writeUInt16BE(address, 0);
  head.writeUInt16BE(3 + registers.length, 4);
  head.set([unit, code, registers.length], 6);
  return {
    source,
    form: 'modbus-tcp',
    request,
    reply: silent ? Buffer.alloc(0) : Buffer.concat([head, registers]),
    sentNs: atNs,
    firstByteNs: instantNs(atNs + 4_000_000n),
    lastByteNs: instantNs(atNs + 5_000_000n),
    fault: silent ? 'transport.timeout' : undefined,
    flags: NO_FLAGS,
  };
}
