// What the log has promised, kept outside of it: the largest tree it has signed or is about to sign. It is written
// before the signature, so that a log that forgets (a crash, a restored disk) never signs two histories.
import { LedgerDamage } from './ledger.ts';
import { readWhole, replaceFile, type FilePort } from './file-port.ts';
import { canonicalBytes, isCanonical, readObject } from './canonical.ts';

export interface LogState {
  readonly origin: string;
  /** Size and root (hex) of the tree that was last signed, or that may be signed. */
  readonly size: number;
  readonly root: string;
  /** Size of a tree whose tiles may lie there in part: an append has begun and not ended. Else undefined. */
  readonly writingSize: number | undefined;
  /** Paths below the log of all partial tiles of signed trees whose full tile does not exist yet. */
  readonly partials: readonly string[];
}

export const LOG_STATE = 'log-state';

export const writeLogState = (
  files: FilePort,
  dataFolder: string,
  state: LogState,
): Promise<void> =>
  replaceFile(
    files,
    `${dataFolder}/${LOG_STATE}`,
    `${dataFolder}/staging/${LOG_STATE}`,
    canonicalBytes({
      origin: state.origin,
      size: state.size,
      root: state.root,
      writing_size: state.writingSize,
      partials: state.partials,
    }),
  );

/** undefined where there is none. @throws LedgerDamage where it is not what we wrote */
export async function readLogState(
  files: FilePort,
  dataFolder: string,
): Promise<LogState | undefined> {
  const where = `${dataFolder}/${LOG_STATE}`;
  const bytes = await readWhole(files, where);
  if (bytes === undefined) return undefined;
  const json = isCanonical(bytes) ? readObject(bytes) : undefined;
  const { origin, size, root, writing_size: writingSize, partials } = json ?? {};
  if (
    typeof origin !== 'string' ||
    !isCount(size) ||
    typeof root !== 'string' ||
    !/^[0-9a-f]{64}$/.test(root) ||
    !(writingSize === undefined || isCount(writingSize)) ||
    !isTexts(partials)
  ) {
    throw new LedgerDamage('ledger.encoding', where, 'it is not the state that the log wrote');
  }
  return { origin, size, root, writingSize, partials };
}

const isCount = (plain: unknown): plain is number =>
  typeof plain === 'number' && Number.isSafeInteger(plain) && plain >= 0;

const isTexts = (plain: unknown): plain is string[] =>
  Array.isArray(plain) && plain.every((text) => typeof text === 'string');
