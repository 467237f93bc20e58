// What the doors for trackers and jobs share.
import type { WindowSources } from '../window-energy.ts';
import type { Activity } from './activity.ts';

export interface ActivityDoor {
  readonly sources: WindowSources;
  readonly activity: Activity;
  /** A new name, as a UUID. */
  readonly newId: () => string;
}
