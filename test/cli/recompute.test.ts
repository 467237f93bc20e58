// A Python program that shares no code with us recomputes a settlement from the statements of the log; and what it says when
// anything was changed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { linesFile, readLines } from '../../src/cli/settle/settlement-folder.ts';
import { lineBytes, lineRoot, readLedger } from '../../src/ledger/index.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { openAt, temporaryFolder } from '../ledger/samples.ts';
import { findPython, testWith } from '../real-programs.ts';
import { quarter, used } from '../settle/accounts/plans.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const settled = join(data, 'settlements/test/20261101T000000Z--20261102T000000Z/v1');
const python = findPython('hashlib');
const program = join(import.meta.dirname, '../independent/recompute.py');
const recompute = (dataDir: string, where: string): string =>
  execFileSync(python ?? '', [program, dataDir, where, '--from-statements'], {
    encoding: 'utf8',
    stdio: 'pipe',
  });

/** Registers of three meters that move unevenly. */
const countAt = (meter: number, at: number): bigint =>
  BigInt(meter) * 10n ** 15n + BigInt(at) * 700_123_456_789n + BigInt((at * 7919 * meter) % 1000);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'site.yaml'),
    'site: here\nwires: { pdu: { transport: modbus-tcp, host: 127.0.0.1 } }\ninstruments: { m1: { profile: siemens-pac3200, wire: pdu } }\n',
  );
  writeFileSync(
    join(folder, 'accounts.yaml'),
    `settlement: test
accounts:
  a: { tariff: plain, uplift: "1.35" }
  b: { tariff: plain }
  losses: { kind: losses }
  rest: { kind: unaccounted, limit_percent: "100" }
meters:
  feed/m1: { rules: [{ children: [feed/m2], losses: { account: losses, percent: "1.5" }, unaccounted: rest }] }
  feed/m2: { rules: [{ account: a }, { from: 2026-11-01T12:00Z, account: b }] }
  feed/m3: { rules: [{ shares: { a: 1, b: 2 } }] }
  feed/m4: { rules: [{ nodes: { n1: a, n2: b }, unaccounted: rest }, { from: 2026-11-01T18:00Z, account: a }] }
tariffs:
  plain:
    currency: EUR
    energy_price: "0.2710"
    demand_price: "8.50"
    buckets: [{ name: day, from: "07:00", to: "20:00", price: "0.3120" }]
`,
  );
  const ledger = await openAt(data);
  const statements = Array.from({ length: 96 }, (_, at) =>
    [1, 2, 3, 4].map((meter) => {
      const edge = (which: 'from' | 'until', count: number) => {
        const anchor = { atNs: quarter(count), energyUj: microjoules(countAt(meter, count)) };
        return {
          source: 'm',
          edge: which,
          energyUj: anchor.energyUj,
          before: anchor,
          after: anchor,
        };
      };
      return used(`feed/m${String(meter)}`, at, countAt(meter, at + 1) - countAt(meter, at), {
        anchors: [edge('from', at), edge('until', at + 1)],
      });
    }),
  );
  // The fourth meter is shared: its nodes have two thirds and a bit less than the rest of it.
  for (const [at, of] of statements.entries()) {
    const wholeUj = of[3]?.energyUj ?? 0n;
    of.push(
      used('node/n1', at, (2n * wholeUj) / 3n, { kind: 'allocated', anchors: [] }),
      used('node/n2', at, wholeUj / 4n, { kind: 'allocated', anchors: [] }),
    );
  }
  await ledger.log.append(statements.flat().map((statement) => ({ type: 'statement', statement })));
  await ledger.close();
  const said: string[] = [];
  const code = await main(
    [
      ...[
        'settle',
        '--site',
        join(folder, 'site.yaml'),
        '--accounts',
        join(folder, 'accounts.yaml'),
      ],
      ...['--data', data, '--period', '2026-11-01'],
    ],
    {
      out: (line) => said.push(line),
      err: (line) => said.push(line),
      interactive: false,
      widthCount: 120,
    },
  );
  expect(code, said.join('\n')).toBe(0);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

testWith({ python })('a Python program recomputes every line, to the µJ and the cent', () => {
  const supplied = [1, 3, 4].reduce((sum, at) => sum + countAt(at, 96) - countAt(at, 0), 0n);
  expect(JSON.parse(recompute(data, settled))).toMatchObject({
    statements: 576,
    with_edges: 384,
    accounts: 4,
    meters: 4,
    energy_uj: supplied.toString(),
  });
});

testWith({ python })('and says no where a number, a rounding or a statement was changed', () => {
  const copy = join(folder, 'copy');
  const attempt = (file: string, change: (text: string) => string): void => {
    rmSync(copy, { recursive: true, force: true });
    cpSync(data, copy, { recursive: true });
    const path = join(copy, file);
    const bytes = readFileSync(path).toString('latin1');
    const changed = change(bytes);
    expect(changed, file).not.toBe(bytes);
    writeFileSync(path, Buffer.from(changed, 'latin1'));
    expect(() => recompute(copy, settled.replace(data, copy)), file).toThrow();
  };
  const lines = settled.replace(`${data}/`, '');
  attempt(`${lines}/lines.jsonl`, (text) => text.replace(/"amount":"(\d)/, '"amount":"9$1'));
  attempt(`${lines}/lines.jsonl`, (text) => text.replace(/"energy_uj":"1/, '"energy_uj":"2'));
  attempt(`${lines}/entry.json`, (text) => text.replace('"version":1', '"version":2'));
  attempt('log/tile/entries/000', (text) => text.replace('"energy_uj":"7', '"energy_uj":"8'));
});

testWith({ python })('and where a settlement was signed over other statements', async () => {
  const copy = join(folder, 'signed');
  cpSync(data, copy, { recursive: true });
  const lines = readLines(settled).map(({ json }) =>
    json['meter'] === 'feed/m4' && json['line'] === 'meter'
      ? { ...json, statements_sha256: createHash('sha256').update('others').digest('hex') }
      : json,
  );
  const ledger = await openAt(copy);
  const entry = JSON.parse(readFileSync(join(settled, 'entry.json'), 'utf8')) as {
    document: Record<string, unknown>;
  };
  const document = { ...entry.document, lines_root: lineRoot(lines.map(lineBytes)) };
  const [stored] = await ledger.log.append([{ type: 'settlement', atNs: quarter(200), document }]);
  await ledger.close();
  const reader = await readLedger(copy);
  const where = join(folder, 'forged');
  mkdirSync(where);
  writeFileSync(join(where, 'entry.json'), await reader.entryBytes(stored?.leaf ?? 0));
  writeFileSync(join(where, 'lines.jsonl'), linesFile(lines));
  reader.close();
  let said = '';
  try {
    recompute(copy, where);
  } catch (failure) {
    said = String((failure as { stdout?: unknown }).stdout);
  }
  expect(said).toContain('feed/m4: not the statements that were used');
});
