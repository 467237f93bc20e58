// `trueup export`: settled intervals of a period as a file that others' software reads, the same bytes every time.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { readLedger } from '../ledger/index.ts';
import { exportCsv } from '../publish/export-csv.ts';
import { KINDS } from '../quantity/quality.ts';
import { SiteFault } from '../quantity/fault.ts';
import { type Command, EXIT, jsonLine, readArguments, UsageError } from './command.ts';
import { parsePeriod } from './period.ts';

export const EXPORT: Command = {
  about: 'write settled intervals of a period to a file',
  help: `trueup export - settled intervals as a file

usage: trueup export --out FILE [--from T] [--to T] [--format csv] [--kind KIND] [--data DIR] [--json]

  --out FILE     where to write; it appears when it is complete
  --from T       first interval start, UTC: 2026-11-01 or 2026-11-01T06:00:00Z [everything]
  --to T         intervals that start before this
  --format csv   point,start,duration_s,energy_uj,energy_kwh,u_kwh,quality,method,tier,version,leaf
  --kind KIND    only ${KINDS.join(', ')}; may be repeated
  --data DIR     the data directory of the service, which may be running [./trueup-data]

example: trueup export --from 2026-11-01 --to 2026-12-01 --kind metered --out november.csv`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        format: { type: 'string', default: 'csv' },
        kind: { type: 'string', multiple: true },
        out: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.out === undefined) throw new UsageError('--out FILE is missing');
    if (values.format !== 'csv') throw new UsageError('--format knows csv only');
    const kinds = values.kind?.map((text) => {
      const kind = KINDS.find((known) => known === text);
      if (kind === undefined) throw new UsageError(`--kind takes one of ${KINDS.join(', ')}`);
      return kind;
    });
    const period = parsePeriod(values.from, values.to);
    const ledger = await readLedger(values.data);
    try {
      const starts = ledger.statements.span();
      const rowsCount = await writeWhole(values.out, (write) =>
        exportCsv(
          ledger.statements,
          {
            fromNs: starts && starts.fromNs > period.fromNs ? starts.fromNs : period.fromNs,
            untilNs: starts && starts.untilNs < period.untilNs ? starts.untilNs : period.untilNs,
          },
          write,
          kinds,
        ),
      );
      if (values.json) terminal.out(jsonLine({ rows: rowsCount, out: values.out }));
      else terminal.out(`${rowsCount} rows in ${values.out}`);
    } finally {
      ledger.close();
    }
    return EXIT.done;
  },
};

/** Writes beside the target and renames when all is there: a reader never sees half a file. Throws SiteFault. */
async function writeWhole(
  path: string,
  produce: (write: (text: string) => Promise<void>) => Promise<number>,
): Promise<number> {
  const partial = `${path}.partial`;
  const stream = createWriteStream(partial);
  const unwritable = (cause: unknown): SiteFault =>
    new SiteFault(
      {
        where: `--out ${path}`,
        what: 'the file cannot be written',
        remedy: 'name a file in a directory that you may write',
      },
      { cause },
    );
  const failed = new Promise<never>((_resolve, reject) => {
    stream.once('error', (cause) => {
      reject(unwritable(cause));
    });
  });
  const write = (text: string): Promise<void> =>
    new Promise((resolve) => {
      if (stream.write(text)) resolve();
      else stream.once('drain', resolve);
    });
  try {
    const rowsCount = await Promise.race([produce(write), failed]);
    stream.end();
    await Promise.race([finished(stream), failed]);
    await rename(partial, path).catch((cause: unknown) => {
      throw unwritable(cause);
    });
    return rowsCount;
  } catch (fault) {
    stream.destroy();
    await rm(partial, { force: true }).catch(() => undefined);
    throw fault;
  }
}
