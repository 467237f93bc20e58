// Exports as others read them: Green Button by xmllint with NAESB's schema and by the rules of its certification, OCMF by
// openssl, a statement as a page, PUE as JSON. The same ledger gives the same bytes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { QUALITIES } from '../../src/quantity/quality.ts';
import { espiQuality, QUALITY_CODES } from '../../src/publish/quality-codes.ts';
import { shared } from '../fixtures.ts';
import { openAt, temporaryFolder } from '../ledger/samples.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { quarter, used } from '../settle/accounts/plans.ts';
import { microjoules } from '../../src/quantity/units.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const settled = join(data, 'settlements/test/20261101T000000Z--20261102T000000Z/v1');
const out = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(out(name), 'utf8');
const KWH = 3_600_000_000_000n;

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
const exported = (format: string, name: string, ...more: string[]) =>
  trueup('export', '--format', format, '--out', out(name), '--data', data, ...more);

/** Register of the meter at the end of a quarter: it began at 1000 kWh. */
const registerAt = (count: number): bigint => 1000n * KWH + (BigInt(count) * KWH) / 4n;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    out('site.yaml'),
    'site: "colo-1"\nwires: { pdu: { transport: modbus-tcp, host: 127.0.0.1 } }\ninstruments: { m1: { profile: siemens-pac3200, wire: pdu } }\n',
  );
  writeFileSync(
    out('accounts.yaml'),
    `settlement: test
accounts: { tenant-a: { tariff: plain }, rest: { kind: unaccounted, limit_percent: "30" } }
meters:
  feed/in: { rules: [{ children: [feed/a], unaccounted: rest }] }
  feed/a:
    certificate: { id: C-1, laboratory: L, calibrated: 2026-01-01, due: 2027-01-01, u_percent: 0.2, k: 2 }
    rules: [{ account: tenant-a }]
tariffs: { plain: { currency: EUR, energy_price: "0.30", demand_price: "8" } }
`,
  );
  const ledger = await openAt(data);
  const statements = Array.from({ length: 96 }, (_, at) => {
    const edge = (which: 'from' | 'until', count: number) => {
      const anchor = { atNs: quarter(count), energyUj: microjoules(registerAt(count)) };
      return {
        source: 'm1',
        edge: which,
        energyUj: anchor.energyUj,
        before: anchor,
        after: anchor,
      };
    };
    return [
      used('feed/a', at, KWH / 4n, {
        anchors: [edge('from', at), edge('until', at + 1)],
        quality: at === 5 ? 'interpolated' : 'actual',
        flags: at === 6 ? ['clock-not-synchronised'] : [],
      }),
      used('feed/in', at, KWH / 3n),
    ];
  });
  await ledger.log.append(statements.flat().map((statement) => ({ type: 'statement', statement })));
  await ledger.close();
  const common = ['--site', out('site.yaml'), '--accounts', out('accounts.yaml')];
  const ran = await trueup('settle', ...common, '--data', data, '--period', '2026-11-01');
  expect(ran.err).toBe('');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('quality codes', () => {
  test('are a total table, and an estimate is never valid or revenue quality', () => {
    expect(Object.keys(QUALITY_CODES).sort()).toEqual([...QUALITIES].sort());
    for (const quality of QUALITIES) {
      const isMeasured = quality === 'actual' || quality === 'verified';
      expect(espiQuality(quality, true) === 19, quality).toBe(isMeasured);
      expect(espiQuality(quality, false), quality).not.toBe(19);
      expect(espiQuality(quality, false), quality).not.toBe(0);
      if (!isMeasured) expect(QUALITY_CODES[quality].aemo, quality).not.toBe('A');
    }
  });
});

describe('Green Button', () => {
  test('is written, the same bytes each time', async () => {
    expect(await exported('espi', 'one.xml', '--settlement', settled)).toMatchObject({ code: 0 });
    expect(await exported('espi', 'two.xml', '--settlement', settled)).toMatchObject({ code: 0 });
    expect(read('one.xml')).toBe(read('two.xml'));
  });

  const xmllint = findProgram('xmllint');
  const schema = shared('fixtures/espi/espi-4.0.xsd');
  // The schema is others' work and lies with the fixtures; without them this is skipped by name.
  const valid = schema === undefined ? test.skip : testWith({ xmllint });
  valid('is valid against the schema of ESPI 4.0, which can say no (fixtures)', () => {
    const check = (name: string) =>
      execFileSync(xmllint ?? '', ['--noout', '--nonet', '--schema', schema ?? '', out(name)], {
        stdio: 'pipe',
      });
    check('one.xml');
    for (const [from, to] of [
      [/<value>250000<\/value>/, '<value>250.5</value>'],
      [/<duration>900<\/duration>/, '<duration>PT15M</duration>'],
      [/(<timePeriod>.*?<\/timePeriod>)(<value>\d+<\/value>)/, '$2$1'],
    ] as const) {
      writeFileSync(out('wrong.xml'), read('one.xml').replace(from, to));
      expect(() => check('wrong.xml')).toThrow();
    }
  });

  testWith({ xmllint })('keeps the rules of the certification that the schema does not', () => {
    const count = (path: string): number =>
      Number(
        execFileSync(xmllint ?? '', ['--xpath', `count(${path})`, out('one.xml')], {
          encoding: 'utf8',
        }),
      );
    const all = (name: string): string => `//*[local-name()="${name}"]`;
    // FB_01: one LocalTimeParameters, linked from each usage point; each has a kind of service.
    expect(count(all('LocalTimeParameters'))).toBe(1);
    expect(count('//*[local-name()="link"][@rel="related"][contains(@href,"LocalTime")]')).toBe(
      count(all('UsagePoint')),
    );
    // FB_04: unit and multiplier with each type; each reading has start, duration, value, once.
    expect(count(all('ReadingType'))).toBe(2);
    expect(count(`${all('ReadingType')}/*[local-name()="uom"][.="72"]`)).toBe(2);
    expect(count(`${all('ReadingType')}/*[local-name()="phase"]`)).toBe(2);
    expect(count(all('IntervalReading'))).toBe(192);
    const starts = [...read('one.xml').matchAll(/<timePeriod>.*?<start>(\d+)</g)].map(([, s]) => s);
    expect(new Set(starts).size).toBe(96);
    const selfs = [...read('one.xml').matchAll(/rel="self" href="([^"]+)"/g)].map(([, s]) => s);
    expect(new Set(selfs).size).toBe(selfs.length);
    expect(count(`${all('IntervalBlock')}/*[local-name()="interval"]/*[.="1793491200"]`)).toBe(2);
    // FB_16: the bill, in thousandths of EUR: 24 kWh at 0.30 and 1 kW at 8.
    expect(read('one.xml')).toContain('<billLastPeriod>15200</billLastPeriod>');
    expect(read('one.xml')).toContain('<currency>978</currency>');
    // Revenue quality only where a certificate held, and never for an estimate.
    expect(count(`${all('quality')}[.="19"]`)).toBe(95);
    expect(count(`${all('quality')}[.="9"]`)).toBe(1);
    expect(count(`${all('quality')}[.="17"]`)).toBe(96);
  });

  test('names from the ledger are escaped, and no reading is invented', async () => {
    expect(await exported('espi', 'none.xml', '--point', 'feed/none')).toMatchObject({ code: 0 });
    expect(read('none.xml')).not.toContain('IntervalReading');
  });
});

const openssl = findProgram('openssl');
testWith({ openssl })(
  'OCMF records verify with openssl, and not with a digit changed',
  async () => {
    execFileSync(openssl ?? '', [
      ...['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      ...['-out', out('ocmf.key')],
    ]);
    execFileSync(openssl ?? '', [
      'pkey',
      '-in',
      out('ocmf.key'),
      '-pubout',
      '-out',
      out('ocmf.pub'),
    ]);
    expect(await exported('ocmf', 'no-key.ocmf')).toMatchObject({ code: 2 });
    const ran = await exported('ocmf', 'a.ocmf', '--key', out('ocmf.key'), '--point', 'feed/a');
    expect(ran).toMatchObject({ code: 0, out: `96 rows in ${out('a.ocmf')}\n` });
    const records = read('a.ocmf').trimEnd().split('\n');
    const verify = (payload: string, signatureHex: string): string => {
      writeFileSync(out('payload'), payload);
      writeFileSync(out('signature'), Buffer.from(signatureHex, 'hex'));
      return execFileSync(
        openssl ?? '',
        [
          'dgst',
          '-sha256',
          '-verify',
          out('ocmf.pub'),
          '-signature',
          out('signature'),
          out('payload'),
        ],
        { encoding: 'utf8', stdio: 'pipe' },
      );
    };
    const pages = records.map((record, at) => {
      const [head, payload = '', signature = '', ...surplus] = record.split('|');
      expect([head, surplus]).toEqual(['OCMF', []]);
      expect(payload).toMatch(/^[\x20-\x7e]*$/);
      const { SD } = JSON.parse(signature) as { SD: string };
      if (at % 16 === 0) {
        expect(verify(payload, SD)).toContain('Verified OK');
        const forged = payload.replace(
          /"RV":(\d)/,
          (_all, digit: string) => `"RV":${String((Number(digit) + 1) % 10)}`,
        );
        expect(forged).not.toBe(payload);
        expect(() => verify(forged, SD)).toThrow();
      }
      const { FV, PG, RD } = JSON.parse(payload) as {
        FV: string;
        PG: string;
        RD: { TM: string; ST: string; RU: string; RI: string; RT: string; EF: string }[];
      };
      expect(FV).toBe('1.0');
      expect(RD[0]).toMatchObject({ RU: 'kWh', RT: 'AC', RI: '01-00:01.08.00*FF', EF: '' });
      // The digits stand as they were printed, trailing zeros included.
      expect(payload).toContain(`"RV":${(1000 + (at + 1) / 4).toFixed(3)},`);
      expect(RD[0]?.ST, String(at)).toBe(at === 5 ? 'S' : 'G');
      expect(RD[0]?.TM.endsWith(at === 6 ? ' U' : ' S')).toBe(true);
      return Number(PG.slice(1));
    });
    expect(pages.map((page) => page - (pages[0] ?? 0))).toEqual(pages.map((_, at) => at));
  },
);

test('a key on another curve is told', async () => {
  const key = execFileSync(openssl ?? 'openssl', [
    ...['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ]);
  writeFileSync(out('p384.key'), key);
  const ran = await exported('ocmf', 'x.ocmf', '--key', out('p384.key'));
  expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('P-256') as string });
});

describe('a statement as a page', () => {
  test('has U on each line, its proof, and one account only where asked', async () => {
    const ran = await exported('html', 'a.html', '--settlement', settled, '--account', 'tenant-a');
    expect(ran).toMatchObject({ code: 0 });
    const page = read('a.html');
    expect(page).toContain('24.000');
    expect(page).toMatch(/k = 2\.00/);
    expect(page).toContain('settlement.tlog-proof');
    expect(page).not.toContain('<h2>rest</h2>');
    expect(page).not.toMatch(/<script|src=|http:/);
    await exported('html', 'all.html', '--settlement', settled);
    expect(read('all.html')).toContain('<h2>rest</h2>');
  });

  test('escapes what comes from files', async () => {
    const { statementHtml } = await import('../../src/publish/statement-html.ts');
    const page = statementHtml({
      document: { settlement: '<script>alert(1)</script>', standing: 'provisional' },
      lines: [{ line: 'total', account: '<b>', quality_uj: { '<i>': '1' } }],
      account: undefined,
      origin: '"><x',
      leaf: 1,
      proofFile: 'p',
    });
    expect(page).not.toMatch(/<script|<b>|<i>|"><x/);
    expect(page).toContain('Provisional');
  });
});

describe('PUE', () => {
  const kpi = (...more: string[]) => exported('kpi', 'k.json', '--settlement', settled, ...more);

  test('is E_DC over E_IT with its formula, category and points', async () => {
    const ran = await kpi('--category', '2', '--facility', 'feed/in', '--it', 'feed/a');
    expect(ran).toMatchObject({ code: 0 });
    expect(JSON.parse(read('k.json'))).toMatchObject({
      pue: '1.3333',
      pue_category: 'PUE2',
      formula_version: 'ISO/IEC 30134-2:2026',
      e_it_uj: String(24n * KWH),
    });
  });

  test('with points swapped, or unknown, is refused', async () => {
    expect(await kpi('--category', '2', '--facility', 'feed/a', '--it', 'feed/in')).toMatchObject({
      code: 2,
    });
    expect(await kpi('--category', '2', '--facility', 'feed/no', '--it', 'feed/a')).toMatchObject({
      code: 2,
    });
    expect(await kpi('--facility', 'feed/in', '--it', 'feed/a')).toMatchObject({ code: 2 });
  });
});

describe('an incomplete period', () => {
  test('is refused unless told to be provisional; what is there alone is complete', async () => {
    const november = ['--from', '2026-11-01', '--to', '2026-12-01'];
    expect(await exported('csv', 'n.csv', ...november)).toMatchObject({
      code: 3,
      err: expect.stringContaining('has 96 of 2880 final intervals') as string,
    });
    expect(await exported('csv', 'n.csv', ...november, '--provisional')).toMatchObject({
      code: 0,
      out: `192 rows in ${out('n.csv')}\n`,
    });
    expect(await exported('csv', 'n.csv')).toMatchObject({ code: 0 });
  });
});
