// After a start: what the ledger already knows becomes curves and models again, so that settlement goes on where it was.
import { decodeModel } from '../../calibrate/model-json.ts';
import type { OpenLedger } from '../../ledger/ledger.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import { feedGroupsOf, isShared, unallocatedPoint } from '../../quantity/feed-groups.ts';
import type { Site } from '../../quantity/site.ts';
import { instantNs } from '../../quantity/time.ts';
import type { Calibrations } from './calibrations.ts';

/** Models are looked for in this many of the newest leaves; an older one is fitted anew within minutes. */
const MODEL_LEAVES_COUNT = 50_000;
/** Intervals before the newest settled one that are rebuilt: their anchors lie around the edges that come next. */
const MARGIN_INTERVALS = 3n;
const REVISIT_INTERVALS = 96n;

/** Replays journal and models; returns a line that says what was found. */
export async function recover(
  ledger: OpenLedger,
  site: Site,
  observe: (exchange: Exchange) => void,
  calibrations: Calibrations,
): Promise<string> {
  let models = 0;
  const fromLeaf = Math.max(0, ledger.log.size - MODEL_LEAVES_COUNT);
  for await (const { entry } of ledger.log.scan(fromLeaf)) {
    if (entry.type !== 'model') continue;
    const model = decodeModel(entry.document, `leaf of ${site.name}`);
    calibrations.adopt(model);
    models += 1;
  }
  let exchanges = 0;
  for await (const record of ledger.journal.scan(
    ledger.positionBefore(rebuildFrom(ledger, site)),
  )) {
    if (record.is !== 'exchange') continue;
    observe(record.exchange);
    exchanges += 1;
  }
  // A new log holds the key that signs it, and nothing else.
  if (ledger.log.size <= 1 && exchanges === 0) return 'ledger: new';
  return `ledger: ${ledger.log.size} leaves, ${exchanges} readings taken up again, ${models} models`;
}

/** The earliest instant whose readings may still bear on a statement. */
function rebuildFrom(ledger: OpenLedger, site: Site): ReturnType<typeof instantNs> {
  // Every point that settlement walks; one that it does not walk would never have a statement.
  const shared = feedGroupsOf(site.nodes).filter(isShared);
  const isAlone = (id: string): boolean => !shared.some(({ nodes }) => nodes.includes(id));
  const walked = [
    ...site.points.map(({ point }) => [point, 'metered'] as const),
    ...site.nodes
      .filter(({ id, fedBy }) => fedBy.length > 0 && isAlone(id))
      .map(({ id }) => [`node/${id}`, 'metered'] as const),
    ...site.nodes.map(({ id }) => [`node/${id}`, 'chip'] as const),
    ...shared.map((group) => [unallocatedPoint(group), 'allocated'] as const),
  ];
  let fromNs: bigint | undefined;
  for (const [point, kind] of walked) {
    const newest = ledger.statements.newestStart(point, kind);
    // A point that has no statement yet may have readings from the very beginning.
    if (newest === undefined) return instantNs(0n);
    let needed = newest - MARGIN_INTERVALS * site.interval;
    for (let back = 0n; back < REVISIT_INTERVALS; back += 1n) {
      const startNs = instantNs(newest - back * site.interval);
      const known = ledger.statements.current(point, kind, startNs)?.statement;
      const quality = known?.quality;
      const open =
        quality === 'provisional' ||
        quality === 'missing' ||
        quality === 'partial' ||
        (quality === 'derived' && kind === 'metered');
      if (open) needed = startNs - MARGIN_INTERVALS * site.interval;
      if (!open && back > 0n) continue;
      // A coarse register at little load moves less than once in three intervals.
      for (const { before } of known?.anchors ?? []) {
        const anchorNs = before.atNs - site.interval;
        if (anchorNs < needed) needed = anchorNs;
      }
    }
    if (fromNs === undefined || needed < fromNs) fromNs = needed;
  }
  return instantNs(fromNs ?? 0n);
}
