// What the doors for trackers and jobs share.
import type { WindowSources } from '../window-energy.ts';
import type { Activity } from './activity.ts';
import type { ActivityRecordJson } from './records.ts';

export interface ActivityDoor {
  readonly sources: WindowSources;
  readonly activity: Activity;
  /** A new name, as a UUID. */
  readonly newId: () => string;
  /** The leaf of the log that holds a record, once it does. */
  readonly leafOf: (record: ActivityRecordJson) => number | undefined;
}
