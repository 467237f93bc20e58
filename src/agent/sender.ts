// The contract of a sender. `send` resolves when the other side has said that it keeps the message (a PUBACK, a 202), with
// `refused` when it never will (it read the message and does not want it), with `unreachable` in every other case: then the
// same message may be sent again, since (boot_id, seq) makes a repetition harmless. It never throws and never waits longer
// than its deadline. One send at a time.

export type SendOutcome =
  | { readonly kind: 'kept' }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'unreachable'; readonly because: string };

export interface Sender {
  send(text: string): Promise<SendOutcome>;
  close(): Promise<void>;
}

/** How long an answer may take, ms. */
export const SEND_DEADLINE_MS = 10_000;
