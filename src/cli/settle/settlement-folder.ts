// Where a settlement lies below the data directory, and what is in its folder: everything that somebody needs who checks
// it without us, but for the key that he must have from elsewhere.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lineBytes } from '../../ledger/index.ts';
import type { LineJson } from '../../publish/settlement-json.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { formatInstant, type Interval } from '../../quantity/time.ts';

/** One canonical JSON line per leaf of the settlement's tree. */
export const LINES_FILE = 'lines.jsonl';
/** Canonical bytes of the log entry. */
export const ENTRY_FILE = 'entry.json';
/** C2SP tlog-proof of that entry. */
export const PROOF_FILE = 'settlement.tlog-proof';

export function settlementFolder(
  dataDir: string,
  name: string,
  period: Interval,
  version: number,
): string {
  const [from, until] = [period.fromNs, period.untilNs].map((atNs) =>
    formatInstant(atNs).replaceAll(/[:-]/g, ''),
  );
  return join(dataDir, 'settlements', name, `${from ?? ''}--${until ?? ''}`, `v${String(version)}`);
}

export const isSettlementFolder = (path: string): boolean => existsSync(join(path, PROOF_FILE));

/** Durable when it resolves: written beside, synced, renamed, and the folder synced. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.partial`, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.partial`, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export const linesFile = (lines: readonly LineJson[]): Uint8Array =>
  Buffer.concat(lines.flatMap((line) => [lineBytes(line), NEWLINE]));

const NEWLINE = Buffer.from('\n');

/** The lines of a settlement, each with its bytes. Throws SiteFault where the file is gone or holds something else. */
export function readLines(folder: string): readonly { bytes: Uint8Array; json: LineJson }[] {
  const path = join(folder, LINES_FILE);
  const text = readText(path);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      const json = objectIn(line);
      if (json !== undefined) return { bytes: Buffer.from(line, 'utf8'), json };
      throw new SiteFault({
        where: `${path} line ${String(index + 1)}`,
        what: 'it is no JSON object',
        remedy: 'take the file from a backup; the root in the log tells whether it is the same',
      });
    });
}

export function readText(path: string, option?: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const remedy = 'check the path, or take it from a backup';
    const where = option === undefined ? path : `${option} ${path}`;
    throw new SiteFault({ where, what: 'the file cannot be read', remedy }, { cause });
  }
}

export function objectIn(text: string): LineJson | undefined {
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch {
    return undefined;
  }
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain)
    ? Object.fromEntries(Object.entries(plain))
    : undefined;
}

export interface OpenedSettlement {
  readonly folder: string;
  readonly document: LineJson;
  readonly lines: readonly LineJson[];
  readonly origin: string;
  readonly leaf: number;
  readonly proofFile: string;
}

/** A settlement as it lies in its folder, not verified. Throws SiteFault where it is none. */
export function openSettlement(folder: string): OpenedSettlement {
  const document = objectIn(readText(join(folder, ENTRY_FILE)))?.['document'];
  const proof = readText(join(folder, PROOF_FILE));
  const [, leaf = '', origin = ''] = /^index (\d+)$[\s\S]*?\n\n([^\n]+)$/m.exec(proof) ?? [];
  if (typeof document !== 'object' || document === null || leaf === '') {
    const remedy = 'name a folder below settlements/ that "trueup settle" wrote';
    throw new SiteFault({ where: folder, what: 'it is no settlement', remedy });
  }
  return {
    folder,
    document: Object.fromEntries(Object.entries(document)),
    lines: readLines(folder).map(({ json }) => json),
    origin,
    leaf: Number(leaf),
    proofFile: PROOF_FILE,
  };
}
