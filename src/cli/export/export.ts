// `trueup export`: settled intervals of a period, or a settlement, as a file that others' software reads; the same bytes
// every time.
import { readLedger } from '../../ledger/index.ts';
import { PUE_CATEGORIES, pueOf } from '../../publish/kpi.ts';
import { statementHtml } from '../../publish/statement-html.ts';
import { KINDS } from '../../quantity/quality.ts';
import {
  type Command,
  EXIT,
  jsonLine,
  readArguments,
  type Terminal,
  UsageError,
} from '../command.ts';
import {
  exportIntervals,
  gateOf,
  INTERVAL_FORMATS,
  type IntervalExport,
} from './export-intervals.ts';
import { parsePeriod } from '../period.ts';
import { openSettlement, type OpenedSettlement } from '../settle/settlement-folder.ts';
import { writeWhole } from '../write-whole.ts';

const FORMATS = [...INTERVAL_FORMATS, 'html', 'kpi'] as const;

export const EXPORT: Command = {
  about: 'write settled intervals of a period, or a settlement, to a file',
  help: `trueup export - settled energy as a file

usage: trueup export --out FILE [--from T] [--to T] [--format csv|espi|ocmf] [--kind KIND]
                     [--point POINT] [--data DIR] [--settlement FOLDER] [--key FILE] [--provisional]
       trueup export --out FILE --format html --settlement FOLDER [--account ID]
       trueup export --out FILE --format kpi --settlement FOLDER --category 1|2|3
                     --facility POINT --it POINT

  --out FILE       where to write; it appears when it is complete
  --from T         first interval start, UTC: 2026-11-01 or 2026-11-01T06:00:00Z [everything]
  --to T           intervals that start before this
  --format csv     point,start,duration_s,energy_uj,energy_kwh,u_kwh,quality,method,tier,version,leaf
  --format espi    Green Button (NAESB ESPI 4.0): an Atom feed with readings in mWh
  --format ocmf    OCMF fiscal records: the register at each interval's end, one signed line each
  --format html    a printable statement of a settlement
  --format kpi     PUE of a settlement as JSON
  --kind KIND      only ${KINDS.join(', ')}; may be repeated
  --point POINT    only this point; may be repeated
  --data DIR       the data directory of the service, which may be running [./trueup-data]
  --settlement DIR a settlement's folder; with espi its accounts come along as bills, and meters whose
                   certificate held over the period are marked as revenue quality
  --key FILE       PEM key on P-256 that signs OCMF records
  --account ID     only this account
  --provisional    write although less than 99 % of the intervals are final

Without --provisional an incomplete period is refused (exit code 3).

example: trueup export --from 2026-11-01 --to 2026-12-01 --kind metered --out november.csv`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        format: { type: 'string', default: 'csv' },
        kind: { type: 'string', multiple: true },
        point: { type: 'string', multiple: true },
        out: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        settlement: { type: 'string' },
        key: { type: 'string' },
        account: { type: 'string' },
        category: { type: 'string' },
        facility: { type: 'string', multiple: true },
        it: { type: 'string', multiple: true },
        provisional: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.out === undefined) throw new UsageError('--out FILE is missing');
    const format = FORMATS.find((known) => known === values.format);
    if (format === undefined) throw new UsageError(`--format takes ${FORMATS.join(', ')}`);
    const settlement =
      values.settlement === undefined ? undefined : openSettlement(values.settlement);
    const wish = { ...values, out: values.out };
    if (format === 'html' || format === 'kpi') {
      if (settlement === undefined) throw new UsageError('--settlement FOLDER is missing');
      const text = format === 'html' ? pageOf(settlement, wish.account) : kpiOf(settlement, wish);
      await writeWhole(wish.out, (write) => write(text));
      say(terminal, values.json, { out: wish.out }, wish.out);
      return EXIT.done;
    }
    const asked = parsePeriod(values.from, values.to);
    const kinds = kindsOf(values.kind);
    const ledger = await readLedger(values.data);
    try {
      const span = ledger.statements.span() ?? asked;
      const intervals: IntervalExport = {
        format,
        period: {
          fromNs: span.fromNs > asked.fromNs ? span.fromNs : asked.fromNs,
          untilNs:
            values.to === undefined && span.untilNs < asked.untilNs ? span.untilNs : asked.untilNs,
        },
        kinds,
        points: values.point,
        site: siteOf(settlement),
        keyFile: values.key,
        settlement: settlement && {
          lines: settlement.lines,
          isFinal: settlement.document['standing'] === 'final',
        },
        onProgress: progressOn(terminal),
      };
      const refusal = await gateOf(ledger, intervals, values.to === undefined);
      if (refusal && !values.provisional) {
        terminal.err(`${refusal.code}: ${refusal.because}; ${refusal.remedy}`);
        return EXIT.refused;
      }
      const rowsCount = await writeWhole(wish.out, (write) =>
        exportIntervals(ledger, intervals, write),
      );
      const provisional = refusal === undefined ? {} : { provisional: refusal.because };
      const said = `${String(rowsCount)} rows in ${wish.out}`;
      say(terminal, values.json, { rows: rowsCount, out: wish.out, ...provisional }, said);
    } finally {
      ledger.close();
    }
    return EXIT.done;
  },
};

const say = (terminal: Terminal, json: boolean, facts: object, text: string): void => {
  terminal.out(json ? jsonLine(facts) : text);
};

function kindsOf(texts: readonly string[] | undefined): IntervalExport['kinds'] {
  return texts?.map((text) => {
    const kind = KINDS.find((known) => known === text);
    if (kind === undefined) throw new UsageError(`--kind takes one of ${KINDS.join(', ')}`);
    return kind;
  });
}

const siteOf = (settlement: OpenedSettlement | undefined): string => {
  const site = settlement?.document['site'];
  return typeof site === 'string' ? site : 'trueup';
};

function progressOn(terminal: Terminal): (doneRatio: number) => void {
  let shownPercent = 0;
  return (doneRatio) => {
    const percent = Math.floor(doneRatio * 10) * 10;
    if (percent <= shownPercent || !terminal.interactive) return;
    shownPercent = percent;
    terminal.err(`${String(percent)} %`);
  };
}

const pageOf = (
  { document, lines, origin, leaf, proofFile }: OpenedSettlement,
  account: string | undefined,
): string => statementHtml({ document, lines, account, origin, leaf, proofFile });

function kpiOf(
  { document, lines, folder }: OpenedSettlement,
  values: { readonly category?: string; readonly facility?: string[]; readonly it?: string[] },
): string {
  const category = PUE_CATEGORIES.find((known) => known === values.category);
  if (category === undefined) throw new UsageError('--category takes 1, 2 or 3');
  const { facility, it } = values;
  if (!facility || !it) throw new UsageError('--facility POINT or --it POINT is missing');
  const kpi = pueOf(document, lines, { category, facility, it }, folder);
  return `${JSON.stringify(kpi, undefined, 2)}\n`;
}
