// Checks a whole data directory without believing anything but a key: checkpoint, files, tree, entries, sealed blocks and
// raw records, in this order, and names the first bad thing. It takes no lock and changes nothing.
import { resolve } from 'node:path';
import { SiteFault, type FaultCode } from '../quantity/fault.ts';
import { disk } from './disk.ts';
import { readWhole, type FilePort } from './file-port.ts';
import { LedgerDamage } from './ledger.ts';
import { LogFolder } from './log-folder.ts';
import { LOG_STATE, readLogState } from './log-state.ts';
import { NotWellFormed, parseVkey } from './note.ts';
import { parsePolicy, type Policy } from './policy.ts';
import { verifySigned } from './tlog-proof.ts';
import { verifyJournal } from './verify-journal.ts';
import { verifyInventory, verifyOlder } from './verify-files.ts';
import { verifyCheckpoint, verifyState, verifyTree } from './verify-log.ts';
import { assertExtends, readWitnessed, WITNESSED } from './witnessed.ts';

export interface VerifyOptions {
  /** Text of a verifier key from elsewhere than the log. */
  readonly vkey?: string | undefined;
  /** Text of a C2SP policy file. */
  readonly policy?: string | undefined;
  readonly files?: FilePort;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly part: 'log' | 'journal';
  /** Leaves of the log, or bytes of the journal. */
  readonly doneCount: number;
  readonly ofCount: number;
}

export type Verdict =
  | {
      readonly kind: 'verified';
      readonly origin: string;
      readonly leavesCount: number;
      /** Base64, as in the checkpoint. */
      readonly root: string;
      readonly blocksCount: number;
      readonly recordsCount: number;
      readonly journalBytes: number;
      /** `own`: the key came from the log itself, so a log that was replaced as a whole is not detected. */
      readonly trust: 'given' | 'own';
      /** What a reader should know though nothing is wrong. */
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'damaged';
      readonly code: FaultCode;
      /** File, and offset, leaf or positions where they can be told. */
      readonly where: string;
      readonly what: string;
    };

/** A service appends a few times a minute; one that appends without a pause is met between two appends in the end. */
const ATTEMPTS_COUNT = 100;

/**
 * Verifies the ledger of a data directory.
 * @throws SiteFault where there is no ledger, or the key or policy given is malformed
 */
export async function verifyLedger(dataDir: string, options: VerifyOptions = {}): Promise<Verdict> {
  const files = options.files ?? disk;
  const root = resolve(dataDir);
  const folder = new LogFolder(files, `${root}/log`);
  if ((await files.list(folder.path)).length === 0) {
    throw new SiteFault({
      where: root,
      what: 'there is no ledger in this directory',
      remedy: 'name the data directory that was given to trueup run with --data',
    });
  }
  const policy = givenPolicy(options);
  for (let attempt = 1; ; attempt++) {
    const before = await markOf(folder, root);
    try {
      return await verifyAll(folder, root, policy, options);
    } catch (error) {
      if (!(error instanceof LedgerDamage)) throw error;
      // A service that runs has appended meanwhile, or begun to: what was read belongs to two trees, and says nothing.
      const hasMoved = (await markOf(folder, root)) !== before;
      if (hasMoved && attempt < ATTEMPTS_COUNT) continue;
      return { kind: 'damaged', code: error.code, where: error.where, what: error.what };
    }
  }
}

/** Changes whenever an append to the log begins or ends. */
async function markOf(folder: LogFolder, root: string): Promise<string> {
  const files = [`${folder.path}/checkpoint`, `${root}/${LOG_STATE}`];
  const texts = await Promise.all(files.map((path) => readWhole(folder.files, path)));
  return texts.map((text) => Buffer.from(text ?? []).toString('base64')).join(' ');
}

async function verifyAll(
  folder: LogFolder,
  root: string,
  policy: Policy | undefined,
  { onProgress }: VerifyOptions,
): Promise<Verdict> {
  const { files } = folder;
  const notes: string[] = [];
  const own = await folder.vkey();
  if (own === undefined) {
    throw new LedgerDamage('ledger.missing', `${folder.path}/vkey`, 'the log has no verifier key');
  }
  if (policy === undefined) {
    notes.push(
      'the key came from the log itself: a log that was replaced as a whole is not detected',
    );
  }
  const bytes = await readWhole(files, `${folder.path}/checkpoint`);
  const checkpoint = verifyCheckpoint(folder, policy?.logs ?? [own], bytes);
  const state = await readLogState(files, root);
  if (state === undefined) {
    notes.push(`${LOG_STATE} is not there: whether this is the newest checkpoint cannot be told`);
  } else {
    verifyState(state, checkpoint, `${root}/${LOG_STATE}`);
    if (state.writingSize !== undefined) {
      notes.push(
        'an append to the log was interrupted or is under way; the next start completes it',
      );
    }
  }
  const { size } = checkpoint;
  const seen = await readWitnessed(files, root);
  if (seen !== undefined) await assertExtends(folder, checkpoint, seen);
  if (policy !== undefined && policy.quorum !== 'none') {
    const where = `${root}/${WITNESSED}`;
    if (seen === undefined) {
      throw new LedgerDamage('ledger.quorum', where, 'no witness has cosigned this log');
    }
    const cosigned = verifySigned(seen.note, seen.checkpoint, policy, where);
    const names = cosigned.map(({ witness }) => witness.name).join(', ');
    notes.push(`cosigned by ${names} up to leaf ${String(seen.checkpoint.size)}`);
  }
  const older = await verifyInventory(folder, size, state);
  const blocks = await verifyTree(folder, checkpoint, (doneCount) => {
    onProgress?.({ part: 'log', doneCount, ofCount: size });
  });
  await verifyOlder(folder, size, older);
  const audit = await verifyJournal(
    files,
    `${root}/journal`,
    folder.path,
    blocks,
    (doneCount, ofCount) => {
      onProgress?.({ part: 'journal', doneCount, ofCount });
    },
  );
  if (audit.tornBytes > 0) {
    notes.push(
      `the journal ends in ${String(audit.tornBytes)} bytes of a write that was cut off (ledger.torn-tail); they were not acknowledged`,
    );
  }
  return {
    kind: 'verified',
    origin: checkpoint.origin,
    leavesCount: size,
    root: Buffer.from(checkpoint.root).toString('base64'),
    blocksCount: blocks.length,
    recordsCount: audit.recordsCount,
    journalBytes: audit.sizeBytes,
    trust: policy === undefined ? 'own' : 'given',
    notes,
  };
}

/** The keys to believe: a policy, or a log's key with no quorum; undefined where none was given. Throws SiteFault. */
export function givenPolicy({
  vkey,
  policy,
}: Pick<VerifyOptions, 'vkey' | 'policy'>): Policy | undefined {
  if (policy !== undefined) return parsePolicy(policy, 'policy');
  if (vkey === undefined) return undefined;
  try {
    const logs = [parseVkey(vkey.replace(/\n$/, ''))];
    return { logs, witnesses: [], groups: new Map(), quorum: 'none' };
  } catch (cause) {
    if (!(cause instanceof NotWellFormed)) throw cause;
    const remedy = 'give a file with one line name+keyid+base64';
    throw new SiteFault({ where: 'vkey', what: cause.message, remedy }, { cause });
  }
}
