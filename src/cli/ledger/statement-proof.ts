// A settlement, or some lines of it, as something to hand out: lines with their paths, the log entry, and the proof of that
// entry. Checked offline with nothing but a policy or key from elsewhere.
import { join } from 'node:path';
import { lineBytes, linePath, rootOfLine, lineRoot, verifyProof } from '../../ledger/index.ts';
import { LedgerDamage } from '../../ledger/index.ts';
import type { Policy, ProvedEntry } from '../../ledger/index.ts';
import type { LineJson } from '../../publish/settlement-json.ts';
import { SiteFault } from '../../quantity/fault.ts';
import {
  ENTRY_FILE,
  isSettlementFolder,
  LINES_FILE,
  objectIn,
  PROOF_FILE,
  readLines,
  readText,
} from '../settle/settlement-folder.ts';

const FORMAT = 'trueup-line-proof/1';

/** Lines with their paths, the entry and its proof, as one JSON text. Throws SiteFault where a line is not there. */
export function proofOfLines(
  folder: string,
  wanted: (line: LineJson, index: number) => boolean,
): string {
  const lines = readLines(folder);
  const all = lines.map(({ bytes }) => bytes);
  const chosen = lines.flatMap(({ json }, index) =>
    wanted(json, index) ? [{ index, line: json, path: linePath(all, index) }] : [],
  );
  if (chosen.length === 0) {
    const remedy = 'look into lines.jsonl; lines are numbered from 0';
    throw new SiteFault({ where: folder, what: 'it has no such line', remedy });
  }
  const document = {
    format: FORMAT,
    lines: chosen,
    entry: readText(join(folder, ENTRY_FILE)),
    proof: readText(join(folder, PROOF_FILE)),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

export interface VerifiedStatement {
  readonly proved: ProvedEntry;
  /** The document of the log entry. */
  readonly document: LineJson;
  readonly lines: readonly LineJson[];
}

/**
 * Checks a settlement folder as a whole, or a file of `proofOfLines`.
 * Throws LedgerDamage where something was changed, SiteFault where a file is not there.
 */
export function verifyStatement(path: string, policy: Policy): VerifiedStatement {
  if (!isSettlementFolder(path)) return verifyLineProof(path, policy);
  const lines = readLines(path);
  const entry = readText(join(path, ENTRY_FILE));
  const proof = readText(join(path, PROOF_FILE));
  const { proved, document } = verifyEntry(entry, proof, policy, join(path, PROOF_FILE));
  const root = lineRoot(lines.map(({ bytes }) => bytes));
  const isWhole = lines.every(({ bytes, json }) => Buffer.compare(lineBytes(json), bytes) === 0);
  if (!isWhole || lines.length !== document['lines_count'] || root !== document['lines_root']) {
    const what = 'its lines are not those whose root was signed';
    throw new LedgerDamage('ledger.proof', join(path, LINES_FILE), what);
  }
  return { proved, document, lines: lines.map(({ json }) => json) };
}

function verifyLineProof(path: string, policy: Policy): VerifiedStatement {
  const json = objectIn(readText(path));
  const { entry, proof, lines } = json ?? {};
  if (typeof entry !== 'string' || typeof proof !== 'string' || !Array.isArray(lines)) {
    const remedy = 'give a settlement folder, or what "trueup ledger prove" wrote';
    throw new SiteFault({ where: path, what: 'it is no statement with a proof', remedy });
  }
  const { proved, document } = verifyEntry(entry, proof, policy, path);
  const count = document['lines_count'];
  const verified = lines.map((one: unknown): LineJson => {
    const said = isObject(one) ? one : {};
    const { index, line, path: hashes } = said;
    const isForm = typeof index === 'number' && isObject(line) && isTexts(hashes);
    const root =
      isForm && typeof count === 'number'
        ? rootOfLine(lineBytes(line), index, count, hashes)
        : undefined;
    if (isObject(line) && root !== undefined && root === document['lines_root']) return line;
    const where = `${path}, line ${String(index)}`;
    throw new LedgerDamage('ledger.proof', where, 'it does not lead to the root that was signed');
  });
  return { proved, document, lines: verified };
}

function verifyEntry(
  entry: string,
  proof: string,
  policy: Policy,
  where: string,
): { proved: ProvedEntry; document: LineJson } {
  const proved = verifyProof(Buffer.from(entry, 'utf8'), Buffer.from(proof, 'utf8'), policy, where);
  const json = objectIn(entry);
  const document = json?.['document'];
  if (json?.['type'] === 'settlement' && isObject(document)) return { proved, document };
  throw new LedgerDamage('ledger.proof', where, 'the entry is no settlement');
}

const isObject = (plain: unknown): plain is LineJson =>
  typeof plain === 'object' && plain !== null && !Array.isArray(plain);

const isTexts = (plain: unknown): plain is string[] =>
  Array.isArray(plain) && plain.every((text) => typeof text === 'string');
