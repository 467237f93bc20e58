// `trueup ledger verify`: a whole data directory, or a statement that somebody was given.
import { givenPolicy, verifyLedger } from '../../ledger/index.ts';
import { EXIT, jsonLine, type Terminal, UsageError } from '../command.ts';
import type { LedgerOptions } from './ledger-options.ts';
import { readText } from '../settle/settlement-folder.ts';
import { settlementSummary } from '../settle/settlement-summary.ts';
import { verifyStatement } from './statement-proof.ts';

const textOf = (path: string | undefined, option: string): string | undefined =>
  path === undefined ? undefined : readText(path, option);

export async function verifyDataDirectory(
  dataDir: string,
  { vkey, policy, json }: LedgerOptions,
  terminal: Terminal,
): Promise<number> {
  let shownPercent = -1;
  const verdict = await verifyLedger(dataDir, {
    vkey: textOf(vkey, '--vkey'),
    policy: textOf(policy, '--policy'),
    onProgress: ({ part, doneCount, ofCount }) => {
      const percent = ofCount === 0 ? 100 : Math.floor((10 * doneCount) / ofCount) * 10;
      if (percent === shownPercent || !terminal.interactive) return;
      shownPercent = percent;
      terminal.err(`${part}: ${percent} %`);
    },
  });
  if (json) terminal.out(jsonLine(verdict));
  if (verdict.kind === 'damaged') {
    if (!json) terminal.err(`${verdict.code} at ${verdict.where}: ${verdict.what}`);
    return EXIT.wrong;
  }
  if (json) return EXIT.done;
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
  return EXIT.done;
}

/** Offline: nothing but the file, or the folder, and the key or policy. Throws LedgerDamage where it is not what was signed. */
export function verifyHandedOut(path: string, options: LedgerOptions, terminal: Terminal): number {
  const policy = givenPolicy({
    vkey: textOf(options.vkey, '--vkey'),
    policy: textOf(options.policy, '--policy'),
  });
  if (policy === undefined) {
    throw new UsageError('a statement is checked with --vkey or --policy, from elsewhere than it');
  }
  const { proved, document, lines } = verifyStatement(path, policy);
  const { origin, leaf, size, cosigned } = proved;
  const witnesses = cosigned.map(({ witness, atS }) => ({
    name: witness.name,
    at: new Date(Number(atS) * 1000).toISOString(),
  }));
  if (options.json) {
    terminal.out(jsonLine({ kind: 'verified', origin, leaf, size, witnesses, document, lines }));
    return EXIT.done;
  }
  terminal.out(`verified: leaf ${String(leaf)} of ${String(size)} in ${origin}`);
  for (const { name, at } of witnesses) terminal.out(`cosigned by ${name} at ${at}`);
  const said = (name: string): string => String(document[name]);
  terminal.out(
    `${said('settlement')} of ${said('site')}, ${said('from')} to ${said('until')}, version ${said('version')}: ${said('standing')}`,
  );
  settlementSummary(lines).forEach(terminal.out);
  terminal.out(`${String(lines.length)} of ${said('lines_count')} lines lead to the signed root`);
  return EXIT.done;
}
