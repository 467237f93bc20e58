// A witness's folder: its key, made at the first start, and what it has seen of each log.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { SiteFault } from '../quantity/fault.ts';
import { disk } from './disk.ts';
import { readWhole, replaceFile } from './file-port.ts';
import { isKeyName, NotWellFormed, parseSigner, signerOf, signerText, vkeyText } from './note.ts';
import type { Signer } from './note.ts';
import { parsePolicy } from './policy.ts';
import { Witness } from './witness.ts';

const KIND = 'witness';

/** Throws SiteFault where the name, the policy or the key that is there do not fit. */
export async function openWitness(
  dataDir: string,
  name: string,
  policyText: string,
  nowS: () => bigint,
): Promise<{ readonly witness: Witness; readonly vkey: string }> {
  const root = resolve(dataDir);
  const { logs } = parsePolicy(policyText, '--policy');
  if (!isKeyName(name)) {
    const remedy = 'write a URL without scheme, such as witness.example.org/w1';
    throw new SiteFault({ where: '--name', what: `"${name}" is no name of a key`, remedy });
  }
  await disk.makeFolder(`${root}/seen`, 0o755);
  await disk.makeFolder(`${root}/keys`, 0o700);
  const signer = await signerIn(root, name);
  return {
    witness: new Witness(disk, `${root}/seen`, signer, logs, nowS),
    vkey: vkeyText(signer, KIND),
  };
}

async function signerIn(root: string, name: string): Promise<Signer> {
  const path = `${root}/keys/witness.key`;
  const bytes = await readWhole(disk, path);
  if (bytes === undefined) {
    const made = signerOf(name, randomBytes(32), KIND);
    const text = Buffer.from(`${signerText(made, KIND)}\n`, 'utf8');
    await replaceFile(disk, path, `${path}.staging`, text, 0o600);
    return made;
  }
  try {
    const signer = parseSigner(Buffer.from(bytes).toString('utf8').trim(), KIND);
    if (signer.name === name) return signer;
    throw new NotWellFormed(`it is the key of ${signer.name}`);
  } catch (cause) {
    if (!(cause instanceof NotWellFormed)) throw cause;
    const remedy = 'give the name that it has, or another directory with --data';
    throw new SiteFault({ where: path, what: cause.message, remedy }, { cause });
  }
}
