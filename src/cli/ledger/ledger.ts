// `trueup ledger`: is what lies in a data directory, or in the hands of a tenant, what was written, and who says so?
import { type Command, readArguments, type Terminal, UsageError } from '../command.ts';
import type { LedgerOptions } from './ledger-options.ts';
import { cosignLog, proveLeaf, proveStatement } from './ledger-prove.ts';
import { verifyDataDirectory, verifyHandedOut } from './ledger-verify.ts';
import { isSettlementFolder } from '../settle/settlement-folder.ts';

export const LEDGER: Command = {
  about: 'verify the ledger of a data directory, offline',
  help: `trueup ledger - the tamper-evident record

usage: trueup ledger verify DATA_DIR [--vkey FILE | --policy FILE] [--json]
       trueup ledger verify STATEMENT --vkey FILE | --policy FILE [--json]
       trueup ledger prove FOLDER [--line N | --account ID] [--out FILE] [--data DIR]
       trueup ledger prove DATA_DIR --leaf N --out FILE
       trueup ledger cosign DATA_DIR --policy FILE

  DATA_DIR        what was given to "trueup run" with --data; the service may be running
  STATEMENT       a settlement's folder, or a file that "prove" wrote
  FOLDER          a settlement's folder below DATA_DIR/settlements
  --vkey FILE     the log's verifier key, from elsewhere than the log: only that detects a replaced log
  --policy FILE   a C2SP policy: the log, and the witnesses that must have cosigned
  --line N        this line of lines.jsonl, from 0; may be repeated
  --account ID    all lines of one account
  --leaf N        the C2SP tlog-proof of any entry
  --data DIR      make the folder's own proof anew, from this data directory: after witnesses cosigned
  --json          one JSON object

verify checks a data directory from its checkpoint to the last raw record; of a statement it checks the
lines, the entry and the proof, offline. It names the first bad thing and ends with 1.
cosign asks the witnesses of the policy that have a URL; proofs made from then on carry what they signed.

example: trueup ledger verify ./trueup-data --vkey auditor/log.vkey`,
  run: async (argv, terminal) => {
    const { values, positionals } = readArguments({
      args: argv,
      allowPositionals: true,
      options: {
        vkey: { type: 'string' },
        policy: { type: 'string' },
        line: { type: 'string', multiple: true },
        account: { type: 'string' },
        leaf: { type: 'string' },
        out: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const [action, path, ...surplus] = positionals;
    if (path === undefined || surplus.length > 0) {
      throw new UsageError('it takes "verify", "prove" or "cosign", and one path');
    }
    if (values.vkey !== undefined && values.policy !== undefined) {
      throw new UsageError('--vkey and --policy exclude each other');
    }
    return act(action ?? '', path, values, terminal);
  },
};

function act(
  action: string,
  path: string,
  options: LedgerOptions,
  terminal: Terminal,
): Promise<number> {
  const isStatement = isSettlementFolder(path) || path.endsWith('.json');
  switch (action) {
    case 'verify':
      if (!isStatement) return verifyDataDirectory(path, options, terminal);
      return Promise.resolve(verifyHandedOut(path, options, terminal));
    case 'prove':
      return isStatement
        ? proveStatement(path, options, terminal)
        : proveLeaf(path, options, terminal);
    case 'cosign':
      return cosignLog(path, options, terminal);
    default:
      throw new UsageError(`"${action}" is none of "verify", "prove" and "cosign"`);
  }
}
