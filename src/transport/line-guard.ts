// When may the next request go out, and may this reply be believed? RTU replies name neither register nor request, so
// a late or doubled one looks like the next answer. The guard keeps the silence, the quarantine after a failure, the
// alternation of lengths, and the memory of requests whose replies never came. Pure: time comes in as real ms.

/** A quarantine ends at the latest after this many longest reply times, also on a line that never falls silent. */
const QUARANTINE_MAX_REPLIES = 5;

interface UnitMemory {
  /** What the last request expects back; 0 before the first. */
  lastReply: number;
  lastByteMs: number;
  /** Replies of these kinds may still come: their requests were given up. */
  readonly unanswered: Set<number>;
}

interface Quarantine {
  readonly unit: number;
  readonly replyMs: number;
  untilMs: number;
  readonly latestMs: number;
}

/** What a reply to such a request looks like on the wire: function and length. */
const replyShape = (functionCode: number, count: number): number => functionCode * 256 + count;

export interface Request {
  readonly unit: number;
  readonly functionCode: number;
  readonly count: number;
  /** Silence before it, ms. */
  readonly silenceMs: number;
  /** Longest time to its reply, ms. */
  readonly replyMs: number;
}

export class LineGuard {
  readonly #units = new Map<number, UnitMemory>();
  /** Replies carry a transaction id: nothing can be mistaken, and each unit has its silence to itself. */
  readonly #hasTransactions: boolean;
  #lastByteMs = -Infinity;
  #quarantine: Quarantine | undefined;
  #lastQuarantineMs = -Infinity;

  constructor(hasTransactions: boolean) {
    this.#hasTransactions = hasTransactions;
  }

  #memoryOf(unit: number): UnitMemory {
    let memory = this.#units.get(unit);
    if (memory === undefined) {
      memory = { lastReply: 0, lastByteMs: -Infinity, unanswered: new Set() };
      this.#units.set(unit, memory);
    }
    return memory;
  }

  /** Of two counts the one to ask for now: the preferred, unless its reply would look like the reply before. */
  choose(unit: number, functionCode: number, preferred: number, other: number): number {
    const { lastReply } = this.#memoryOf(unit);
    return replyShape(functionCode, preferred) === lastReply ? other : preferred;
  }

  /** Not before this may the request be sent, as far as its unit alone is concerned; others may be served meanwhile. */
  unitReadyMs(request: Request): number {
    const memory = this.#memoryOf(request.unit);
    if (this.#hasTransactions) return memory.lastByteMs + request.silenceMs;
    // Two replies of one kind in a row: a doubled one must have come before the second request goes out.
    return memory.lastReply === replyShape(request.functionCode, request.count)
      ? memory.lastByteMs + request.replyMs
      : -Infinity;
  }

  /** Not before this may the request be sent, as far as the line is concerned. */
  lineReadyMs(request: Request): number {
    if (this.#hasTransactions) return -Infinity;
    return Math.max(this.#lastByteMs + request.silenceMs, this.#quarantine?.untilMs ?? -Infinity);
  }

  /** The quarantined unit while a late reply may still come. */
  quarantined(nowMs: number): number | undefined {
    return this.#quarantine !== undefined && nowMs < this.#quarantine.untilMs
      ? this.#quarantine.unit
      : undefined;
  }

  /** When the line was last put under quarantine. */
  get lastQuarantineMs(): number {
    return this.#lastQuarantineMs;
  }

  /** The request goes out. */
  sent(request: Request, nowMs: number): void {
    const memory = this.#memoryOf(request.unit);
    memory.lastReply = replyShape(request.functionCode, request.count);
    memory.lastByteMs = nowMs;
    this.#lastByteMs = nowMs;
    this.#quarantine = undefined;
  }

  /** Bytes came, wanted or not. */
  heard(unit: number | undefined, nowMs: number): void {
    this.#lastByteMs = nowMs;
    if (unit !== undefined) this.#memoryOf(unit).lastByteMs = nowMs;
    if (this.#quarantine !== undefined && nowMs < this.#quarantine.untilMs) {
      const { replyMs, latestMs } = this.#quarantine;
      this.#quarantine.untilMs = Math.min(nowMs + replyMs, latestMs);
    }
  }

  /** Whether a reply to this could as well be the late one of an earlier request that was given up. */
  isSuspect(request: Request): boolean {
    if (this.#hasTransactions) return false;
    return this.#memoryOf(request.unit).unanswered.has(
      replyShape(request.functionCode, request.count),
    );
  }

  /** Nothing that was asked before can come any more. */
  cleared(unit: number): void {
    this.#memoryOf(unit).unanswered.clear();
  }

  /** The late frame of a quarantined unit has come and was dropped. */
  lateFrame(unit: number): void {
    if (this.#quarantine?.unit !== unit) return;
    const memory = this.#memoryOf(unit);
    memory.unanswered.delete(memory.lastReply);
    this.#quarantine = undefined;
  }

  /**
   * No usable reply came. `holdsLine`: everybody waits for the late one; else only its unit does (a device that is
   * silent anyway must not cost the others twice).
   */
  failed(request: Request, nowMs: number, holdsLine: boolean): void {
    if (this.#hasTransactions) return;
    const memory = this.#memoryOf(request.unit);
    memory.unanswered.add(memory.lastReply);
    memory.lastByteMs = nowMs;
    if (!holdsLine) return;
    this.#quarantine = {
      unit: request.unit,
      replyMs: request.replyMs,
      untilMs: nowMs + request.replyMs,
      latestMs: nowMs + QUARANTINE_MAX_REPLIES * request.replyMs,
    };
    this.#lastQuarantineMs = nowMs;
  }

  /** A new connection: what was under way on the old one cannot come, but a gateway may still hold older replies. */
  reconnected(): void {
    this.#quarantine = undefined;
    this.#lastByteMs = -Infinity;
  }
}
