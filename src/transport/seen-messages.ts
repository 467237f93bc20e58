// Which messages have been taken before: an at-least-once wire delivers some twice, and each may count only once.

/** Identities remembered per source; a sender that repeats something older than this is caught by its counters. */
const REMEMBERED_COUNT = 4096;

export class SeenMessages {
  private readonly seen = new Map<string, Set<string>>();

  /** True for a message that was not taken before; from then on it was. */
  take(source: string, identity: string): boolean {
    let known = this.seen.get(source);
    if (!known) {
      known = new Set();
      this.seen.set(source, known);
    }
    if (known.has(identity)) return false;
    known.add(identity);
    if (known.size <= REMEMBERED_COUNT) return true;
    // A Set iterates in the order of insertion: the first one is the oldest.
    for (const oldest of known) {
      known.delete(oldest);
      break;
    }
    return true;
  }
}
