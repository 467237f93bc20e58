// Lists of errors by application, run or node, as JSON.
import type { Fields, ModelDocument } from '../document-fields.ts';
import type { ErrorFigure, ErrorList } from './fit-figures.ts';
import { instantOf, rounded, stampOf } from './number-columns.ts';

const LIST_COUNT_MAX = 1000;
/** Names come from folders and phases: long ones are cut before they reach the file. */
const NAME_LENGTH_MAX = 200;

export const encodeErrors = (list: ErrorList): ModelDocument => ({
  count: list.count,
  kept: list.kept.map((each) => ({
    name: each.name.slice(0, NAME_LENGTH_MAX),
    from_s: stampOf(each.fromS),
    covered_s: rounded(each.coveredS),
    mean_meter_w: rounded(each.meanMeterW),
    error_ratio: rounded(each.errorRatio),
    ...(each.expandedRatio === undefined ? {} : { expanded_ratio: rounded(each.expandedRatio) }),
    ...(each.leftOutRatio === undefined ? {} : { left_out_ratio: rounded(each.leftOutRatio) }),
  })),
});

export function decodeErrors(list: Fields): ErrorList {
  const kept = list.list('kept');
  if (kept.length > LIST_COUNT_MAX) {
    throw list.fault('kept', `has more than ${LIST_COUNT_MAX} entries`);
  }
  return {
    count: list.number('count', kept.length),
    kept: kept.map((each): ErrorFigure => ({
      name: each.text('name'),
      fromS: instantOf(each, 'from_s', each.number('from_s')),
      coveredS: each.number('covered_s', 0),
      meanMeterW: each.number('mean_meter_w', 0),
      errorRatio: each.number('error_ratio'),
      ...(each.has('expanded_ratio') ? { expandedRatio: each.number('expanded_ratio', 0) } : {}),
      ...(each.has('left_out_ratio') ? { leftOutRatio: each.number('left_out_ratio') } : {}),
    })),
  };
}
