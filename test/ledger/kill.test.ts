// kill -9 of a process that appends and seals: what it was told is kept is there, exactly once and in order; the ledger
// verifies as it lies there, before any start has put anything right.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { verifyLedger } from '../../src/ledger/index.ts';
import { describe, exchange, openAt, recordsOf, temporaryFolder } from './samples.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the appender until it has said `lines` lines, then kills it at once; returns all that it said. */
async function killAfter(dataDir: string, from: number, linesCount: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'append-forever.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.split('\n').length > linesCount) child.kill('SIGKILL');
  });
  await Promise.race([ended, systemTimers.sleep(20_000)]);
  child.kill('SIGKILL');
  await ended;
  // A last line without its newline was being said when the process died: it counts as not said.
  return said.split('\n').slice(0, -1);
}

test('kill -9 loses nothing that was acknowledged and leaves a ledger that verifies', async () => {
  const dataDir = join(folder, 'data');
  let recordsCount = 0;
  for (const linesCount of [3, 40, 171, 402]) {
    const said = await killAfter(dataDir, recordsCount, linesCount);
    expect(said[0]).toBe('open');
    const verdict = await verifyLedger(dataDir);
    expect(verdict, JSON.stringify(verdict)).toMatchObject({ kind: 'verified' });

    const ledger = await openAt(dataDir);
    const records = (await recordsOf(ledger)).filter((record) => record !== 'lost');
    const acked = said.flatMap((line) => (line.startsWith('a ') ? [Number(line.slice(2))] : []));
    expect(acked).toEqual(acked.map((_, at) => recordsCount + at));
    const expected = Array.from({ length: records.length }, (_, at) => describe(exchange(at)));
    expect(records).toEqual(expected);
    expect(records.length).toBeGreaterThanOrEqual(recordsCount + acked.length);
    const leaves = new Map<number, string>();
    for await (const { leaf, sha256 } of ledger.log.scan(0)) leaves.set(leaf, sha256);
    for (const line of said.filter((text) => text.startsWith('s '))) {
      const [, leaf, sha256] = line.split(' ');
      expect(leaves.get(Number(leaf))).toBe(sha256);
    }
    await ledger.close();
    expect(await verifyLedger(dataDir)).toMatchObject({
      kind: 'verified',
      notes: [expect.any(String)],
    });
    // What was kept without being acknowledged counts too: the next process goes on behind it.
    recordsCount = records.length;
  }
  expect(recordsCount).toBeGreaterThan(100);
}, 90_000);

test('a second opening names the holder, and a dead holder is taken over', async () => {
  const dataDir = join(folder, 'locked');
  const ledger = await openAt(dataDir);
  await expect(openAt(dataDir)).rejects.toThrow(`in use by process ${String(process.pid)}`);
  await ledger.close();
  const said = await killAfter(dataDir, 0, 2);
  expect(said).toContain('open');
  const again = await openAt(dataDir);
  await again.close();
});
