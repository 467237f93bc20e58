// Which messages have been taken before: an at-least-once wire delivers some twice, and each may count only once.

/** Identities remembered per source; a sender that repeats something older than this is caught by its counters. */
const REMEMBERED_COUNT = 4096;

export class SeenMessages {
  private readonly seen = new Map<string, Set<string>>();

  has(source: string, identity: string): boolean {
    return this.seen.get(source)?.has(identity) ?? false;
  }

  add(source: string, identity: string): void {
    let known = this.seen.get(source);
    if (!known) {
      known = new Set();
      this.seen.set(source, known);
    }
    known.add(identity);
    if (known.size <= REMEMBERED_COUNT) return;
    // A Set iterates in the order of insertion: the first one is the oldest.
    for (const oldest of known) {
      known.delete(oldest);
      break;
    }
  }
}
