// House rules for profiles: what a schema cannot say. Each broken rule names the path and the remedy.
import type { FaultNotice } from '../quantity/fault.ts';

export interface RuledProfile {
  readonly id: string;
}

/** The first broken rule, with `where` as a JSON pointer below the document, or undefined. */
export function brokenRule(
  _profile: RuledProfile,
  _keys: readonly string[],
): FaultNotice | undefined {
  return undefined;
}
