// `trueup settle` as a user runs it: on a ledger of one day, alone and beside a service, twice and with late data.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { parseAccounts } from '../../src/cli/settle/accounts-file.ts';
import { civilPeriod } from '../../src/cli/local-time.ts';
import { readLedger } from '../../src/ledger/index.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { formatInstant } from '../../src/quantity/time.ts';
import { quarter, QUARTER, used } from '../settle/accounts/plans.ts';
import { openAt, temporaryFolder } from '../ledger/samples.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const site = join(folder, 'site.yaml');
const accounts = join(folder, 'accounts.yaml');
const settled = join(data, 'settlements/test/20261101T000000Z--20261102T000000Z');

const ACCOUNTS = `
settlement: test
accounts:
  tenant-a: { tariff: plain }
  tenant-b: {}
  rest: { kind: unaccounted, limit_percent: "5" }
meters:
  feed/inlet: { rules: [{ children: [outlet/1, outlet/2], unaccounted: rest }] }
  outlet/1: { rules: [{ account: tenant-a }, { from: 2026-11-01T12:00Z, account: tenant-b }] }
  outlet/2: { rules: [{ account: tenant-b }] }
tariffs:
  plain: { currency: EUR, energy_price: "0.30" }
`;
const SITE = `
site: here
wires: { pdu: { transport: modbus-tcp, host: 127.0.0.1 } }
instruments: { m1: { profile: siemens-pac3200, wire: pdu } }
points: { feed/inlet: { meter: m1 } }
`;

async function trueup(...argv: string[]) {
  const said = { out: '', err: '' };
  const code = await main(argv, {
    out: (line) => (said.out += `${line}\n`),
    err: (line) => (said.err += `${line}\n`),
    interactive: false,
    widthCount: 120,
  });
  return { code, ...said };
}
const settle = (...more: string[]) =>
  trueup('settle', '--site', site, '--accounts', accounts, '--data', data, ...more);

const dayOf = (missing: number) =>
  Array.from({ length: 96 }, (_, at) => [
    used('feed/inlet', at, 1_000_000_000n),
    used('outlet/1', at, 600_000_000n),
    used('outlet/2', at, at < missing ? undefined : 390_000_000n),
  ]).flat();

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(site, SITE);
  writeFileSync(accounts, ACCOUNTS);
  const ledger = await openAt(data);
  await ledger.log.append(dayOf(1).map((statement) => ({ type: 'statement', statement })));
  await ledger.close();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const linesIn = (version: string): Record<string, unknown>[] =>
  readFileSync(join(settled, version, 'lines.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a day', () => {
  test('is shown without being written', async () => {
    const { code, out } = await settle('--period', '2026-11-01', '--dry-run');
    expect(code).toBe(0);
    expect(out).toMatch(/^tenant-a +0.008 kWh ± .*0.00 EUR$/m);
    expect((await readLedger(data)).settlements()).toEqual([]);
  });

  test('is settled, and its entry, lines and proof are there', async () => {
    const { code, out } = await settle('--period', '2026-11-01');
    expect(out).toMatch(/^version 1 is leaf 289, with its proof/m);
    expect(code).toBe(0);
    const lines = linesIn('v1');
    const totals: unknown = Object.fromEntries(
      lines
        .filter(({ line }) => line === 'total')
        .map((line) => [line['account'], line['energy_uj']]),
    );
    // One quarter of outlet/2 is missing: its 390 J are unaccounted for, beside 10 J of each of the others.
    expect(totals).toEqual({
      'tenant-a': String(48 * 600_000_000),
      'tenant-b': String(48 * 600_000_000 + 95 * 390_000_000),
      rest: String(95 * 10_000_000 + 400_000_000),
    });
    const meters = lines.filter(({ line }) => line === 'meter');
    expect(meters.map(({ meter, settled: count }) => [meter, count])).toEqual([
      ['feed/inlet', 96],
      ['outlet/1', 96],
      ['outlet/2', 95],
    ]);
    const entry = JSON.parse(readFileSync(join(settled, 'v1/entry.json'), 'utf8')) as object;
    expect(entry).toMatchObject({
      type: 'settlement',
      document: { standing: 'final', version: 1, lines_count: lines.length, supersedes: '' },
    });
    expect(await trueup('ledger', 'verify', data)).toMatchObject({ code: 0 });
  });

  test('after a crash between the entry and its proof, has both again by the same command', async () => {
    const kept = ['entry.json', 'settlement.tlog-proof'].map((name) => join(settled, 'v1', name));
    const before = kept.map((path) => readFileSync(path, 'utf8'));
    for (const path of kept) rmSync(path);
    expect(await settle('--period', '2026-11-01')).toMatchObject({
      code: 0,
      err: expect.stringContaining('were missing') as string,
    });
    expect(kept.map((path) => readFileSync(path, 'utf8'))).toEqual(before);
    // No second entry was made for it.
    expect(await trueup('ledger', 'verify', data)).toMatchObject({ code: 0 });
    expect(await settle('--period', '2026-11-01')).toMatchObject({ code: 3 });
  });

  test('is not settled again without a reason, nor in a period that overlaps', async () => {
    expect(await settle('--period', '2026-11-01')).toMatchObject({
      code: 3,
      err: expect.stringContaining('--reason') as string,
    });
    expect(await settle('--period', '2026-11')).toMatchObject({
      code: 2,
      err: expect.stringContaining('overlaps') as string,
    });
    expect(await settle('--period', '2026-11-01', '--reason', 'to be sure')).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing changed') as string,
    });
  });

  test('with late data is a difference with its reason, taken by the service that holds the ledger', async () => {
    const service = await openAt(data);
    const [first] = service.statements
      .between(quarter(0), quarter(1))
      .filter(({ statement }) => statement.point === 'outlet/2');
    await service.log.append([
      {
        type: 'statement',
        statement: used('outlet/2', 0, 390_000_000n, { version: 2, supersedes: first!.sha256 }),
      },
    ]);
    const taking = setInterval(() => void service.appendHandedIn(), 50);
    const ran = await settle('--period', '2026-11-01', '--reason', 'outlet/2 came late');
    clearInterval(taking);
    await service.close();
    expect(ran).toMatchObject({ code: 0 });
    expect(linesIn('v2').filter(({ line }) => line === 'difference')).toMatchObject(
      [
        { account: 'rest', of: 'energy', meter: 'feed/inlet', energy_uj: '-390000000' },
        { account: 'tenant-b', of: 'energy', meter: 'outlet/2', energy_uj: '390000000' },
        { account: 'rest', of: 'remainder' },
        { account: 'tenant-b', of: 'remainder' },
      ].map(({ account, ...more }) => expect.objectContaining({ account, ...more }) as object),
    );
    const reader = await readLedger(data);
    const [one, two] = reader.settlements();
    reader.close();
    expect(two?.document).toMatchObject({
      version: 2,
      supersedes: one?.sha256,
      reason: 'outlet/2 came late',
    });
    expect(await trueup('ledger', 'verify', data)).toMatchObject({ code: 0 });
  });

  test('that is incomplete is refused, or said to be provisional, with the gates', async () => {
    const refused = await settle('--period', '2026-11-02');
    expect(refused.err).toMatch(/settle.incomplete/);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toMatch(/settle\.incomplete: feed\/inlet has 0 of 96/);
    expect(await settle('--period', '2026-11-02', '--provisional')).toMatchObject({ code: 0 });
    const reader = await readLedger(data);
    expect(reader.settlements().at(-1)?.document).toMatchObject({ standing: 'provisional' });
    reader.close();
  });
});

describe('the accounts file', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/accounts-file.md'), 'utf8');
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];

  test('of the document is one', () => {
    const { plan, zone } = parseAccounts(example, 'docs', QUARTER);
    expect(plan.meters.length).toBe(6);
    expect(zone).toBe('Europe/Berlin');
  });

  test.each<[string, string, string, RegExp]>([
    [
      'an account that is not there',
      'account: tenant-a\n      - {',
      'account: nobody\n      - {',
      /no account "nobody"/,
    ],
    [
      'a rule within an interval',
      'from: 2026-11-15,',
      'from: 2026-11-15T00:07Z,',
      /lies within an interval/,
    ],
    ['two ways at once', '- joins: feed/a7', '- { joins: feed/a7, account: tenant-a }', /one way/],
    ['a rest without a limit', ', limit_percent: "3"', '', /has a limit/],
    [
      'a rest that somebody pays',
      'unaccounted: unaccounted\n  outlet/1',
      'unaccounted: tenant-a\n  outlet/1',
      /not of kind/,
    ],
    ['a price that is no text', '"0.2710"', '0.2710', /energy_price/],
    ['a zone that is none', 'Europe/Berlin', 'Europe/Trueup', /no time zone/],
    ['a day that is none', 'due: 2027-03-01', 'due: 2027-02-30', /no such day/],
    ['a key that is unknown', 'uplift:', 'upfilt:', /upfilt/],
    ['a bucket over midnight', 'to: "20:00"', 'to: "06:00"', /ends before/],
  ])('%s is told', (_name, from, to, what) => {
    expect(example).toContain(from);
    const wrong = example.replace(from, to);
    expect(() => parseAccounts(wrong, 'accounts.yaml', QUARTER)).toThrow(SiteFault);
    expect(() => parseAccounts(wrong, 'accounts.yaml', QUARTER)).toThrow(what);
  });

  test('a billing month is local: an hour longer where summer time ends', () => {
    const october = civilPeriod('2026-10', 'Europe/Berlin');
    expect([october.fromNs, october.untilNs].map(formatInstant)).toEqual([
      '2026-09-30T22:00:00Z',
      '2026-10-31T23:00:00Z',
    ]);
  });
});
