// What one entry of the log becomes at a sink that speaks line protocol: settled energy (`energy`, and every version of
// it in `energy_history`) and fitted corrections (`calibration`). Tags are identity only, so that a re-settlement
// overwrites its point and a rack that is rebuilt does not split a series.
import { decodeModel } from '../calibrate/model-json.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { DocumentEntry, LeafIndex, StoredEntry } from '../ledger/ledger.ts';
import { expandedKwh, kwhOf, kwhOfJoules } from '../quantity/format.ts';
import type { IntervalStatement } from '../quantity/statement.ts';
import { toSeconds } from '../quantity/time.ts';
import { type FieldContent, type LinePoint, printLine } from './line-protocol.ts';

/** All lines of one entry: they are accepted or refused together. */
export interface EntryLines {
  readonly leaf: LeafIndex;
  readonly lines: readonly string[];
  /** Set where an older version may have left fields in `energy` that this one lacks: they must go first. */
  readonly clears: IntervalStatement | undefined;
}

export interface RefusedEntry {
  readonly leaf: LeafIndex;
  readonly because: string;
}

export interface PrintedEntries {
  readonly rows: readonly EntryLines[];
  readonly refused: readonly RefusedEntry[];
}

export const ENERGY_MEASUREMENT = 'energy';
export const HISTORY_MEASUREMENT = 'energy_history';

/** Tag by which a site is known at its sinks: a rehearsal's begins with `rehearsal.`, whatever the site is called. */
export const siteTag = (site: { readonly name: string; readonly rehearsal: boolean }): string =>
  site.rehearsal ? `rehearsal.${site.name}` : site.name;

/**
 * Fields of a settled interval. `u_kwh` is the expanded uncertainty (95.45 %, k from the effective degrees of
 * freedom), its three parts are standard uncertainties. A row without energy has neither: it says why instead.
 */
function statementFields(
  statement: IntervalStatement,
  leaf: LeafIndex,
): Record<string, FieldContent | undefined> {
  const { energyUj, uncertainty } = statement;
  const known = energyUj !== undefined;
  return {
    energy_kwh: known ? kwhOf(energyUj) : undefined,
    energy_uj: energyUj,
    u_kwh: known ? expandedKwh(uncertainty) : undefined,
    u_sys_kwh: known ? kwhOfJoules(uncertainty.systematicJ) : undefined,
    u_ind_kwh: known ? kwhOfJoules(uncertainty.independentJ) : undefined,
    u_edge_kwh: known ? kwhOfJoules(uncertainty.edgeJ) : undefined,
    power_mean_w: statement.powerMeanW,
    power_max_w: statement.powerMaxW,
    quality: statement.quality,
    method: statement.method,
    because: statement.because ?? '',
    flags: statement.flags.join(' '),
    tier: BigInt(statement.tier),
    leaf: BigInt(leaf),
    duration_s: toSeconds(statement.durationNs),
  };
}

function statementPoints(
  statement: IntervalStatement,
  leaf: LeafIndex,
  site: string,
  superseded: boolean,
): readonly LinePoint[] {
  const tags = { site, point: statement.point, kind: statement.kind };
  const fields = statementFields(statement, leaf);
  const version = BigInt(statement.version);
  const timeNs = statement.startNs;
  const history: LinePoint = {
    measurement: HISTORY_MEASUREMENT,
    tags: { ...tags, version: version.toString() },
    fields,
    timeNs,
  };
  if (superseded) return [history];
  const newest: LinePoint = {
    measurement: ENERGY_MEASUREMENT,
    tags,
    fields: { ...fields, version },
    timeNs,
  };
  return [newest, history];
}

/** The row of a fitted model, or undefined where the document is none. */
function modelPoint(entry: DocumentEntry, leaf: LeafIndex, site: string): LinePoint | undefined {
  const model = modelIn(entry.document);
  if (model === undefined) return undefined;
  const gains = model.terms.flatMap(({ name, gainRatio, gainUncertaintyRatio }) => [
    [`gain_${name}`, gainRatio] as const,
    [`u_gain_${name}`, gainUncertaintyRatio] as const,
  ]);
  return {
    measurement: 'calibration',
    tags: { site, node: model.node },
    fields: {
      model: model.id,
      standing: model.standing,
      gap_ratio: model.gapRatio,
      residual_w: model.residualW,
      intercept_w: model.interceptW,
      systematic_ratio: model.systematicRatio,
      intervals: model.evidence.intervalsCount,
      ...Object.fromEntries(gains),
      leaf: BigInt(leaf),
    },
    timeNs: entry.atNs,
  };
}

function modelIn(document: unknown): CorrectionModel | undefined {
  try {
    return decodeModel(document, 'the ledger');
  } catch (fault) {
    if (fault instanceof SiteFault) return undefined;
    throw fault;
  }
}

function pointsOf(
  stored: StoredEntry,
  site: string,
  superseded: boolean,
): readonly LinePoint[] | string {
  const { entry, leaf } = stored;
  switch (entry.type) {
    case 'statement':
      return statementPoints(entry.statement, leaf, site, superseded);
    case 'model': {
      const point = modelPoint(entry, leaf, site);
      return point === undefined ? 'calibration: the document names no node or model' : [point];
    }
    case 'block':
    case 'event':
    case 'configuration':
    case 'profile':
    case 'clock':
    case 'key':
    case 'lost':
    case 'settlement':
    case 'activity':
      return [];
  }
}

/** Whether an entry has anything for a sink of settled energy. */
export const isPublished = (stored: StoredEntry): boolean =>
  stored.entry.type === 'statement' || stored.entry.type === 'model';

/** Prints a batch, in leaf order as given; entries that no line can hold are named with the reason. */
export function printEntries(
  entries: readonly StoredEntry[],
  site: string,
  superseded: ReadonlySet<LeafIndex>,
): PrintedEntries {
  const rows: EntryLines[] = [];
  const refused: RefusedEntry[] = [];
  for (const stored of entries) {
    const points = pointsOf(stored, site, superseded.has(stored.leaf));
    if (typeof points === 'string') {
      refused.push({ leaf: stored.leaf, because: points });
      continue;
    }
    const lines: string[] = [];
    let because: string | undefined;
    for (const point of points) {
      const printed = printLine(point);
      if ('line' in printed) lines.push(printed.line);
      else because ??= printed.because;
    }
    if (because !== undefined) refused.push({ leaf: stored.leaf, because });
    else if (lines.length > 0) {
      rows.push({ leaf: stored.leaf, lines, clears: clearedBy(stored, superseded) });
    }
  }
  return { rows, refused };
}

function clearedBy(
  stored: StoredEntry,
  superseded: ReadonlySet<LeafIndex>,
): IntervalStatement | undefined {
  if (stored.entry.type !== 'statement' || superseded.has(stored.leaf)) return undefined;
  const { statement } = stored.entry;
  const lacksField =
    statement.energyUj === undefined ||
    statement.powerMeanW === undefined ||
    statement.powerMaxW === undefined;
  return statement.version > 1 && lacksField ? statement : undefined;
}

/**
 * Leaves of the batch that a later entry of the same batch replaces, beside those already known: within one request a
 * database may apply lines in any order.
 */
export function supersededWithin(
  entries: readonly StoredEntry[],
  known: ReadonlySet<LeafIndex>,
): ReadonlySet<LeafIndex> {
  const newest = new Map<string, StoredEntry>();
  const superseded = new Set(known);
  for (const stored of entries) {
    if (stored.entry.type !== 'statement') continue;
    const { point, kind, startNs, version } = stored.entry.statement;
    const key = `${point} ${kind} ${startNs.toString()}`;
    const other = newest.get(key);
    if (other?.entry.type !== 'statement') newest.set(key, stored);
    else if (other.entry.statement.version <= version) {
      if (other.leaf !== stored.leaf) superseded.add(other.leaf);
      newest.set(key, stored);
    } else superseded.add(stored.leaf);
  }
  return superseded;
}
