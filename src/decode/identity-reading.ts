// What a device tells of itself, and whether that is what its profile expects.
import type { FaultCode } from '../quantity/fault.ts';
import type { IdentityKind } from './profile-words.ts';

export interface IdentityReading {
  readonly what: IdentityKind;
  /** As people write it: decimal for numbers, trimmed for text. */
  readonly text: string;
  /** What the profile says of it: that a device of this profile tells it so, or that it does not. */
  readonly fits?: boolean;
}

export type IdentityOrFault = readonly IdentityReading[] | { readonly fault: FaultCode };

/** With what the profile expects of it, where it expects anything. */
export function readingOf(
  {
    what,
    begins,
  }: { readonly what: IdentityKind; readonly begins?: readonly string[] | undefined },
  text: string,
): IdentityReading {
  return begins === undefined
    ? { what, text }
    : { what, text, fits: begins.some((start) => text.startsWith(start)) };
}
