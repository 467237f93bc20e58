// What every kind of sink is opened with, and the checks that all of them make on the names they are given.
import type { Clock, Timers } from '../quantity/clock.ts';
import { SiteFault } from '../quantity/fault.ts';
import { isPointId, type Kind, KINDS, type PointId } from '../quantity/quality.ts';
import type { SinkConfig } from '../quantity/site.ts';
import { tagTrouble } from './line-protocol.ts';
import type { Sink } from './sink.ts';

export interface SinkPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Files go below it unless the configuration gives an absolute path. */
  readonly dataDir: string;
}

export interface SinkSite {
  readonly name: string;
  readonly rehearsal: boolean;
}

/** Throws a SiteFault where the configuration cannot work; touches nothing outside before `Sink.open`. */
export type SinkOpener = (config: SinkConfig, site: SinkSite, ports: SinkPorts) => Sink;

/** The site's tag, or a SiteFault where no tag can carry the site's name. */
export function checkedSiteTag(tag: string, where: string): string {
  const trouble = tagTrouble(tag);
  if (trouble === undefined) return tag;
  const remedy = 'give the site a plain name: letters, digits, dots and hyphens';
  throw new SiteFault({ where, what: `the site name "${tag}" ${trouble}`, remedy });
}

export const pointOf = (text: string): PointId | undefined => (isPointId(text) ? text : undefined);
export const kindOf = (text: string): Kind | undefined => KINDS.find((kind) => kind === text);
