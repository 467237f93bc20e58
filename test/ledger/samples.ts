// Exchanges, statements and ledgers that the tests of this room use.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { NO_FLAGS } from '../../src/quantity/exchange.ts';
import type { IntervalStatement } from '../../src/quantity/statement.ts';
import { durationNs, instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { joules, microjoules, watts } from '../../src/quantity/units.ts';
import { openLedger, type OpenLedger } from '../../src/ledger/index.ts';
import type { LedgerOptions } from '../../src/ledger/index.ts';

const START_NS = instantNs(1_780_000_000_000_000_000n);

export const atSecond = (second: number): InstantNs =>
  instantNs(START_NS + BigInt(second) * 1_000_000_000n);

export function exchange(index: number, over: Partial<Exchange> = {}): Exchange {
  const atNs = atSecond(index);
  return {
    source: `m${String(index % 3)}`,
    form: 'modbus-tcp',
    request: Buffer.from([0, index & 0xff, 0, 0, 0, 6, 1, 4, 0, 0, 0, 20]),
    reply: Buffer.from(Array.from({ length: 49 }, (_, at) => (at * 7 + index) & 0xff)),
    sentNs: atNs,
    firstByteNs: instantNs(atNs + 1_000_000n),
    lastByteNs: instantNs(atNs + 2_000_000n),
    fault: undefined,
    flags: NO_FLAGS,
    ...over,
  };
}

export function statement(index: number, over: Partial<IntervalStatement> = {}): IntervalStatement {
  const startNs = atSecond(index * 900);
  const energyUj = microjoules(123_456_789_012_345n + BigInt(index));
  const anchor = { atNs: startNs, energyUj };
  return {
    point: 'feed/a7',
    kind: 'metered',
    startNs,
    durationNs: durationNs(900_000_000_000n),
    energyUj,
    uncertainty: {
      systematicJ: joules(12.5),
      independentJ: joules(0.25),
      edgeJ: joules(3),
      dof: Infinity,
    },
    quality: 'actual',
    method: 'register',
    tier: 1,
    version: 1,
    supersedes: '',
    powerMeanW: watts(431.25),
    powerMaxW: undefined,
    because: undefined,
    coveredNs: durationNs(893_123_456_789n),
    anchors: [{ source: 'm1', edge: 'from', energyUj, before: anchor, after: anchor }],
    flags: ['edge-bracket-wide'],
    model: '',
    core: '0.1.0+abc',
    ...over,
  };
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'trueup-ledger-'));

export function openAt(dataDir: string, over: Partial<LedgerOptions> = {}): Promise<OpenLedger> {
  let second = 0;
  return openLedger(dataDir, { rehearsal: false, nowNs: () => atSecond(second++), ...over });
}

/** All records, as text that can be compared. */
export async function recordsOf(ledger: Pick<OpenLedger, 'journal'>, from = 0): Promise<string[]> {
  const found: string[] = [];
  for await (const record of ledger.journal.scan(from)) {
    found.push(record.is === 'exchange' ? describe(record.exchange) : record.event.kind);
  }
  return found;
}

export const describe = (of: Exchange): string =>
  [
    of.source,
    of.form,
    Buffer.from(of.request).toString('hex'),
    Buffer.from(of.reply).toString('hex'),
    of.sentNs,
    of.firstByteNs,
    of.lastByteNs,
    of.fault,
    JSON.stringify(of.flags),
  ].join('|');
