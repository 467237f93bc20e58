// A service that asks witnesses by itself: what is appended is cosigned, a witness that is away is told once, one that has seen
// another history is told by name. The witness is a real one.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { askRegularly } from '../../src/cli/run/ask-regularly.ts';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { givenPolicy, openWitness, verifyLedger } from '../../src/ledger/index.ts';
import type { Policy } from '../../src/ledger/index.ts';
import { startWitness } from '../../src/serve/witness-door.ts';
import { startTrueup } from '../journey/stack.ts';
import { openAt, statement, temporaryFolder } from '../ledger/samples.ts';

const folder = temporaryFolder();
mkdirSync(folder, { recursive: true });
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function append(data: string, index: number): Promise<void> {
  const ledger = await openAt(data);
  await ledger.log.append([{ type: 'statement', statement: statement(index) }]);
  await ledger.close();
}

/** A real witness of the log in a data directory, and the text of the policy that asks it. */
async function witnessOf(data: string, name: string) {
  const log = `log ${readFileSync(join(data, 'log/vkey'), 'utf8')}`;
  const { witness, vkey } = await openWitness(
    join(folder, name),
    `witness.example/${name}`,
    `${log}quorum none\n`,
    () => 1_800_000_000n,
  );
  const server = await startWitness(witness, { host: '127.0.0.1', port: 0 });
  const text = `${log}witness W1 ${vkey} ${server.url}/\nquorum W1\n`;
  return { witness, server, text };
}

const policyOf = (text: string): Policy => {
  const policy = givenPolicy({ policy: text });
  if (policy === undefined) throw new Error('no policy');
  return policy;
};

/** Rounds by hand: `next` asks once more and resolves when that is done. */
async function rounds(data: string, text: string) {
  const notes: string[] = [];
  const next = async (): Promise<readonly string[]> => {
    notes.length = 0;
    await asking.stop();
    return [...notes];
  };
  const asking = askRegularly(data, policyOf(text), {
    timers: { ...systemTimers, every: () => ({ cancel: () => undefined }) },
    note: (line) => notes.push(line),
  });
  await next();
  return next;
}

test('what was appended is cosigned; away and back are told once; another history by name', async () => {
  const data = join(folder, 'data');
  await append(data, 0);
  const { witness, server, text } = await witnessOf(data, 'w1');
  const next = await rounds(data, text);
  await append(data, 1);
  expect(await next()).toEqual([]);
  expect(await verifyLedger(data, { policy: text })).toMatchObject({ kind: 'verified' });

  await server.close();
  expect(await next()).toEqual([expect.stringMatching(/^witness W1: /)]);
  expect(await next()).toEqual([]);
  const port = Number(new URL(server.url).port);
  const again = await startWitness(witness, { host: '127.0.0.1', port });
  expect(await next()).toEqual([expect.stringMatching(/^over: witness W1: /)]);

  // The disk is put back to where it was, and the log goes another way.
  const older = join(folder, 'older');
  cpSync(data, older, { recursive: true });
  await append(data, 2);
  expect(await next()).toEqual([]);
  rmSync(data, { recursive: true });
  cpSync(older, data, { recursive: true });
  expect(await next()).toEqual([expect.stringMatching(/^WITNESS OBJECTS: .*has seen/)]);
  await again.close();
}, 60_000);

test('trueup run --policy has its log cosigned', async () => {
  const data = join(folder, 'run');
  await append(data, 0);
  const { server, text } = await witnessOf(data, 'w2');
  const site = join(folder, 'site.yaml');
  writeFileSync(join(folder, 'policy'), text);
  writeFileSync(
    site,
    'site: here\nlisten: 127.0.0.1:0\nwires: { pdu: { transport: modbus-tcp, host: 127.0.0.1, port: 9 } }\ninstruments: { m1: { profile: siemens-pac3200, wire: pdu } }\n',
  );
  const argv = ['--site', site, '--data', data, '--policy', join(folder, 'policy'), '--json'];
  const program = startTrueup('run', ...argv);
  await program.waitFor(({ event }) => event === 'started');
  expect(await program.end(), program.lines.join('\n')).toBe(0);
  expect(existsSync(join(data, 'witnessed/checkpoint'))).toBe(true);
  expect(await verifyLedger(data, { policy: text })).toMatchObject({ kind: 'verified' });
  await server.close();
}, 120_000);
