// Opening a log is checking it: state, key, checkpoint and tiles must agree, or the start is refused with the sentence
// that says which does not. Only what an interrupted append can have left is put right.
import { randomBytes } from 'node:crypto';
import { SiteFault } from '../quantity/fault.ts';
import { readWhole, replaceFile } from './file-port.ts';
import { LedgerDamage } from './ledger.ts';
import type { LogFolder } from './log-folder.ts';
import { listTiles } from './log-inventory.ts';
import { LOG_STATE, readLogState, writeLogState, type LogState } from './log-state.ts';
import { publishCheckpoint, readEdge, rootOf, type Edge } from './merkle-log.ts';
import { emptyRoot, leafHash, sameHash } from './merkle.ts';
import { NotWellFormed, checkNote, isKeyName, parseSigner, signerOf } from './note.ts';
import { signerText, vkeyText, type Signer } from './note.ts';
import { strictText } from './canonical.ts';
import { tilePath } from './tiles.ts';

export interface OpenedLog {
  readonly signer: Signer;
  readonly edge: Edge;
  readonly state: LogState;
  /** Whether this start created it. */
  readonly isNew: boolean;
}

export interface Identity {
  /** As the site file names it; undefined: keep what is there, else make one. */
  readonly origin: string | undefined;
  readonly rehearsal: boolean;
}

const REHEARSAL = 'rehearsal.';

/**
 * Opens the log below a data folder, or creates it.
 * @throws SiteFault where key or origin are not those of this log; LedgerDamage where it does not check
 */
export async function recoverLog(
  folder: LogFolder,
  dataFolder: string,
  identity: Identity,
): Promise<OpenedLog> {
  const { files } = folder;
  const state = await readLogState(files, dataFolder);
  const found = await folder.checkpoint();
  if (state === undefined || (found === undefined && state.size === 0)) {
    return createLog(folder, dataFolder, identity, found !== undefined);
  }
  const signer = await readSigner(folder, dataFolder);
  if (signer === undefined) {
    throw new SiteFault({
      where: `${dataFolder}/keys/log.key`,
      what: 'the private key of the log is not there, so nothing can be signed',
      remedy: 'put the key back from its copy, or begin a new data directory',
    });
  }
  checkIdentity(signer.name, identity, dataFolder);
  const where = `${folder.path}/checkpoint`;
  if (found === undefined) {
    throw new LedgerDamage(
      'ledger.missing',
      where,
      'the log has signed checkpoints, but none is there',
    );
  }
  const { checkpoint, note } = found;
  if (checkpoint.origin !== state.origin || state.origin !== signer.name) {
    throw new LedgerDamage(
      'ledger.signature',
      where,
      'checkpoint, key and state name different logs',
    );
  }
  if (checkNote(note, [signer]) !== 'signed') {
    throw new LedgerDamage(
      'ledger.signature',
      where,
      'its signature is not of the key of this log',
    );
  }
  const vkey = await folder.vkey();
  if (vkey === undefined || vkeyText(vkey) !== vkeyText(signer)) {
    throw new LedgerDamage(
      'ledger.signature',
      `${folder.path}/vkey`,
      'it is not the key of this log',
    );
  }
  if (checkpoint.size > state.size) {
    throw new LedgerDamage(
      'ledger.root-mismatch',
      where,
      `it covers ${String(checkpoint.size)} leaves, but ${LOG_STATE} says that only ${String(state.size)} were signed`,
    );
  }
  const edge = await checkTree(folder, state);
  if (checkpoint.size === state.size) {
    if (!sameHash(checkpoint.root, rootOf(edge))) throw rootMismatch(where, state.size);
  } else {
    // The crash came between storing size and root and putting the checkpoint in place: it is signed again, which
    // gives the same bytes, once the older one is shown to be a part of it.
    const kept = await folder.rangeHash({ from: 0, until: checkpoint.size }, state.size);
    if (!sameHash(kept, checkpoint.root)) throw rootMismatch(where, checkpoint.size);
    await publishCheckpoint(folder, dataFolder, signer, state.size, rootOf(edge));
  }
  return { signer, edge, state: await tidy(folder, dataFolder, state), isNew: false };
}

const rootMismatch = (where: string, size: number): LedgerDamage =>
  new LedgerDamage(
    'ledger.root-mismatch',
    where,
    `the tiles do not lead to the root of the tree of ${String(size)} leaves that was signed`,
  );

/** The right edge, checked against the stored root and against the entries that it covers. */
async function checkTree(folder: LogFolder, state: LogState): Promise<Edge> {
  const edge = await readEdge(folder, state.size);
  if (!sameHash(rootOf(edge), Buffer.from(state.root, 'hex'))) {
    throw rootMismatch(`${folder.path}/tile`, state.size);
  }
  edge.entries.forEach((entry, at) => {
    const stored = edge.levels[0]?.[at];
    if (stored === undefined || !sameHash(leafHash(entry), stored)) {
      throw new LedgerDamage(
        'ledger.root-mismatch',
        `${folder.path}/tile/entries`,
        `leaf ${String(state.size - edge.entries.length + at)} is not the entry that was hashed`,
      );
    }
  });
  return edge;
}

/** Takes back what an interrupted append left: tiles that no signed tree has. */
async function tidy(folder: LogFolder, dataFolder: string, state: LogState): Promise<LogState> {
  if (state.writingSize === undefined) return state;
  for (const found of await listTiles(folder.files, folder.path)) {
    if (found.tile === undefined || found.isOf(state)) continue;
    await folder.files.remove(`${folder.path}/${tilePath(found.tile)}`);
  }
  const clean = { ...state, writingSize: undefined };
  await writeLogState(folder.files, dataFolder, clean);
  return clean;
}

async function createLog(
  folder: LogFolder,
  dataFolder: string,
  identity: Identity,
  hasCheckpoint: boolean,
): Promise<OpenedLog> {
  const { files } = folder;
  const tiles = await listTiles(files, folder.path);
  if (hasCheckpoint || tiles.length > 0) {
    throw new LedgerDamage(
      'ledger.missing',
      `${dataFolder}/${LOG_STATE}`,
      'there is a log but not the state that says how much of it was signed, so nothing may be signed after it',
    );
  }
  const signer =
    (await readSigner(folder, dataFolder)) ?? (await makeSigner(folder, dataFolder, identity));
  checkIdentity(signer.name, identity, dataFolder);
  const vkey = Buffer.from(`${vkeyText(signer)}\n`, 'utf8');
  await replaceFile(files, `${folder.path}/vkey`, `${dataFolder}/staging/vkey`, vkey);
  const root = emptyRoot();
  const state: LogState = {
    origin: signer.name,
    size: 0,
    root: Buffer.from(root).toString('hex'),
    writingSize: undefined,
    partials: [],
  };
  await writeLogState(files, dataFolder, state);
  await publishCheckpoint(folder, dataFolder, signer, 0, root);
  return { signer, edge: { size: 0, levels: [], entries: [] }, state, isNew: true };
}

async function readSigner(folder: LogFolder, dataFolder: string): Promise<Signer | undefined> {
  const where = `${dataFolder}/keys/log.key`;
  const bytes = await readWhole(folder.files, where);
  if (bytes === undefined) return undefined;
  try {
    return parseSigner((strictText(bytes) ?? '').trimEnd());
  } catch (cause) {
    if (!(cause instanceof NotWellFormed)) throw cause;
    const remedy = 'put the key back from its copy';
    throw new SiteFault({ where, what: cause.message, remedy }, { cause });
  }
}

async function makeSigner(
  folder: LogFolder,
  dataFolder: string,
  { origin, rehearsal }: Identity,
): Promise<Signer> {
  const named = origin ?? `trueup.invalid/${randomBytes(16).toString('hex')}`;
  const name = rehearsal && !named.startsWith(REHEARSAL) ? `${REHEARSAL}${named}` : named;
  if (!isKeyName(name)) {
    throw new SiteFault({
      where: 'ledger origin',
      what: `"${name}" cannot name a log`,
      remedy: 'use a name such as example.com/site-1, without spaces, plus or control characters',
    });
  }
  const signer = signerOf(name, randomBytes(32));
  const path = `${dataFolder}/keys/log.key`;
  const text = Buffer.from(`${signerText(signer)}\n`, 'utf8');
  await replaceFile(folder.files, path, `${path}.new`, text, 0o600);
  return signer;
}

function checkIdentity(name: string, { origin, rehearsal }: Identity, dataFolder: string): void {
  const isRehearsal = name.startsWith(REHEARSAL);
  if (isRehearsal !== rehearsal) {
    throw new SiteFault({
      where: dataFolder,
      what: isRehearsal
        ? 'the data directory holds the log of a rehearsal'
        : 'the data directory holds the log of a real site, and this is a rehearsal',
      remedy: 'give this run a directory of its own with --data',
    });
  }
  if (origin === undefined || name === origin || name === `${REHEARSAL}${origin}`) return;
  throw new SiteFault({
    where: dataFolder,
    what: `the data directory holds the log ${name}, but the site file names ${origin}`,
    remedy: 'keep the name in the site file, or begin a new data directory',
  });
}
