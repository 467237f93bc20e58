// Deterministic simulation: statements come late, provisional first, in any order and in batches, while the machine stops at
// chance instants in the middle of writing; whatever happened, the settlement has the same lines. One seed is one run.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { lineBytes, lineRoot, openLedger } from '../../../src/ledger/index.ts';
import type { OpenLedger } from '../../../src/ledger/ledger.ts';
import { settlementLineJson } from '../../../src/publish/settlement-json.ts';
import type { IntervalStatement } from '../../../src/quantity/statement.ts';
import { PeriodSettlement } from '../../../src/settle/accounts/settle-period.ts';
import { FakeDisk } from '../../ledger/fake-disk.ts';
import { atSecond } from '../../ledger/samples.ts';
import {
  account,
  decimal,
  meter,
  planOf,
  quarter,
  QUARTER,
  rest,
  tariff,
  to,
  used,
} from './plans.ts';

const QUARTERS = 24;

/** mulberry32. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const plan = planOf(
  [
    account('a', { tariff: tariff({ demandPrice: decimal('8') }) }),
    account('b'),
    rest('rest', '50'),
  ],
  [
    meter('feed/in', {
      is: 'children',
      children: ['outlet/1', 'outlet/2'],
      losses: undefined,
      unaccounted: 'rest',
    }),
    meter('outlet/1', to('a'), [12, to('b')]),
    meter('outlet/2', {
      is: 'shares',
      shares: [
        { account: 'a', weight: 2n },
        { account: 'b', weight: 1n },
      ],
    }),
  ],
);

/** What is to be known in the end: of some intervals a provisional version first. */
function truth(at: number): IntervalStatement[] {
  const energyUj = 10n ** 11n + BigInt(at * at) * 1_234_567n;
  return [
    used('feed/in', at, energyUj),
    used('outlet/1', at, energyUj / 2n),
    used('outlet/2', at, energyUj / 3n),
  ];
}

function settle(statements: Pick<OpenLedger['statements'], 'between'>) {
  const period = { fromNs: quarter(0), untilNs: quarter(QUARTERS) };
  const settlement = new PeriodSettlement(plan, period, QUARTER, {
    offsetOf: () => 0n,
    digest: () => {
      const hash = createHash('sha256');
      return { add: (hex) => void hash.update(hex, 'hex'), hex: () => hash.digest('hex') };
    },
  });
  for (let at = 0; at < QUARTERS; at++) {
    const found = statements.between(quarter(at), quarter(at + 1));
    settlement.take(
      quarter(at),
      new Map(found.map((one) => [`${one.statement.point}|${one.statement.kind}`, one])),
    );
  }
  const { lines, refusals } = settlement.finish();
  // The hash over the statements has their versions, and these tell of what happened.
  const plain = lines.map(settlementLineJson).map((line) => ({ ...line, statements_sha256: '' }));
  return { root: lineRoot(plain.map(lineBytes)), refused: refusals.map(({ code }) => code) };
}

const openOn = (disk: FakeDisk): Promise<OpenLedger> =>
  openLedger('/data', {
    rehearsal: false,
    nowNs: () => atSecond(0),
    files: disk,
    indexPath: ':memory:',
  });

/** Appends until everything is in the newest version; the machine stops now and then. */
async function live(seed: number): Promise<{ root: string; refused: string[]; crashes: number }> {
  const random = dice(seed);
  const wanted = Array.from({ length: QUARTERS }, (_, at) => truth(at)).flat();
  let disk = new FakeDisk();
  let ledger = await openOn(disk);
  let crashes = 0;
  for (let round = 0; round < 400; round++) {
    const batch: IntervalStatement[] = [];
    for (const final of wanted) {
      if (random() > 0.15) continue;
      const known = ledger.statements.current(final.point, final.kind, final.startNs);
      const isDone = known?.statement.quality === 'actual';
      // The service issues no version of what is known in its final form.
      if (
        isDone ||
        batch.some((one) => one.point === final.point && one.startNs === final.startNs)
      ) {
        continue;
      }
      const early = known === undefined && random() < 0.4;
      batch.push({
        ...final,
        ...(early ? { quality: 'provisional' as const } : {}),
        version: (known?.statement.version ?? 0) + 1,
        supersedes: known?.sha256 ?? '',
      });
    }
    batch.sort(() => random() - 0.5);
    if (random() < 0.2) {
      const form = (['before', 'after', 'torn'] as const)[Math.floor(random() * 3)] ?? 'torn';
      disk.fault = { atCall: disk.calls.length + 1 + Math.floor(random() * 12), form, crash: true };
    }
    try {
      await ledger.log.append(batch.map((statement) => ({ type: 'statement', statement })));
    } catch {
      crashes += 1;
      await ledger.close().catch(() => undefined);
      const keepRatio = random();
      disk = disk.afterCrash(({ volatileBytes }) => ({
        keptBytes: Math.floor(volatileBytes * keepRatio),
        garbage: random() < 0.3,
      }));
      disk.names.delete('/data/lock');
      ledger = await openOn(disk);
    }
    disk.fault = undefined;
    const missing = wanted.filter(
      ({ point, kind, startNs }) =>
        ledger.statements.current(point, kind, startNs)?.statement.quality !== 'actual',
    );
    if (missing.length === 0) break;
  }
  const outcome = settle(ledger.statements);
  await ledger.close();
  return { ...outcome, crashes };
}

test('whatever order, crash and lateness, the lines are the same', async () => {
  const seeds = Array.from({ length: 25 }, (_, at) => 1000 + at);
  const fixed = process.env['TRUEUP_SEED'];
  const quiet = await openOn(new FakeDisk());
  const all = Array.from({ length: QUARTERS }, (_, at) => truth(at)).flat();
  await quiet.log.append(all.map((statement) => ({ type: 'statement', statement })));
  const expected = settle(quiet.statements);
  await quiet.close();
  let crashes = 0;
  for (const seed of fixed === undefined ? seeds : [Number(fixed)]) {
    const outcome = await live(seed);
    crashes += outcome.crashes;
    expect(outcome.refused, `TRUEUP_SEED=${String(seed)}`).toEqual(expected.refused);
    expect(outcome.root, `TRUEUP_SEED=${String(seed)}`).toBe(expected.root);
  }
  expect(expected.refused).toEqual([]);
  // A simulation in which nothing goes wrong is none.
  if (fixed === undefined) expect(crashes).toBeGreaterThan(10);
}, 120_000);
