// What a tenant is given, checked as he would: lines, entry and proof offline, with a policy that demands a witness; and each
// thing that somebody may change. A Go program that shares no code with us says the same.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { openWitness } from '../../src/ledger/index.ts';
import { startWitness, type WitnessServer } from '../../src/serve/witness-door.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { openAt, temporaryFolder } from '../ledger/samples.ts';
import { used } from '../settle/accounts/plans.ts';

const folder = temporaryFolder();
const data = join(folder, 'data');
const settled = join(data, 'settlements/test/20261101T000000Z--20261102T000000Z/v1');
const policy = join(folder, 'policy');
const logPolicy = join(folder, 'logs.policy');
const vkey = join(folder, 'log.vkey');
const handed = join(folder, 'tenant-a.json');
let server: WitnessServer;

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

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'site.yaml'),
    'site: here\nwires: { pdu: { transport: modbus-tcp, host: 127.0.0.1 } }\ninstruments: { m1: { profile: siemens-pac3200, wire: pdu } }\n',
  );
  writeFileSync(
    join(folder, 'accounts.yaml'),
    'settlement: test\naccounts: { tenant-a: {}, tenant-b: {} }\nmeters:\n  feed/a: { rules: [{ account: tenant-a }] }\n  feed/b: { rules: [{ account: tenant-b }] }\n',
  );
  const ledger = await openAt(data);
  await ledger.log.append(
    Array.from({ length: 96 }, (_, at) => [used('feed/a', at, 5_000_000n), used('feed/b', at, 7n)])
      .flat()
      .map((statement) => ({ type: 'statement', statement })),
  );
  await ledger.close();
  cpSync(join(data, 'log/vkey'), vkey);
  writeFileSync(logPolicy, `log ${readFileSync(vkey, 'utf8')}quorum none\n`);
  const opened = await openWitness(
    join(folder, 'witness'),
    'witness.example/w1',
    readFileSync(logPolicy, 'utf8'),
    () => 1_800_000_000n,
  );
  server = await startWitness(opened.witness, { host: '127.0.0.1', port: 0 });
  writeFileSync(
    policy,
    `log ${readFileSync(vkey, 'utf8')}witness W1 ${opened.vkey} ${server.url}/\nquorum W1\n`,
  );
  const common = ['--site', join(folder, 'site.yaml'), '--accounts', join(folder, 'accounts.yaml')];
  const ran = await trueup('settle', ...common, '--data', data, '--period', '2026-11-01');
  expect(ran.code).toBe(0);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a statement', () => {
  test('verifies with the key; not with a policy that demands a witness before one has cosigned', async () => {
    expect(await trueup('ledger', 'verify', settled, '--vkey', vkey)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^verified: leaf 193 of 194 .*\n[\s\S]*tenant-a/) as string,
    });
    expect(await trueup('ledger', 'verify', settled, '--policy', policy)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.quorum') as string,
    });
    expect(await trueup('ledger', 'verify', data, '--policy', policy)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.quorum') as string,
    });
    expect((await trueup('ledger', 'verify', settled)).code).toBe(2);
  });

  test('is cosigned, proved anew, and handed out by account', async () => {
    expect(await trueup('ledger', 'cosign', data, '--policy', policy)).toMatchObject({
      code: 0,
      out: 'W1 cosigned 194 leaves\n',
    });
    expect((await trueup('ledger', 'cosign', data, '--policy', policy)).code).toBe(0);
    await trueup(
      'ledger',
      'prove',
      settled,
      '--data',
      data,
      '--account',
      'tenant-a',
      '--out',
      handed,
    );
    const ran = await trueup('ledger', 'verify', handed, '--policy', policy);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.out).toMatch(/cosigned by witness\.example\/w1 at 2027-01-15T08:00:00\.000Z/);
    expect(ran.out).toContain('4 of 12 lines lead to the signed root');
    expect(ran.out).not.toContain('tenant-b');
    expect(readFileSync(handed, 'utf8')).not.toContain('tenant-b');
    expect(await trueup('ledger', 'verify', data, '--policy', policy)).toMatchObject({
      code: 0,
      out: expect.stringContaining('cosigned by witness.example/w1 up to leaf 194') as string,
    });
    expect((await trueup('ledger', 'verify', settled, '--policy', policy)).code).toBe(0);
  });

  test.each<[string, RegExp, string | RegExp, string]>([
    ['a line', /ledger\.proof/, '"energy_uj": "480000000"', '"energy_uj": "480000001"'],
    ['the index of a line', /ledger\.proof/, '"index": 0', '"index": 1'],
    ['the entry', /ledger\.proof/, 'version\\":1', 'version\\":2'],
    ['the size of the checkpoint', /ledger\.signature/, '\\n194\\n', '\\n195\\n'],
    ['the log', /ledger\.signature/, /trueup\.invalid\/(..)/, 'trueup.invalid/00'],
    ['the cosignature', /ledger\.(signature|proof)/, /(witness\.example\/w1 .{20})./, '$1A'],
  ])('%s that was changed is found', async (_name, code, from, to) => {
    const text = readFileSync(handed, 'utf8');
    const forged = text.replace(from, to);
    expect(forged).not.toBe(text);
    writeFileSync(join(folder, 'forged.json'), forged);
    const ran = await trueup('ledger', 'verify', join(folder, 'forged.json'), '--policy', policy);
    expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(code) as string });
  });

  test('a whole folder with one line less, or two that changed places, is found', async () => {
    const copy = join(folder, 'copy');
    for (const change of [
      (lines: string[]) => lines.slice(1),
      ([one = '', two = '', ...rest]: string[]) => [two, one, ...rest],
    ]) {
      cpSync(settled, copy, { recursive: true });
      const lines = readFileSync(join(copy, 'lines.jsonl'), 'utf8').trimEnd().split('\n');
      writeFileSync(join(copy, 'lines.jsonl'), `${change(lines).join('\n')}\n`);
      expect(await trueup('ledger', 'verify', copy, '--vkey', vkey)).toMatchObject({
        code: 1,
        err: expect.stringContaining('ledger.proof') as string,
      });
    }
  });
});

describe('a log', () => {
  test('that was taken back is told by the witness, and by the checkpoint it left', async () => {
    const old = join(folder, 'old');
    cpSync(data, old, { recursive: true });
    const ledger = await openAt(data);
    await ledger.log.append([{ type: 'statement', statement: used('feed/a', 97, 1n) }]);
    await ledger.close();
    expect((await trueup('ledger', 'cosign', data, '--policy', policy)).code).toBe(0);
    // Yesterday's disk comes back.
    expect(await trueup('ledger', 'cosign', old, '--policy', policy)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.rolled-back') as string,
    });
    cpSync(join(data, 'witnessed'), join(old, 'witnessed'), { recursive: true });
    expect(await trueup('ledger', 'verify', old, '--vkey', vkey)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.rolled-back') as string,
    });
    // And goes on from there: two histories under one key.
    rmSync(join(old, 'witnessed'), { recursive: true });
    const forked = await openAt(old);
    await forked.log.append(
      [1n, 2n].map((energyUj) => ({
        type: 'statement',
        statement: used('feed/b', 98, energyUj),
      })),
    );
    await forked.close();
    expect(await trueup('ledger', 'cosign', old, '--policy', policy)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.forked') as string,
    });
    cpSync(join(data, 'witnessed'), join(old, 'witnessed'), { recursive: true });
    expect(await trueup('ledger', 'verify', old, '--vkey', vkey)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ledger.forked') as string,
    });
  });

  test('whose witness is away says so, and nothing is stored', async () => {
    const away = join(folder, 'away.policy');
    writeFileSync(away, readFileSync(policy, 'utf8').replace(server.url, 'http://127.0.0.1:9'));
    expect((await trueup('ledger', 'cosign', data, '--policy', away)).code).toBe(4);
  });
});

const xmod = ['/usr/share/gocode'].find((path) =>
  existsSync(join(path, 'src/golang.org/x/mod/sumdb/tlog')),
);
const go = findProgram('go');
testWith({ go, 'golang.org/x/mod': xmod })(
  'a Go program with x/mod/sumdb checks proof, entry and lines',
  () => {
    const program = join(folder, 'check-statement');
    const source = join(import.meta.dirname, '../independent/check-statement.go');
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: xmod, GOFLAGS: '' };
    execFileSync(go ?? '', ['build', '-o', program, source], { env });
    const check = (where: string) => execFileSync(program, [where, vkey], { encoding: 'utf8' });
    expect(check(settled)).toBe('ok leaf 193 of 194, 12 lines\n');
    for (const [file, from, to] of [
      ['lines.jsonl', '480000000', '480000001'],
      ['entry.json', '"version":1', '"version":3'],
      ['settlement.tlog-proof', 'index 193', 'index 192'],
    ] as const) {
      const copy = join(folder, 'forged');
      cpSync(settled, copy, { recursive: true });
      writeFileSync(join(copy, file), readFileSync(join(copy, file), 'utf8').replace(from, to));
      expect(() => check(copy), file).toThrow();
    }
  },
  120_000,
);
