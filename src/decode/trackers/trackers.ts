// All trackers whose files are corrected, in one list.
import { readCarbontracker } from './carbontracker.ts';
import { readCodecarbon } from './codecarbon.ts';
import { readEco2ai } from './eco2ai.ts';
import { readGreenMetricsTool } from './green-metrics-tool.ts';
import { readImpactTracker } from './impact-tracker.ts';
import { readScaphandre } from './scaphandre.ts';
import type { ReadTracker } from './tracker.ts';
import { readZeus } from './zeus.ts';

export const TRACKERS = {
  codecarbon: readCodecarbon,
  carbontracker: readCarbontracker,
  eco2ai: readEco2ai,
  zeus: readZeus,
  'impact-tracker': readImpactTracker,
  scaphandre: readScaphandre,
  'green-metrics-tool': readGreenMetricsTool,
} as const satisfies Record<string, ReadTracker>;

export type TrackerName = keyof typeof TRACKERS;

export const isTracker = (name: string): name is TrackerName => Object.hasOwn(TRACKERS, name);
