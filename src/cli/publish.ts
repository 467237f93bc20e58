// `trueup publish`: is what the sinks hold what the ledger says? Proved by reading back.
import { readLedger } from '../ledger/index.ts';
import { type Reconciliation, reconcile } from '../publish/reconcile.ts';
import { openSink } from '../publish/sinks.ts';
import { type InstantNs, instantNs, NS_PER_S } from '../quantity/time.ts';
import { type Command, EXIT, jsonLine, readArguments, UsageError } from './command.ts';
import { parsePeriod } from './period.ts';
import { readSiteFile } from './site/site-file.ts';
import { systemClock, systemTimers } from './system-clock.ts';

export const PUBLISH: Command = {
  about: 'compare the sinks with the ledger, and mend them',
  help: `trueup publish - sinks against the ledger

usage: trueup publish --reconcile [--repair] --site FILE [--data DIR] [--sink ID] [--from T] [--to T] [--json]

  --reconcile   read every settled row back and compare it with the ledger, both ways
  --repair      write what is missing or different, remove what the ledger does not have, read again
  --site FILE   the site file: it names the sinks
  --data DIR    the data directory of the service [./trueup-data]
  --sink ID     this sink only
  --from, --to  UTC instants; everything without them

Exit code 1 where a sink differs, 4 where one cannot be reached or cannot be read back.

example: trueup publish --reconcile --repair --site site.yaml --data /var/lib/trueup`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        reconcile: { type: 'boolean', default: false },
        repair: { type: 'boolean', default: false },
        site: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        sink: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    if (!values.reconcile) throw new UsageError('--reconcile is what it does: say so');
    if (values.site === undefined) throw new UsageError('--site FILE is missing');
    const site = readSiteFile(values.site);
    const configs = site.sinks.filter(({ id }) => values.sink === undefined || id === values.sink);
    if (configs.length === 0) throw new UsageError('the site file has no such sink');
    const period = parsePeriod(values.from, values.to);
    const ledger = await readLedger(values.data);
    try {
      const span = ledger.statements.span();
      // A day more on either side: rows that the ledger does not have lie there if anywhere.
      const fromNs = span ? latest(period.fromNs, span.fromNs - DAY_NS) : period.fromNs;
      const untilNs = span ? earliest(period.untilNs, span.untilNs + DAY_NS) : period.fromNs;
      let worst: number = EXIT.done;
      for (const config of configs) {
        const sink = openSink(
          config,
          { name: site.name, rehearsal: site.rehearsal !== undefined },
          { clock: systemClock(), timers: systemTimers, dataDir: values.data },
        );
        const opened = await sink.open();
        if (opened.outcome === 'later') {
          terminal.err(`${config.id}: cannot be reached: ${opened.because}`);
          worst = EXIT.unreachable;
          continue;
        }
        // Rows that a running service has not sent yet show as missing: they are, until they are sent.
        const held = {
          statements: ledger.statements,
          cursors: { get: () => ledger.size, refused: () => [] },
        };
        const found = await reconcile(sink, held, { fromNs, untilNs, repair: values.repair });
        await sink.close();
        if (values.json) terminal.out(jsonLine(outcomeJson(config.id, found)));
        else terminal.out(outcomeText(config.id, found));
        if (!found.found.readable) worst = EXIT.unreachable;
        else if (!found.equal && worst === EXIT.done) worst = EXIT.wrong;
      }
      return worst;
    } finally {
      ledger.close();
    }
  },
};

const DAY_NS = 86_400n * NS_PER_S;
const latest = (a: InstantNs, b: bigint): InstantNs => (a > b ? a : instantNs(b));
const earliest = (a: InstantNs, b: bigint): InstantNs => (a < b ? a : instantNs(b));

function outcomeText(sink: string, { found, afterRepair, trouble, equal }: Reconciliation): string {
  if (!found.readable) return `${sink}: this sink cannot be read back`;
  const counts = `${found.comparedCount} rows compared, ${found.missing.length} missing, ${found.extra.length} extra, ${found.different.length} different, ${found.waitingCount} waiting`;
  const mended = afterRepair ? '; repaired and read again' : '';
  return `${sink}: ${equal ? 'equals the ledger' : 'DIFFERS from the ledger'}: ${counts}${mended}${trouble === '' ? '' : `; ${trouble}`}`;
}

const outcomeJson = (
  sink: string,
  { found, afterRepair, trouble, equal }: Reconciliation,
): Record<string, unknown> => ({
  sink,
  equal,
  readable: found.readable,
  compared: found.comparedCount,
  missing: found.missing.length,
  extra: found.extra.length,
  different: found.different.length,
  waiting: found.waitingCount,
  refused: found.refused.length,
  repaired: afterRepair !== undefined,
  trouble,
});
