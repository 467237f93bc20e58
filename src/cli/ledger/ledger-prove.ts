// `trueup ledger prove` and `cosign`: what is needed to convince somebody who does not trust us, written into files.
import { join } from 'node:path';
import { givenPolicy, readLedger } from '../../ledger/index.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { askWitnesses } from './ask-witnesses.ts';
import { EXIT, jsonLine, type Terminal, UsageError } from '../command.ts';
import type { LedgerOptions } from './ledger-options.ts';
import { ENTRY_FILE, PROOF_FILE, readText, writeDurably } from '../settle/settlement-folder.ts';
import { proofOfLines } from './statement-proof.ts';

/** Lines of a settlement with their paths; with --data the folder's own proof is made anew before. */
export async function proveStatement(
  folder: string,
  options: LedgerOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.data !== undefined) await renewProof(folder, options.data);
  const { line, account, out } = options;
  if (line === undefined && account === undefined) {
    if (options.data === undefined) throw new UsageError('give --line N, --account ID or --data');
    terminal.out(`${join(folder, PROOF_FILE)} is made anew`);
    return EXIT.done;
  }
  const numbers = (line ?? []).map((text) => countOf(text, '--line'));
  const text = proofOfLines(
    folder,
    (one, index) => numbers.includes(index) || one['account'] === account,
  );
  await deliver(text, out, terminal);
  return EXIT.done;
}

async function renewProof(folder: string, dataDir: string): Promise<void> {
  const entry = readText(join(folder, ENTRY_FILE));
  const ledger = await readLedger(dataDir);
  try {
    for (const { leaf } of ledger.settlements()) {
      if (Buffer.from(await ledger.entryBytes(leaf)).toString('utf8') !== entry) continue;
      const proof = await ledger.proveLeaf(leaf);
      await writeDurably(join(folder, PROOF_FILE), Buffer.from(proof, 'utf8'));
      return;
    }
  } finally {
    ledger.close();
  }
  throw new SiteFault({
    where: folder,
    what: 'its entry is not in this ledger',
    remedy: 'name the data directory that it was settled in',
  });
}

export async function proveLeaf(
  dataDir: string,
  { leaf, out }: LedgerOptions,
  terminal: Terminal,
): Promise<number> {
  if (leaf === undefined) throw new UsageError('give --leaf N, or the folder of a settlement');
  const ledger = await readLedger(dataDir);
  try {
    const number = countOf(leaf, '--leaf');
    if (number >= ledger.size) {
      throw new UsageError(`--leaf: the log has ${String(ledger.size)} leaves`);
    }
    await deliver(await ledger.proveLeaf(number), out, terminal);
  } finally {
    ledger.close();
  }
  return EXIT.done;
}

/** Exit code 4 where a witness could not be asked. Throws LedgerDamage where one has seen another log or more of it. */
export async function cosignLog(
  dataDir: string,
  options: LedgerOptions,
  terminal: Terminal,
): Promise<number> {
  const policy = givenPolicy({
    policy: options.policy === undefined ? undefined : readText(options.policy),
  });
  if (policy === undefined) throw new UsageError('--policy FILE is missing');
  const ledger = await readLedger(dataDir);
  try {
    const replies = await askWitnesses(dataDir, ledger, policy);
    if (options.json) terminal.out(jsonLine({ size: ledger.size, witnesses: replies }));
    for (const { name, trouble } of options.json ? [] : replies) {
      if (trouble === '') terminal.out(`${name} cosigned ${String(ledger.size)} leaves`);
      else terminal.err(`${name}: ${trouble}`);
    }
    if (replies.length === 0) throw new UsageError('--policy: no witness in it has a URL');
    return replies.every(({ trouble }) => trouble === '') ? EXIT.done : EXIT.unreachable;
  } finally {
    ledger.close();
  }
}

function countOf(text: string, option: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`${option} takes a whole number`);
}

async function deliver(text: string, out: string | undefined, terminal: Terminal): Promise<void> {
  if (out === undefined) {
    terminal.out(text.trimEnd());
    return;
  }
  await writeDurably(out, Buffer.from(text, 'utf8'));
  terminal.out(`written to ${out}`);
}
