// Small translations from what rooms report to what the faces show.
import type { StoredEntry } from '../../ledger/ledger.ts';
import type { OutboxView } from '../../publish/outbox.ts';
import { expandedKwh, formatKwh } from '../../quantity/format.ts';
import type { Site, SinkConfig } from '../../quantity/site.ts';
import { toSeconds } from '../../quantity/time.ts';
import type { SettledRow, SinkView, WireView } from '../../serve/rack-view.ts';
import type { WireHealth } from '../../transport/transport.ts';

export const wireView = (id: string, site: Site, health: WireHealth): WireView => ({
  wire: id,
  transport: site.wires.get(id)?.transport ?? '',
  connected: health.connected,
  exchangesCount: health.exchangesCount,
  faultsCount: health.faultsCount,
  silent: health.silent,
  latenessP99Ms: health.latenessMs.p99,
  trouble: health.trouble,
});

export const sinkView = (config: SinkConfig, outbox: OutboxView | undefined): SinkView => ({
  sink: config.id,
  kind: config.kind,
  waitingCount: outbox?.waitingCount ?? 0,
  refusedCount: outbox?.refusedCount ?? 0,
  trouble: outbox?.trouble ?? '',
});

/** The row of a statement that is in the ledger; undefined for other entries. */
export function settledRow({ leaf, entry }: StoredEntry): SettledRow | undefined {
  if (entry.type !== 'statement') return undefined;
  const { statement } = entry;
  return {
    point: statement.point,
    kind: statement.kind,
    startNs: statement.startNs,
    durationS: toSeconds(statement.durationNs),
    energyUj: statement.energyUj,
    energyKwh: statement.energyUj === undefined ? '' : formatKwh(statement.energyUj),
    uKwh: expandedKwh(statement.uncertainty),
    quality: statement.quality,
    version: statement.version,
    leaf,
  };
}
