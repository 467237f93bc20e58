// What `trueup run` prints: lines for people with a live table below them, or one JSON object per line for programs.
import type { RunningSite, World } from '../../main.ts';
import type { Clock } from '../../quantity/clock.ts';
import { formatInstant } from '../../quantity/time.ts';
import type { SettledRow } from '../../serve/rack-view.ts';
import { renderTable } from '../../serve/terminal-table.ts';
import { jsonLine, type Terminal } from '../command.ts';
import { trueupVersion } from '../package-version.ts';
import type { EdgeRemainder } from '../running-site/edge-remainders.ts';

/** Where no person looks, the table comes this often. */
const TABLE_EVERY_NS = 10_000_000_000n;

export type Report = World['report'] & {
  started(running: RunningSite, dataDir: string): void;
  ended(remainders: readonly EdgeRemainder[]): void;
};

export function jsonReport({ out }: Terminal): Report {
  return {
    started: ({ url, origin }, dataDir) => {
      out(jsonLine({ event: 'started', url, origin, data_dir: dataDir }));
    },
    settled: (rows) => {
      for (const row of rows) out(jsonLine({ event: 'settled', ...rowJson(row) }));
    },
    fitted: (model, text) => {
      out(jsonLine({ event: 'model', node: model.node, standing: model.standing, text }));
    },
    refreshed: () => undefined,
    note: (line) => {
      out(jsonLine({ event: 'note', line }));
    },
    ended: (remainders) => {
      out(jsonLine({ event: 'ended', remainders: remainders.map(remainderJson) }));
    },
  };
}

const rowJson = (row: SettledRow): Record<string, unknown> => ({
  leaf: row.leaf,
  point: row.point,
  kind: row.kind,
  start: formatInstant(row.startNs),
  duration_s: row.durationS,
  energy_uj: row.energyUj,
  energy_kwh: row.energyKwh,
  u_kwh: row.uKwh,
  quality: row.quality,
  version: row.version,
});

const remainderJson = (remainder: EdgeRemainder): Record<string, unknown> => ({
  point: remainder.point,
  meter: remainder.meter,
  register_from_uj: remainder.first.energyUj,
  register_until_uj: remainder.last.energyUj,
  from: formatInstant(remainder.fromNs),
  until: formatInstant(remainder.untilNs),
  head_uj: remainder.headUj,
  tail_uj: remainder.tailUj,
});

export function textReport(terminal: Terminal, clock: Clock): Report {
  const { out } = terminal;
  let drawn = 0;
  let dueNs = 0n;
  const erase = (): void => {
    if (drawn > 0) process.stdout.write(`\u001b[${drawn.toString()}A\u001b[0J`);
    drawn = 0;
  };
  const above = (line: string): void => {
    erase();
    out(line);
  };
  return {
    started: ({ url, origin }, dataDir) => {
      above(`trueup ${trueupVersion()}: status page ${url}`);
      above(`ledger ${dataDir}, origin ${origin}`);
    },
    settled: (rows) => {
      for (const row of rows) above(rowText(row));
    },
    fitted: (_model, text) => {
      above(`model  ${text}`);
    },
    refreshed: (snapshot) => {
      if (!terminal.interactive && clock.monotonicNs() < dueNs) return;
      const lines = renderTable(snapshot, terminal.widthCount);
      erase();
      for (const line of lines) out(line);
      if (terminal.interactive) drawn = lines.length;
      else dueNs = clock.monotonicNs() + TABLE_EVERY_NS;
    },
    note: above,
    ended: (remainders) => {
      for (const each of remainders) {
        above(
          `edges  ${each.point}: head ${each.headUj.toString()} µJ before ${formatInstant(each.fromNs)}, ` +
            `tail ${each.tailUj.toString()} µJ after ${formatInstant(each.untilNs)}, register ` +
            `${each.first.energyUj.toString()} to ${each.last.energyUj.toString()} µJ`,
        );
      }
      above('stopped');
    },
  };
}

function rowText(row: SettledRow): string {
  const energy =
    row.energyUj === undefined ? 'no energy' : `${row.energyKwh} ± ${row.uKwh.toFixed(6)} kWh`;
  return `leaf ${row.leaf} ${formatInstant(row.startNs)} ${row.durationS} s ${row.point} ${row.kind} ${energy} ${row.quality} v${row.version}`;
}
