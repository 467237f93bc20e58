// InfluxDB 2.x and 3.x, by their published HTTP contract (/api/v2/write, /api/v2/delete). Run against a stub that
// enforces that contract; not yet run against a real 2.x or 3.x. Neither is read back here: reconcile says so.
import { SiteFault } from '../quantity/fault.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { durationNs, formatInstant, later } from '../quantity/time.ts';
import { type EntryLines, printEntries, siteTag, supersededWithin } from './energy-rows.ts';
import { ENERGY_MEASUREMENT, HISTORY_MEASUREMENT } from './energy-rows.ts';
import { openInfluxDoor, reasonOf } from './influx-http.ts';
import { writeRows } from './influx-write.ts';
import { printLive } from './live-rows.ts';
import { checkedSiteTag, type SinkOpener } from './sink-opening.ts';
import { DAY_STRIDE_NS, PLAIN_MANNER, type Receipt } from './sink.ts';

/** What tells the generations apart at this door. */
interface Generation {
  /** Before the token in the Authorization header. */
  readonly scheme: 'Token' | 'Bearer';
  readonly deletes: boolean;
  readonly needsOrganisation: boolean;
}

const ACCEPTED: Receipt = { outcome: 'accepted' };
const NO_DELETE =
  'this sink cannot take back a field of an older version, so the row would be wrong there';

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const opener =
  (generation: Generation): SinkOpener =>
  (config, site) => {
    const where = `sinks/${config.id}`;
    const tag = checkedSiteTag(siteTag(site), where);
    const demand = (text: string | undefined, what: string, remedy: string): void => {
      if (text === undefined || text === '') throw new SiteFault({ where, what, remedy });
    };
    demand(config.database, 'there is no bucket', 'name the bucket as `database`');
    demand(config.secret, 'there is no token', 'give a token that may write to the bucket');
    if (generation.needsOrganisation)
      demand(config.organisation, 'there is no organisation', 'name it as `organisation`');

    const authorization = `${generation.scheme} ${config.secret ?? ''}`;
    const door = openInfluxDoor(config.url, authorization, where);
    const organisation = generation.needsOrganisation
      ? `org=${encodeURIComponent(config.organisation)}&`
      : '';
    const target = `${organisation}bucket=${encodeURIComponent(config.database)}`;
    const write = (lines: string) => door.write(`/api/v2/write?${target}&precision=ns`, lines);

    async function erase(
      row: Pick<IntervalStatement, 'point' | 'kind' | 'startNs'>,
      measurement: string,
      more: string,
    ): Promise<Receipt> {
      const predicate =
        `_measurement=${quoted(measurement)} AND site=${quoted(tag)}` +
        ` AND point=${quoted(row.point)} AND kind=${quoted(row.kind)}${more}`;
      const start = formatInstant(row.startNs);
      const stop = formatInstant(later(row.startNs, durationNs(1n)));
      const answered = await door.ask({
        method: 'POST',
        path: `/api/v2/delete?${target}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ start, stop, predicate }),
      });
      if (answered.ok) return ACCEPTED;
      return { outcome: 'later', because: reasonOf(answered.text), retryAfterMs: undefined };
    }

    return {
      id: config.id,
      strideNs: DAY_STRIDE_NS,
      // Buckets belong to the operator: the first write tells whether this one is there.
      open: () => Promise.resolve(ACCEPTED),
      newest: () => 'unknown',
      async write(entries, manner = PLAIN_MANNER) {
        const superseded = supersededWithin(entries, manner.superseded);
        const printed = printEntries(entries, tag, superseded);
        const refused = [...printed.refused];
        const rows: EntryLines[] = [];
        for (const row of printed.rows) {
          if (row.clears !== undefined && !generation.deletes) {
            refused.push({ leaf: row.leaf, because: NO_DELETE });
            continue;
          }
          if (row.clears !== undefined) {
            const erased = await erase(row.clears, ENERGY_MEASUREMENT, '');
            if (erased.outcome !== 'accepted') return erased;
          }
          rows.push(row);
        }
        return writeRows(rows, refused, write);
      },
      async writeLive(live) {
        const lines = printLive(live, tag);
        if (lines.length === 0) return ACCEPTED;
        const answered = await write(lines.join('\n') + '\n');
        if (answered.answer === 'stored') return ACCEPTED;
        return { outcome: 'later', because: answered.because, retryAfterMs: undefined };
      },
      readBack: () => Promise.resolve(undefined),
      async remove(rows) {
        if (!generation.deletes) {
          return {
            outcome: 'refused',
            refused: rows.map(({ leaf }) => ({ leaf, because: NO_DELETE })),
          };
        }
        for (const row of rows) {
          const version = ` AND version=${quoted(String(row.version))}`;
          const erased = await erase(row, ENERGY_MEASUREMENT, '');
          if (erased.outcome !== 'accepted') return erased;
          const forgotten = await erase(row, HISTORY_MEASUREMENT, version);
          if (forgotten.outcome !== 'accepted') return forgotten;
        }
        return ACCEPTED;
      },
      close: () => door.close(),
    };
  };

export const openInfluxdb2: SinkOpener = opener({
  scheme: 'Token',
  deletes: true,
  needsOrganisation: true,
});

/** 3.x knows no organisation at this door and cannot delete points. */
export const openInfluxdb3: SinkOpener = opener({
  scheme: 'Bearer',
  deletes: false,
  needsOrganisation: false,
});
