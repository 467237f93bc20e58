// What alignment found that somebody should look at: a time zone that is wrong, a clock that was set, a meter that averages
// for long. Said, never silently mended.
import { isRefusal } from '../../quantity/fault.ts';
import type { Searched } from './clock-kinds.ts';

export interface ClockNotice {
  /** Empty where it is about all runs. */
  readonly run: string;
  readonly kind: 'zone' | 'step' | 'wandering' | 'window';
  readonly words: string;
}

export const windowNotice = (windowS: number | undefined): readonly ClockNotice[] =>
  windowS === undefined
    ? []
    : [{ run: '', kind: 'window', words: `the meter averages over ${windowS.toFixed(2)} s` }];

export function noticesOf({ rows, relation }: Searched): readonly ClockNotice[] {
  if (isRefusal(relation)) return [];
  const { run } = rows;
  const notices: ClockNotice[] = [];
  const { zoneShiftS, track } = relation;
  if (zoneShiftS !== 0) {
    notices.push({
      run,
      kind: 'zone',
      words: `the load fits only with the chips' stamps moved by ${(-zoneShiftS / 3600).toFixed(2)} h: one of the two is in local time`,
    });
  }
  if (track.step) {
    notices.push({
      run,
      kind: 'step',
      words: `a clock was set by ${track.step.stepS.toFixed(2)} s, ${track.step.atS.toFixed(0)} s after the start of the meter`,
    });
  }
  if (track.verdict === 'wandering') {
    notices.push({
      run,
      kind: 'wandering',
      words: `the offset wanders by ${track.scatterS.toFixed(2)} s around a line`,
    });
  }
  return notices;
}
