// What a rehearsed rack is asked to be, and what it is given to live by.
import type { Profile } from '../decode/profile.ts';
import type { Clock, Timers } from '../quantity/clock.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { RehearsalClock } from '../quantity/site.ts';
import type { Microjoules } from '../quantity/units.ts';
import type { RackWire } from './rack-plan.ts';
import type { ReplayRun } from './replay-track.ts';

export interface RackOptions {
  readonly siteName: string;
  readonly seed: number;
  /** Shared with the service through the site file; `ports.clock` must be the clock that it describes. */
  readonly clockAnchor: RehearsalClock;
  /** Where the rack listens: loopback, unless somebody wants to rehearse across hosts. */
  readonly host: string;
  /** By id, as parsed from devices/. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Recorded runs to play instead of the physical model. */
  readonly replay?: readonly ReplayRun[] | undefined;
  /** Somebody else's MQTT broker to publish to; the embedded one where it is left out. */
  readonly brokerUrl?: string | undefined;
  /** Where import registers begin, by meter: a rack that goes on. Left out, each begins at a count of its own. */
  readonly registersUj?: ReadonlyMap<string, Microjoules> | undefined;
  /** `HOST:PORT` of the service in the site file; 127.0.0.1:8080 where it is left out. */
  readonly listen?: string | undefined;
  /** TCP ports by wire; a free one where left out. */
  readonly tcpPorts?: Readonly<Partial<Record<RackWire, number>>> | undefined;
}

export interface RackPorts {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Throws SiteFault for what no rack can be. */
export function checkOptions(options: RackOptions): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(options.siteName)) {
    throw new SiteFault({
      where: 'rehearsal site name',
      what: `"${options.siteName}" cannot be a level of an MQTT topic`,
      remedy: 'use letters, digits, dot, dash and underscore',
    });
  }
  const { speedRatio } = options.clockAnchor;
  if (!(speedRatio >= 1 && speedRatio <= 60)) {
    throw new SiteFault({
      where: 'rehearsal --speed',
      what: `${speedRatio} is not a speed from 1 to 60`,
      remedy: 'sockets and disks stay real, so a rack cannot run faster than 60 times',
    });
  }
  if (!Number.isSafeInteger(options.seed)) {
    throw new SiteFault({
      where: 'rehearsal --seed',
      what: `${options.seed} is no whole number`,
      remedy: 'give a whole number such as 1',
    });
  }
}
