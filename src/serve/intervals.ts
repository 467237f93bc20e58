// Settled statements for programs: read from the ledger's index in bounded pages, so that no question about a year of a
// thousand points can fill the memory or hold the process for long.
import type { StatementIndex, StoredStatement } from '../ledger/ledger.ts';
import { expandedKwh, formatKwh, kwhOfJoules } from '../quantity/format.ts';
import { isPointId, type Kind, type PointId } from '../quantity/quality.ts';
import type { Anchor } from '../quantity/statement.ts';
import {
  formatInstant,
  fromSeconds,
  instantNs,
  later,
  parseInstant,
  since,
  toSeconds,
  type InstantNs,
} from '../quantity/time.ts';
import { troubleOf, type IntervalJson } from './api-schemas.ts';
import { finite } from './rack-json.ts';

/** What /v1/intervals needs of the ledger. */
export type IntervalSource = Pick<StatementIndex, 'between'>;

const SPAN_NS = fromSeconds(92 * 86_400);
const CHUNK_NS = fromSeconds(6 * 3600);
const ROWS_COUNT = 10_000;

export interface IntervalQuestion {
  readonly fromNs: InstantNs;
  readonly untilNs: InstantNs;
  readonly point: PointId | undefined;
  readonly kind: Kind | undefined;
}

/** Checks the query of /v1/intervals; a string says what is wrong with it. */
export function intervalQuestion(query: {
  readonly from: string;
  readonly until: string;
  readonly point?: string;
  readonly kind?: Kind;
}): IntervalQuestion | string {
  const fromNs = parseInstant(query.from);
  if (fromNs === undefined) return 'from is no RFC 3339 instant with a zone';
  const untilNs = parseInstant(query.until);
  if (untilNs === undefined) return 'until is no RFC 3339 instant with a zone';
  if (untilNs <= fromNs) return 'until is not after from';
  if (since(fromNs, untilNs) > SPAN_NS) return 'from and until are more than 92 days apart';
  const { point, kind } = query;
  if (point !== undefined && !isPointId(point)) {
    return 'point is not of the form feed/ID, outlet/ID, node/ID or account/ID';
  }
  return { fromNs, untilNs, point, kind };
}

/**
 * The current statements that start in the span, by start, point and kind: at most about 10,000, never splitting a
 * start; `nextNs` is where the next page begins.
 */
export function intervalPage(
  statements: IntervalSource,
  question: IntervalQuestion,
): { rows: readonly StoredStatement[]; nextNs: InstantNs | undefined } {
  const rows: StoredStatement[] = [];
  for (let atNs = question.fromNs; atNs < question.untilNs;) {
    const end = later(atNs, CHUNK_NS);
    const untilNs = end < question.untilNs ? end : question.untilNs;
    for (const row of statements.between(atNs, untilNs)) {
      const { point, kind, startNs } = row.statement;
      if (question.point !== undefined && point !== question.point) continue;
      if (question.kind !== undefined && kind !== question.kind) continue;
      if (rows.length >= ROWS_COUNT && rows.at(-1)?.statement.startNs !== startNs) {
        return { rows, nextNs: startNs };
      }
      rows.push(row);
    }
    atNs = instantNs(untilNs);
  }
  return { rows, nextNs: undefined };
}

const anchorJson = (anchor: Anchor): { at_ns: string; energy_uj: string } => ({
  at_ns: anchor.atNs.toString(),
  energy_uj: anchor.energyUj.toString(),
});

/** One statement as IntervalSchema describes it; without energy there is no uncertainty either. */
export function intervalJson(stored: StoredStatement): IntervalJson {
  const { statement } = stored;
  const { energyUj, uncertainty } = statement;
  const uKwh = finite(expandedKwh(uncertainty));
  const meanW = finite(statement.powerMeanW);
  const maxW = finite(statement.powerMaxW);
  return {
    point: statement.point,
    kind: statement.kind,
    start: formatInstant(statement.startNs),
    start_ns: statement.startNs.toString(),
    duration_s: toSeconds(statement.durationNs),
    ...(energyUj === undefined
      ? {}
      : {
          energy_uj: energyUj.toString(),
          energy_kwh: formatKwh(energyUj),
          ...(uKwh === undefined ? {} : { u_kwh: uKwh }),
          u_sys_kwh: kwhOfJoules(uncertainty.systematicJ),
          u_ind_kwh: kwhOfJoules(uncertainty.independentJ),
          u_edge_kwh: kwhOfJoules(uncertainty.edgeJ),
        }),
    ...(meanW === undefined ? {} : { power_mean_w: meanW }),
    ...(maxW === undefined ? {} : { power_max_w: maxW }),
    quality: statement.quality,
    ...(statement.because === undefined ? {} : { because: troubleOf(statement.because) }),
    method: statement.method,
    tier: statement.tier,
    version: statement.version,
    supersedes: statement.supersedes,
    covered_s: toSeconds(statement.coveredNs),
    flags: [...statement.flags],
    model: statement.model,
    core: statement.core,
    anchors: statement.anchors.map(({ source, edge, energyUj: edgeUj, before, after }) => ({
      source,
      edge,
      energy_uj: edgeUj.toString(),
      before: anchorJson(before),
      after: anchorJson(after),
    })),
    leaf: stored.leaf,
    sha256: stored.sha256,
  };
}
