// The part of a model's document that ties it to its siblings behind the same meters.
import {
  GAIN_EVIDENCE,
  LEVEL_EVIDENCE,
  LEVEL_RULES,
  type SharedPart,
} from '../quantity/correction.ts';
import type { Fields } from './document-fields.ts';

export const encodeShared = (
  shared: SharedPart,
): Readonly<Record<string, string | readonly (string | number)[]>> => ({
  group: shared.group,
  fit: shared.fit,
  nodes: shared.nodes,
  covariance: shared.covariance,
  level_rule: shared.levelRule,
  level_evidence: shared.levelEvidence,
  gain_evidence: shared.gainEvidence,
});

/** Throws SiteFault that names the field. */
export function decodeShared(shared: Fields, termsCount: number): SharedPart {
  const nodes = shared.texts('nodes');
  if (nodes.length < 2 || new Set(nodes).size < nodes.length) {
    throw shared.fault('nodes', 'is no list of several nodes');
  }
  const covariance = shared.numbers('covariance');
  // The siblings' terms are in their own documents; here the rows of this node can be counted.
  if (covariance.length < 2 * nodes.length || covariance.length % (termsCount + 1) !== 0) {
    throw shared.fault('covariance', `is no ${termsCount + 1} rows`);
  }
  const gains = shared.texts('gain_evidence');
  if (gains.length !== termsCount) {
    throw shared.fault('gain_evidence', `has not ${termsCount} entries`);
  }
  return {
    group: shared.text('group'),
    fit: shared.text('fit'),
    nodes,
    covariance,
    levelRule: wordOf(shared, 'level_rule', shared.text('level_rule'), LEVEL_RULES),
    levelEvidence: wordOf(shared, 'level_evidence', shared.text('level_evidence'), LEVEL_EVIDENCE),
    gainEvidence: gains.map((word) => wordOf(shared, 'gain_evidence', word, GAIN_EVIDENCE)),
  };
}

function wordOf<Word extends string>(
  fields: Fields,
  name: string,
  text: string,
  words: readonly Word[],
): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw fields.fault(name, `is none of ${words.join(', ')}`);
  return found;
}
