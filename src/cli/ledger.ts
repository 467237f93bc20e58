// `trueup ledger`: is what lies in a data directory what was written, and who says so?
import { readFileSync } from 'node:fs';
import { SiteFault } from '../quantity/fault.ts';
import { verifyLedger } from '../ledger/index.ts';
import { type Command, EXIT, jsonLine, readArguments, UsageError } from './command.ts';

export const LEDGER: Command = {
  about: 'verify the ledger of a data directory, offline',
  help: `trueup ledger - the tamper-evident record

usage: trueup ledger verify DATA_DIR [--vkey FILE | --policy FILE] [--json]

  DATA_DIR        what was given to "trueup run" with --data; the service may be running
  --vkey FILE     the log's verifier key, from elsewhere than the log: only that detects a replaced log
  --policy FILE   a C2SP policy file that names the log
  --json          one JSON object with the verdict

It checks the checkpoint's signature, every tile, every entry, the Merkle root, every record of the
journal, and every sealed block against its raw bytes; it names the first bad thing and ends with 1.

example: trueup ledger verify ./trueup-data --vkey auditor/log.vkey`,
  run: async (argv, terminal) => {
    const { values, positionals } = readArguments({
      args: argv,
      allowPositionals: true,
      options: {
        vkey: { type: 'string' },
        policy: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const [action, dataDir, ...surplus] = positionals;
    if (action !== 'verify' || dataDir === undefined || surplus.length > 0) {
      throw new UsageError('it takes "verify" and a DATA_DIR');
    }
    if (values.vkey !== undefined && values.policy !== undefined) {
      throw new UsageError('--vkey and --policy exclude each other');
    }
    let shownPercent = -1;
    const verdict = await verifyLedger(dataDir, {
      vkey: values.vkey === undefined ? undefined : textOf(values.vkey, '--vkey'),
      policy: values.policy === undefined ? undefined : textOf(values.policy, '--policy'),
      onProgress: ({ part, doneCount, ofCount }) => {
        const percent = ofCount === 0 ? 100 : Math.floor((10 * doneCount) / ofCount) * 10;
        if (percent === shownPercent || !terminal.interactive) return;
        shownPercent = percent;
        terminal.err(`${part}: ${percent} %`);
      },
    });
    if (values.json) terminal.out(jsonLine(verdict));
    if (verdict.kind === 'damaged') {
      if (!values.json) terminal.err(`${verdict.code} at ${verdict.where}: ${verdict.what}`);
      return EXIT.wrong;
    }
    if (!values.json) {
      terminal.out(`verified: ${verdict.origin}`);
      terminal.out(`${verdict.leavesCount} leaves, root ${verdict.root}`);
      terminal.out(
        `${verdict.recordsCount} raw records in ${verdict.journalBytes} bytes, ${verdict.blocksCount} sealed blocks`,
      );
      for (const note of verdict.notes) terminal.out(`note: ${note}`);
      if (verdict.trust === 'own') {
        terminal.out(
          'note: the key came from the log itself, so this cannot detect a log that was replaced as a whole; give --vkey from elsewhere',
        );
      }
    }
    return EXIT.done;
  },
};

function textOf(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SiteFault(
      { where: `${option} ${path}`, what: 'the file cannot be read', remedy: 'check the path' },
      { cause },
    );
  }
}
