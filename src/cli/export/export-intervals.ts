// Settled intervals of a period in the formats of others: CSV, Green Button and OCMF. Two passes over the ledger: first
// whether it is complete, then the rows; both a day at a time.
import { readFileSync } from 'node:fs';
import type { LedgerReader } from '../../ledger/index.ts';
import type { StoredStatement } from '../../ledger/ledger.ts';
import { exportCsv } from '../../publish/export-csv.ts';
import { EspiFeed } from '../../publish/espi.ts';
import { ocmfRecord, ocmfSigner } from '../../publish/ocmf.ts';
import type { LineJson } from '../../publish/settlement-json.ts';
import { type Refusal, SiteFault } from '../../quantity/fault.ts';
import { isPointId, type Kind, type PointId } from '../../quantity/quality.ts';
import { type InstantNs, instantNs, type Interval } from '../../quantity/time.ts';
import { ExportGate } from './export-gate.ts';

export const INTERVAL_FORMATS = ['csv', 'espi', 'ocmf'] as const;
export type IntervalFormat = (typeof INTERVAL_FORMATS)[number];

export interface IntervalExport {
  readonly format: IntervalFormat;
  readonly period: Interval;
  readonly kinds: readonly Kind[] | undefined;
  readonly points: readonly string[] | undefined;
  readonly site: string;
  /** PEM file of the key that signs OCMF records. */
  readonly keyFile: string | undefined;
  /** A settlement of the same period: certificates of its meters, and its accounts as bills. */
  readonly settlement:
    { readonly lines: readonly LineJson[]; readonly isFinal: boolean } | undefined;
  readonly onProgress: (doneRatio: number) => void;
}

const STRIDE_NS = 86_400_000_000_000n;

type Wanted = (stored: StoredStatement) => boolean;

const wantedBy =
  ({ kinds, points }: Pick<IntervalExport, 'kinds' | 'points'>): Wanted =>
  ({ statement: { kind, point } }) =>
    (kinds === undefined || kinds.includes(kind)) &&
    (points === undefined || points.includes(point));

function* days(period: Interval): Generator<Interval> {
  for (let fromNs = period.fromNs; fromNs < period.untilNs;) {
    const end = instantNs(fromNs + STRIDE_NS);
    const untilNs = end < period.untilNs ? end : period.untilNs;
    yield { fromNs, untilNs };
    fromNs = untilNs;
  }
}

/** Why the period is not complete, or undefined. */
export async function gateOf(
  ledger: Pick<LedgerReader, 'heldBetween'>,
  wish: IntervalExport,
  isOpenEnded: boolean,
): Promise<Refusal | undefined> {
  const gate = new ExportGate(wish.period, isOpenEnded);
  const isWanted = wantedBy(wish);
  for (const { fromNs, untilNs } of days(wish.period)) {
    for (const stored of await ledger.heldBetween(fromNs, untilNs, wish.points)) {
      if (isWanted(stored)) gate.add(stored);
    }
  }
  return gate.refusal();
}

/** Writes the export; the number of rows comes back. Throws SiteFault where a key is missing or wrong. */
export async function exportIntervals(
  ledger: Pick<LedgerReader, 'heldBetween' | 'origin'>,
  wish: IntervalExport,
  write: (text: string) => Promise<void>,
): Promise<number> {
  if (wish.format === 'csv') {
    const between = (fromNs: InstantNs, untilNs: InstantNs): Promise<readonly StoredStatement[]> =>
      ledger.heldBetween(fromNs, untilNs, wish.points);
    return exportCsv({ between }, wish.period, write, wantedBy(wish), wish.onProgress);
  }
  let rowsCount = 0;
  const isWanted = wantedBy(wish);
  const feed = new EspiFeed({
    site: wish.site,
    origin: ledger.origin,
    period: wish.period,
    revenue: revenuePoints(wish.settlement),
  });
  const signer = wish.format === 'ocmf' ? signerIn(wish.keyFile) : undefined;
  const wholeNs = Number(wish.period.untilNs - wish.period.fromNs);
  for (const { fromNs, untilNs } of days(wish.period)) {
    for (const stored of await ledger.heldBetween(fromNs, untilNs, wish.points)) {
      if (!isWanted(stored)) continue;
      if (signer === undefined) {
        feed.add(stored.statement);
        rowsCount += 1;
        continue;
      }
      const record = ocmfRecord(stored.statement, stored.leaf, { origin: ledger.origin, signer });
      if (record === undefined) continue;
      await write(record);
      rowsCount += 1;
    }
    wish.onProgress(Number(untilNs - wish.period.fromNs) / wholeNs);
  }
  if (signer !== undefined) return rowsCount;
  const lines = wish.settlement?.lines ?? [];
  for (const line of lines) {
    if (line['line'] === 'total' && line['kind'] === 'customer') {
      feed.addAccount(String(line['account']), lines);
    }
  }
  await write(feed.print());
  return rowsCount;
}

/** Points whose energy may be called revenue quality: a final settlement with a certificate that held. */
function revenuePoints(settlement: IntervalExport['settlement']): ReadonlySet<PointId> {
  if (settlement?.isFinal !== true) return new Set();
  return new Set(
    settlement.lines.flatMap(({ line, meter, certificate }) =>
      line === 'meter' && certificate === 'valid' && typeof meter === 'string' && isPointId(meter)
        ? [meter]
        : [],
    ),
  );
}

function signerIn(keyFile: string | undefined): ReturnType<typeof ocmfSigner> {
  const remedy =
    'give --key FILE; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE makes one';
  if (keyFile === undefined) {
    throw new SiteFault({ where: '--format ocmf', what: 'OCMF records are signed', remedy });
  }
  let pem: string;
  try {
    pem = readFileSync(keyFile, 'utf8');
  } catch (cause) {
    const what = 'the key cannot be read';
    throw new SiteFault({ where: `--key ${keyFile}`, what, remedy }, { cause });
  }
  return ocmfSigner(pem, `--key ${keyFile}`);
}
