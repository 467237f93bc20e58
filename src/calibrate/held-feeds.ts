// Feeds whose meters hold their values: window, delay and share of each, over all runs of a node.
import type { EnergySeries } from '../align/energy-series.ts';
import { findMeterWindow, type MeterWindow } from '../align/held-meter.ts';
import type { HeldMeter } from '../quantity/correction.ts';
import { isRefusal } from '../quantity/fault.ts';
import type { RunEvidence } from './evidence-rows.ts';

/** Window, delay and share of each feed where all of them hold their values; undefined for plain meters. */
export function heldMetersOf(
  runs: readonly RunEvidence[],
  totals: readonly EnergySeries[],
): readonly HeldMeter[] | undefined {
  const sources = runs[0]?.feeds.map((feed) => feed.source) ?? [];
  const found: (Omit<HeldMeter, 'shareRatio'> & { readonly gainRatio: number })[] = [];
  for (const source of sources) {
    const windows = runs.flatMap((run, index) => {
      const feed = run.feeds.find((each) => each.source === source);
      const total = totals[index];
      if (!feed?.held || !total) return [];
      const window = findMeterWindow(feed.held, total, [...run.chips.values()]);
      return isRefusal(window) ? [] : [{ window, refreshS: feed.held.holdS }];
    });
    if (windows.length === 0) return undefined;
    const each = (of: (window: MeterWindow) => number): number =>
      medianOf(windows.map(({ window }) => of(window)));
    const runsRatio = 1 / Math.sqrt(windows.length);
    found.push({
      source,
      delayS: each((window) => window.delayS),
      delayUncertaintyS: runsRatio * each((window) => window.delayUncertaintyS),
      windowS: each((window) => window.windowS),
      windowUncertaintyS: runsRatio * each((window) => window.windowUncertaintyS),
      refreshS: medianOf(windows.map(({ refreshS }) => refreshS)),
      gainRatio: each((window) => window.gainRatio),
    });
  }
  const whole = found.reduce((sum, each) => sum + each.gainRatio, 0);
  if (found.length === 0 || whole <= 0) return undefined;
  return found.map(({ gainRatio, ...meter }) => ({ ...meter, shareRatio: gainRatio / whole }));
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted[sorted.length >> 1] ?? 0;
  const low = sorted[(sorted.length - 1) >> 1] ?? 0;
  return (low + high) / 2;
}
