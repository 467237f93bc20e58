// Every call to the disk fails once, in each of its forms, with and without the machine stopping there. Whatever happens:
// what was acknowledged is there after the next start, in order; nothing is there that was never appended; the log that
// is signed extends what was signed before; and a ledger whose disk failed takes nothing more.
import { expect, test } from 'vitest';
import {
  LedgerFailure,
  verifyLedger,
  type OpenLedger,
  type StoredEntry,
} from '../../src/ledger/index.ts';
import { FakeDisk, type Fault } from './fake-disk.ts';
import { describe, exchange, openAt, recordsOf, statement } from './samples.ts';

const DIR = '/data';
const options = (files: FakeDisk) => ({ files, indexPath: ':memory:', segmentBytes: 700 });

interface Outcome {
  readonly acked: string[];
  readonly tried: string[];
  readonly stored: StoredEntry[];
  readonly failure: unknown;
}

/** A day in small: appends, seals and a close, against a disk that fails somewhere. */
async function work(disk: FakeDisk): Promise<Outcome> {
  const acked: string[] = [];
  const tried: string[] = [];
  const stored: StoredEntry[] = [];
  let failure: unknown;
  let opened: OpenLedger | undefined;
  try {
    const ledger = await openAt(DIR, options(disk));
    opened = ledger;
    for (let round = 0; round < 2; round++) {
      const group = [0, 1, 2].map((at) => exchange(round * 3 + at));
      tried.push(...group.map(describe));
      const outcomes = await Promise.allSettled(group.map((one) => ledger.journal.append(one)));
      outcomes.forEach((outcome, at) => {
        if (outcome.status === 'fulfilled') acked.push(describe(group[at]!));
      });
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) {
        await expect(ledger.journal.append(exchange(99))).rejects.toBeInstanceOf(LedgerFailure);
        await expect(ledger.seal([])).rejects.toBeInstanceOf(LedgerFailure);
        throw failed.reason;
      }
      stored.push(...(await ledger.seal([{ type: 'statement', statement: statement(round) }])));
    }
    await ledger.close();
  } catch (error) {
    failure = error;
    await opened?.close().catch(() => undefined);
  }
  return { acked, tried, stored, failure };
}

async function callsOfWork(): Promise<number> {
  const disk = new FakeDisk();
  const { failure } = await work(disk);
  expect(failure).toBeUndefined();
  return disk.calls.length;
}

async function checkAfter(disk: FakeDisk, { acked, tried, stored }: Outcome, label: string) {
  const ledger = await openAt(DIR, options(disk));
  const records = (await recordsOf(ledger)).filter((record) => record !== 'lost');
  expect(records.slice(0, acked.length), label).toEqual(acked);
  expect(records, label).toEqual(tried.slice(0, records.length));
  const leaves: StoredEntry[] = [];
  for await (const entry of ledger.log.scan(0)) leaves.push(entry);
  for (const entry of stored) expect(leaves[entry.leaf]?.sha256, label).toBe(entry.sha256);
  await ledger.journal.append(exchange(50));
  await ledger.seal([]);
  await ledger.close();
  expect(await verifyLedger(DIR, { files: disk }), label).toMatchObject({ kind: 'verified' });
}

const forms = ['before', 'after', 'torn'] as const;
const FATES = ['gone', 'half', 'garbled'] as const;

test('the disk fails at any call, the process ends, and the next start finds all that was acknowledged', async () => {
  const callsCount = await callsOfWork();
  expect(callsCount).toBeGreaterThan(60);
  for (let atCall = 1; atCall <= callsCount; atCall++) {
    for (const form of forms) {
      const disk = new FakeDisk();
      disk.fault = { atCall, form, crash: false } satisfies Fault;
      const outcome = await work(disk);
      const label = `${form} call ${String(atCall)}: ${disk.calls[atCall - 1] ?? ''}`;
      disk.fault = undefined;
      // The process ended without releasing its lock where the failure left no other way.
      await disk.remove(`${DIR}/lock`);
      await checkAfter(disk, outcome, label);
    }
  }
});

test('the machine stops at any call, unsynced bytes are lost, kept in part or garbled, and nothing acknowledged is lost', async () => {
  const callsCount = await callsOfWork();
  for (let atCall = 1; atCall <= callsCount; atCall++) {
    for (const form of forms) {
      const disk = new FakeDisk();
      disk.fault = { atCall, form, crash: true };
      const outcome = await work(disk);
      const label = `${form} call ${String(atCall)}: ${disk.calls[atCall - 1] ?? ''}`;
      // Each call meets each fate once, and each form meets all of them as the calls go on.
      const fate = FATES[(atCall + forms.indexOf(form)) % FATES.length] ?? 'gone';
      const rebooted = disk.afterCrash(({ volatileBytes }) => ({
        keptBytes: fate === 'gone' ? 0 : fate === 'half' ? volatileBytes >> 1 : volatileBytes,
        garbage: fate === 'garbled',
      }));
      rebooted.names.delete(`${DIR}/lock`);
      await checkAfter(rebooted, outcome, `${label}, ${fate}`);
    }
  }
});

test('a disk that takes a few bytes at a time changes nothing', async () => {
  const disk = new FakeDisk();
  disk.writeMaxBytes = 7;
  const outcome = await work(disk);
  expect(outcome.failure).toBeUndefined();
  await checkAfter(disk, outcome, 'short writes');
});

test('a full disk is fatal, says so, and loses nothing acknowledged', async () => {
  const disk = new FakeDisk();
  disk.capacityBytes = 2600;
  const outcome = await work(disk);
  expect(outcome.failure).toBeInstanceOf(LedgerFailure);
  expect(outcome.failure).toMatchObject({ code: 'ledger.disk' });
  disk.capacityBytes = Infinity;
  await disk.remove(`${DIR}/lock`);
  await checkAfter(disk, outcome, 'full');
});
