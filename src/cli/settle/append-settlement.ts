// Puts a settlement into the log: by opening the ledger where nobody holds it, else by handing it in to the service that
// does; then writes entry and proof beside the lines.
import { join } from 'node:path';
import {
  handIn,
  LedgerInUse,
  type LedgerReader,
  openLedger,
  readLedger,
} from '../../ledger/index.ts';
import type { DocumentEntry, LeafIndex } from '../../ledger/ledger.ts';
import type { LineJson } from '../../publish/settlement-json.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { Site } from '../../quantity/site.ts';
import { ENTRY_FILE, PROOF_FILE, writeDurably } from './settlement-folder.ts';
import { rehearsalClock, systemClock, systemTimers } from '../system-clock.ts';

/** A service settles four times a second; one that does not take it within this is not running as it should. */
const PATIENCE_MS = 60_000;
const POLL_MS = 250;

/** Resolves with the leaf when entry and proof are on the disk. Throws SiteFault where the service does not take it. */
export async function appendSettlement(
  dataDir: string,
  site: Site,
  document: LineJson,
  folder: string,
): Promise<LeafIndex> {
  const clock = site.rehearsal ? rehearsalClock(site.rehearsal.clock) : systemClock();
  const entry: DocumentEntry = { type: 'settlement', atNs: clock.nowNs(), document };
  const leaf = await appended(dataDir, site, entry);
  const ledger = await readLedger(dataDir);
  try {
    await writeEntryAndProof(ledger, leaf, folder);
  } finally {
    ledger.close();
  }
  return leaf;
}

/** The proof last: a folder that has one is whole. */
export async function writeEntryAndProof(
  ledger: Pick<LedgerReader, 'entryBytes' | 'proveLeaf'>,
  leaf: LeafIndex,
  folder: string,
): Promise<void> {
  await writeDurably(join(folder, ENTRY_FILE), await ledger.entryBytes(leaf));
  const proof = await ledger.proveLeaf(leaf);
  await writeDurably(join(folder, PROOF_FILE), Buffer.from(proof, 'utf8'));
}

async function appended(dataDir: string, site: Site, entry: DocumentEntry): Promise<LeafIndex> {
  try {
    const ledger = await openLedger(dataDir, {
      rehearsal: site.rehearsal !== undefined,
      nowNs: () => entry.atNs,
    });
    try {
      const [stored] = await ledger.log.append([entry]);
      return stored?.leaf ?? 0;
    } finally {
      await ledger.close();
    }
  } catch (fault) {
    if (!(fault instanceof LedgerInUse)) throw fault;
  }
  const sha256 = await handIn(dataDir, entry);
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
    await new Promise<void>((resolve) => systemTimers.after(POLL_MS, resolve));
    const ledger = await readLedger(dataDir);
    try {
      const found = ledger.settlements().find((one) => one.sha256 === sha256);
      if (found) return found.leaf;
    } finally {
      ledger.close();
    }
  }
  throw new SiteFault({
    where: dataDir,
    what: 'the service that holds it did not take the settlement',
    remedy: 'look whether it runs; the settlement is taken when it goes on, or at its next start',
  });
}
