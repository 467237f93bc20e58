// `trueup settle`: the energy of a period, posted to accounts to the microjoule, gated, and written into the ledger.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { lineBytes, lineRoot, readLedger, type LedgerReader } from '../../ledger/index.ts';
import { differenceLines } from '../../publish/settlement-difference.ts';
import { settlementDocument, settlementLineJson } from '../../publish/settlement-json.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { type DurationNs, instantNs, type Interval, toSeconds } from '../../quantity/time.ts';
import type { KnownStatement } from '../../settle/accounts/period-ports.ts';
import { type PeriodOutcome, PeriodSettlement } from '../../settle/accounts/settle-period.ts';
import { type AccountsFile, readAccountsFile } from './accounts-file.ts';
import { appendSettlement, writeEntryAndProof } from './append-settlement.ts';
import {
  type Command,
  EXIT,
  jsonLine,
  readArguments,
  type Terminal,
  UsageError,
} from '../command.ts';
import { earlierSettlement } from './earlier-settlement.ts';
import { civilPeriod, offsetIn, timeZonesVersion } from '../local-time.ts';
import { trueupVersion } from '../package-version.ts';
import { parsePeriod } from '../period.ts';
import {
  isSettlementFolder,
  LINES_FILE,
  linesFile,
  settlementFolder,
  writeDurably,
} from './settlement-folder.ts';
import { settlementSummary } from './settlement-summary.ts';
import { readSiteFile } from '../site/site-file.ts';
import { coreIdentity } from '../run/software-identification.ts';

export const SETTLE: Command = {
  about: 'post the energy of a period to accounts, and put it into the ledger',
  help: `trueup settle - what each account used in a period, as a statement that can be checked

usage: trueup settle --site FILE --accounts FILE --period P [--data DIR] [--reason TEXT]
                     [--provisional] [--dry-run] [--json]

  --site FILE      the site file: interval and name
  --accounts FILE  who pays for what which meter counts, see docs/accounts-file.md
  --period P       a month (2026-11) or a day (2026-11-05) in the zone of the accounts file;
                   or --from T --to T in UTC
  --data DIR       the data directory of the service, which may be running [./trueup-data]
  --reason TEXT    why a period is settled again: it is issued as a difference
  --provisional    settle although a gate says no; the statement says so, and which
  --dry-run        show the lines, write nothing

Every microjoule of every meter is posted to exactly one account. It is refused (exit code 3) where too
many intervals are missing, where more is unaccounted for than its account may have, or where a meter of
the ledger is posted nowhere. Lines, log entry and proof lie in DIR/settlements/.

example: trueup settle --site site.yaml --accounts accounts.yaml --data /var/lib/trueup --period 2026-11`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        site: { type: 'string' },
        accounts: { type: 'string' },
        period: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        reason: { type: 'string', default: '' },
        provisional: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.site === undefined) throw new UsageError('--site FILE is missing');
    if (values.accounts === undefined) throw new UsageError('--accounts FILE is missing');
    const site = readSiteFile(values.site);
    const accounts = readAccountsFile(values.accounts, site.interval);
    const period = periodOf(values, accounts.zone, site.interval);
    const name = accounts.plan.name;
    const ledger = await readLedger(values.data);
    try {
      const earlier = earlierSettlement(ledger.settlements(), name, period, values.data);
      // A machine that stopped between the entry and its proof leaves lines whose root is in the log, and nothing beside them.
      if (earlier && !values['dry-run'] && !isSettlementFolder(earlier.folder)) {
        await writeEntryAndProof(ledger, earlier.leaf, earlier.folder);
        terminal.err(
          `entry and proof of version ${String(earlier.version)} were missing, and are in ${earlier.folder} now`,
        );
        if (values.reason === '') return EXIT.done;
      }
      if (earlier?.isFinal === true && values.reason === '' && !values['dry-run']) {
        terminal.err(
          `trueup settle: ${name} is settled for this period as version ${String(earlier.version)}; give --reason to issue a difference`,
        );
        return EXIT.refused;
      }
      const outcome = await settlePeriod(ledger, accounts, period, site.interval, terminal);
      const plain = outcome.lines.map(settlementLineJson);
      const changes = earlier ? differenceLines(earlier.lines, plain) : [];
      const lines = [...plain, ...changes];
      const isAllowed = outcome.refusals.length === 0 || values.provisional || values['dry-run'];
      if (values.json) {
        terminal.out(jsonLine({ refused: outcome.refusals, lines }));
      } else {
        settlementSummary(lines).forEach(terminal.out);
      }
      for (const { code, because, remedy } of outcome.refusals) {
        terminal.err(`${code}: ${because}; ${remedy}`);
      }
      if (!isAllowed) return EXIT.refused;
      if (values['dry-run']) return EXIT.done;
      const wasFinal = earlier === undefined || earlier.isFinal;
      if (earlier && changes.length === 0 && (wasFinal || outcome.refusals.length > 0)) {
        if (!values.json) terminal.out('nothing changed: no new version');
        return EXIT.done;
      }
      const version = (earlier?.version ?? 0) + 1;
      const folder = settlementFolder(values.data, name, period, version);
      // The lines first: what the log names must be there.
      await writeDurably(join(folder, LINES_FILE), linesFile(lines));
      const document = settlementDocument({
        settlement: name,
        site: site.name,
        rehearsal: site.rehearsal !== undefined,
        period,
        zone: accounts.zone,
        intervalS: toSeconds(site.interval),
        version,
        supersedes: earlier?.sha256 ?? '',
        reason: earlier ? values.reason || 'the version before was provisional' : '',
        refusals: outcome.refusals,
        accountsSha256: accounts.sha256,
        core: coreIdentity(trueupVersion()),
        timeZones: timeZonesVersion(),
        linesCount: lines.length,
        linesRoot: lineRoot(lines.map(lineBytes)),
      });
      const leaf = await appendSettlement(values.data, site, document, folder);
      if (values.json) terminal.out(jsonLine({ version, leaf, folder }));
      else
        terminal.out(
          `version ${String(version)} is leaf ${String(leaf)}, with its proof in ${folder}`,
        );
    } finally {
      ledger.close();
    }
    return EXIT.done;
  },
};

function periodOf(
  values: { readonly period?: string; readonly from?: string; readonly to?: string },
  zone: string,
  interval: DurationNs,
): Interval {
  const hasBoth = values.from !== undefined && values.to !== undefined;
  if ((values.period === undefined) !== hasBoth) {
    throw new UsageError('give --period P, or --from T and --to T');
  }
  const period =
    values.period === undefined
      ? parsePeriod(values.from, values.to)
      : civilPeriod(values.period, zone);
  if (period.fromNs % interval !== 0n || period.untilNs % interval !== 0n) {
    const remedy = 'let it begin and end where an interval does';
    throw new SiteFault({ where: 'the period', what: 'it cuts an interval', remedy });
  }
  return period;
}

/** One day is asked for at a time, so that a month of a large site does not stand in memory. */
const STRIDE_NS = 86_400_000_000_000n;

async function settlePeriod(
  ledger: Pick<LedgerReader, 'heldBetween'>,
  { plan, zone }: AccountsFile,
  period: Interval,
  interval: DurationNs,
  terminal: Terminal,
): Promise<PeriodOutcome> {
  const settlement = new PeriodSettlement(plan, period, interval, {
    offsetOf: offsetIn(zone),
    digest: sha256OfHashes,
  });
  for (let fromNs = period.fromNs; fromNs < period.untilNs;) {
    const strideEnd = instantNs(fromNs + STRIDE_NS);
    const untilNs = strideEnd < period.untilNs ? strideEnd : period.untilNs;
    const found = await ledger.heldBetween(fromNs, untilNs);
    const byStart = new Map<bigint, Map<string, KnownStatement>>();
    for (const stored of found) {
      const { point, kind, startNs } = stored.statement;
      const those = byStart.get(startNs) ?? new Map<string, KnownStatement>();
      byStart.set(startNs, those);
      those.set(`${point}|${kind}`, stored);
    }
    // An interval without any statement is taken as well: it is what nobody counted.
    for (let at: bigint = fromNs; at < untilNs; at += interval) {
      settlement.take(instantNs(at), byStart.get(at) ?? new Map<string, KnownStatement>());
    }
    if (terminal.interactive) {
      const doneCount = untilNs - period.fromNs;
      const percent = (100n * doneCount) / (period.untilNs - period.fromNs);
      terminal.err(`settled ${percent.toString()} %`);
    }
    fromNs = untilNs;
  }
  return settlement.finish();
}

const sha256OfHashes = (): { add(sha256: string): void; hex(): string } => {
  const hash = createHash('sha256');
  return {
    add: (sha256) => void hash.update(Buffer.from(sha256, 'hex')),
    hex: () => hash.digest('hex'),
  };
};
