// InfluxDB 1.x. Lines go through our own door, since the `influx` client rounds integers above 2^53 on writing and on
// reading; the client serves databases and retention. Reading back asks for CSV, where 64-bit integers are exact.
import { InfluxDB } from 'influx';
import { SiteFault } from '../quantity/fault.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { instantNs } from '../quantity/time.ts';
import { parseCsv } from './csv-text.ts';
import {
  ENERGY_MEASUREMENT,
  HISTORY_MEASUREMENT,
  printEntries,
  siteTag,
  supersededWithin,
} from './energy-rows.ts';
import { openInfluxDoor, reasonOf } from './influx-http.ts';
import { writeRows } from './influx-write.ts';
import { printLive } from './live-rows.ts';
import { checkedSiteTag, kindOf, pointOf, type SinkOpener } from './sink-opening.ts';
import type { Receipt, SinkRow } from './sink.ts';
import { DAY_STRIDE_NS, PLAIN_MANNER } from './sink.ts';

/** Settled energy is kept for ever; used only where the database's default policy forgets. */
const FOREVER_POLICY = 'trueup';
/** The picture of the moment is kept for a month. */
const LIVE_POLICY = 'trueup_live';
const LIVE_KEPT = '30d';
const CLIENT_TIMEOUT_MS = 10_000;
/** Statements of one DELETE request. */
const DELETES_PER_REQUEST_COUNT = 200;

const quoteName = (name: string): string => `"${name.replace(/["\\]/g, '\\$&')}"`;
const quoteText = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

const ACCEPTED: Receipt = { outcome: 'accepted' };
const waitBecause = (because: string): Receipt => ({
  outcome: 'later',
  because,
  retryAfterMs: undefined,
});

/** Opens a sink on InfluxDB 1.x; nothing is sent before `open`. */
export const openInfluxdb1: SinkOpener = (config, site) => {
  const where = `sinks/${config.id}`;
  const tag = checkedSiteTag(siteTag(site), where);
  if (config.database === '') {
    const remedy = 'name the database that the rows shall go to';
    throw new SiteFault({ where, what: 'there is no database', remedy });
  }
  const login = `${config.username ?? ''}:${config.secret ?? ''}`;
  const basic = `Basic ${Buffer.from(login).toString('base64')}`;
  const door = openInfluxDoor(config.url, config.username === undefined ? undefined : basic, where);
  const url = new URL(config.url);
  /** Policy of settled rows: '' is the database's default. */
  let policy = '';
  let livePolicy = LIVE_POLICY;
  const database = encodeURIComponent(config.database);
  const writePath = (named: string): string =>
    `/write?db=${database}&precision=ns${named === '' ? '' : `&rp=${encodeURIComponent(named)}`}`;

  /** A fresh client each time: it remembers a host that was down and would refuse to try it again at once. */
  const client = (): InfluxDB =>
    new InfluxDB({
      protocol: url.protocol === 'https:' ? 'https' : 'http',
      host: url.hostname,
      port: Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port),
      path: url.pathname.replace(/\/+$/, ''),
      database: config.database,
      ...(config.username === undefined ? {} : { username: config.username }),
      ...(config.secret === undefined ? {} : { password: config.secret }),
      pool: { requestTimeout: CLIENT_TIMEOUT_MS, maxRetries: 0 },
    });

  /** Only an administrator may: without one, live rows go where the database keeps the others. */
  const makeLivePolicy = (influx: InfluxDB): Promise<boolean> =>
    influx
      .createRetentionPolicy(LIVE_POLICY, {
        database: config.database,
        duration: LIVE_KEPT,
        replication: 1,
        isDefault: false,
      })
      .then(
        () => true,
        () => false,
      );

  async function open(): Promise<Receipt> {
    try {
      const influx = client();
      const databases = await influx.getDatabaseNames();
      if (!databases.includes(config.database)) await influx.createDatabase(config.database);
      const policies = await influx.showRetentionPolicies(config.database);
      const forgets = !policies.some(
        ({ default: chosen, duration }) => chosen && duration === '0s',
      );
      const has = (name: string): boolean => policies.some((found) => found.name === name);
      if (forgets && !has(FOREVER_POLICY)) {
        const isDefault = policies.length === 0;
        await influx.createRetentionPolicy(FOREVER_POLICY, {
          database: config.database,
          duration: 'INF',
          replication: 1,
          isDefault,
        });
      }
      policy = forgets ? FOREVER_POLICY : '';
      livePolicy = has(LIVE_POLICY) || (await makeLivePolicy(influx)) ? LIVE_POLICY : '';
      return ACCEPTED;
    } catch (failure) {
      return waitBecause(`${url.origin} cannot be prepared: ${reasonOf(failure)}`);
    }
  }

  const source = (measurement: string): string =>
    policy === '' ? quoteName(measurement) : `${quoteName(policy)}.${quoteName(measurement)}`;

  async function erase(statements: readonly string[]): Promise<Receipt> {
    for (let first = 0; first < statements.length; first += DELETES_PER_REQUEST_COUNT) {
      const query = statements.slice(first, first + DELETES_PER_REQUEST_COUNT).join(';');
      const answered = await door.ask({
        method: 'POST',
        path: `/query?db=${database}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `q=${encodeURIComponent(query)}`,
      });
      // A statement that fails is told inside of a 200.
      const failed = answered.ok && answered.text.includes('"error"');
      if (!answered.ok || failed) return waitBecause(reasonOf(answered.text));
    }
    return ACCEPTED;
  }

  const eraseOne = (row: Pick<IntervalStatement, 'point' | 'kind' | 'startNs'>): string =>
    `DELETE FROM ${quoteName(ENERGY_MEASUREMENT)} WHERE "site" = ${quoteText(tag)}` +
    ` AND "point" = ${quoteText(row.point)} AND "kind" = ${quoteText(row.kind)}` +
    ` AND time = ${row.startNs.toString()}`;

  return {
    id: config.id,
    strideNs: DAY_STRIDE_NS,
    open,
    newest: () => 'unknown',
    async write(entries, manner = PLAIN_MANNER) {
      const superseded = supersededWithin(entries, manner.superseded);
      const printed = printEntries(entries, tag, superseded);
      const clears = printed.rows.flatMap(({ clears: older }) => (older ? [eraseOne(older)] : []));
      const erased = await erase(clears);
      if (erased.outcome !== 'accepted') return erased;
      const write = (lines: string) => door.write(writePath(policy), lines);
      return writeRows(printed.rows, printed.refused, write, open);
    },
    async writeLive(rows) {
      const lines = printLive(rows, tag);
      if (lines.length === 0) return ACCEPTED;
      const answered = await door.write(writePath(livePolicy), lines.join('\n') + '\n');
      return answered.answer === 'stored' ? ACCEPTED : waitBecause(answered.because);
    },
    async readBack(fromNs, untilNs) {
      const query =
        `SELECT "energy_uj", "version", "leaf", "point", "kind" FROM ${source(ENERGY_MEASUREMENT)}` +
        ` WHERE "site" = ${quoteText(tag)}` +
        ` AND time >= ${fromNs.toString()} AND time < ${untilNs.toString()}`;
      const answered = await door.ask({
        method: 'GET',
        path: `/query?db=${database}&epoch=ns&q=${encodeURIComponent(query)}`,
        headers: { accept: 'application/csv' },
        body: undefined,
      });
      return answered.ok ? rowsOf(answered.text) : undefined;
    },
    async remove(rows) {
      return erase(
        rows.flatMap((row) => [
          eraseOne(row),
          `DELETE FROM ${quoteName(HISTORY_MEASUREMENT)} WHERE "site" = ${quoteText(tag)}` +
            ` AND "point" = ${quoteText(row.point)} AND "kind" = ${quoteText(row.kind)}` +
            ` AND "version" = ${quoteText(String(row.version))} AND time = ${row.startNs.toString()}`,
        ]),
      );
    },
    close: () => door.close(),
  };
};

/**
 * Rows of InfluxDB's CSV; undefined where it is not what was asked for (an error in a 200, say). A point whose tags are
 * none of ours was written by somebody else and is left alone.
 */
function rowsOf(text: string): readonly SinkRow[] | undefined {
  const [header, ...records] = parseCsv(text);
  // No series matches: InfluxDB answers with an empty body.
  if (header === undefined) return [];
  const column = (name: string): number => header.indexOf(name);
  const at = {
    time: column('time'),
    energy: column('energy_uj'),
    version: column('version'),
    leaf: column('leaf'),
    point: column('point'),
    kind: column('kind'),
  };
  if (Object.values(at).includes(-1)) return undefined;
  const rows: SinkRow[] = [];
  for (const record of records) {
    const point = pointOf(record[at.point] ?? '');
    const kind = kindOf(record[at.kind] ?? '');
    const energy = record[at.energy] ?? '';
    const time = record[at.time] ?? '';
    if (!/^-?\d+$/.test(time) || !/^-?\d*$/.test(energy)) return undefined;
    if (point === undefined || kind === undefined) continue;
    rows.push({
      point,
      kind,
      startNs: instantNs(BigInt(time)),
      energyUj: energy === '' ? undefined : BigInt(energy),
      version: Number(record[at.version]),
      leaf: Number(record[at.leaf]),
    });
  }
  return rows;
}
