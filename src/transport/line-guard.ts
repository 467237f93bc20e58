// When may the next request go out, and may this reply be believed? RTU replies name neither register nor request, so
// a late or doubled one looks like the next answer. The guard keeps the silence, the quarantine after a failure, the
// alternation of lengths, and the memory of requests whose replies never came. Pure: time comes in as real ms.

/** A quarantine ends at the latest after this many longest reply times, also on a line that never falls silent. */
const QUARANTINE_MAX_REPLIES = 5;

/** As many replies of a unit are remembered, to know a doubled one by. */
const REMEMBERED_MAX_COUNT = 8;

interface Remembered {
  readonly shape: number;
  readonly address: number;
  readonly frame: Uint8Array;
  readonly atMs: number;
}

interface UnitMemory {
  /** What the last request expects back; 0 before the first. */
  lastReply: number;
  lastByteMs: number;
  /** Replies of these kinds may still come: their requests were given up. */
  readonly unanswered: Set<number>;
  /** The last replies, newest first. */
  recent: Remembered[];
  /** Replies of this unit were seen to come twice, so each kind is asked for once in a longest reply time. */
  doubles: boolean;
}

interface Quarantine {
  readonly unit: number;
  readonly replyMs: number;
  untilMs: number;
  readonly latestMs: number;
}

export interface Request {
  readonly unit: number;
  readonly functionCode: number;
  readonly address: number;
  readonly count: number;
  /** Silence before it, ms. */
  readonly silenceMs: number;
  /** Longest time to its reply, ms. */
  readonly replyMs: number;
}

/** What the reply looks like on the wire: function and length. */
const shapeOf = (request: Request): number => request.functionCode * 256 + request.count;

const areEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, n) => byte === other[n]);

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
      memory = {
        lastReply: 0,
        lastByteMs: -Infinity,
        unanswered: new Set(),
        recent: [],
        doubles: false,
      };
      this.#units.set(unit, memory);
    }
    return memory;
  }

  /** Of two requests the one to make now: the preferred, unless its reply would look like one that may still come. */
  choose<R extends Request>(preferred: R, other: R): R {
    const { lastReply } = this.#memoryOf(preferred.unit);
    if (shapeOf(preferred) === lastReply) return other;
    if (shapeOf(other) === lastReply) return preferred;
    return this.unitReadyMs(other) < this.unitReadyMs(preferred) ? other : preferred;
  }

  /** Not before this may the request be sent, as far as its unit alone is concerned; others may be served meanwhile. */
  unitReadyMs(request: Request): number {
    const memory = this.#memoryOf(request.unit);
    if (this.#hasTransactions) return memory.lastByteMs + request.silenceMs;
    const shape = shapeOf(request);
    // Two replies of one kind in a row: a doubled one must have come before the second request goes out.
    if (memory.lastReply === shape) return memory.lastByteMs + request.replyMs;
    if (!memory.doubles) return -Infinity;
    const alike = memory.recent.find((reply) => reply.shape === shape);
    return alike === undefined ? -Infinity : alike.atMs + request.replyMs;
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
    memory.lastReply = shapeOf(request);
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

  /**
   * Whether this reply could as well be another's: the late one of an earlier request that was given up, or the double
   * of one that other registers have just brought.
   */
  isSuspect(request: Request, frame: Uint8Array, nowMs: number): boolean {
    if (this.#hasTransactions) return false;
    const { unanswered, recent } = this.#memoryOf(request.unit);
    return (
      unanswered.has(shapeOf(request)) ||
      recent.some(
        (reply) =>
          reply.address !== request.address &&
          nowMs - reply.atMs <= request.replyMs &&
          areEqual(reply.frame, frame),
      )
    );
  }

  /** The reply is believed. Replies keep their order, so whatever was given up before can no longer come. */
  answered(request: Request, frame: Uint8Array, nowMs: number): void {
    if (this.#hasTransactions) return;
    const memory = this.#memoryOf(request.unit);
    memory.unanswered.clear();
    const reply = { shape: shapeOf(request), address: request.address, frame, atMs: nowMs };
    memory.recent = [reply, ...memory.recent.slice(0, REMEMBERED_MAX_COUNT - 1)];
  }

  /** A whole frame came that nobody had asked for: if it is one that came before, this unit doubles its replies. */
  stray(frame: Uint8Array): void {
    const memory = this.#memoryOf(frame[0] ?? 0);
    if (memory.recent.some((reply) => areEqual(reply.frame, frame))) memory.doubles = true;
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
