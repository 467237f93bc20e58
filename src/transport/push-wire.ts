// A line on which one meter sends whole frames, by itself or when it is asked: it keeps the port open, cuts frames out of
// the stream, stamps and delivers them, and tells silence as a gap.
import type { Timer } from '../quantity/clock.ts';
import { type Exchange, NO_FLAGS } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import { type DurationNs, type InstantNs, toMs } from '../quantity/time.ts';
import type { BytePort, OpenBytePort } from './byte-port.ts';
import { D0Dialogue } from './d0-dialogue.ts';
import { D0Framer } from './d0-framer.ts';
import { Delivery } from './delivery.ts';
import { FrameStamps } from './frame-stamps.ts';
import type { Framed, Framer } from './framer.ts';
import { framerFor } from './framers.ts';
import { KeptPort } from './kept-port.ts';
import type { OpenWire, PushedMeter, TransportPorts, WireHealth } from './transport.ts';

/** Of bytes that are no frame this many are kept, enough to tell a wrong speed from another protocol. */
const STRAY_BYTES_KEPT = 256;
/** Broken frames closer together than this are counted, not recorded: a babbling line must not fill the disk. */
const BROKEN_APART_NS = 250_000_000n;
/** After so many readouts in a row without one byte a connection is taken for dead. */
const UNHEARD_MAX_COUNT = 3;
/** A readout that takes longer than its period is followed by this much rest at least. */
const LEAST_REST_MS = 200;

export interface PushWireOptions {
  readonly id: WireId;
  readonly meter: PushedMeter;
  readonly openPort: OpenBytePort;
  /** Real time of one byte on the line, ms; 0 where it is not known. */
  readonly byteMs: number;
  /** The speed at which a dialogue begins. */
  readonly baud: number;
  /** Real time after which a meter that was asked is taken for silent. */
  readonly timeoutMs: number;
  readonly ports: TransportPorts;
}

const NOTHING = new Uint8Array();

export class PushWire implements OpenWire {
  readonly #options: PushWireOptions;
  readonly #framer: Framer;
  readonly #stamps: FrameStamps;
  readonly #kept: KeptPort<BytePort>;
  readonly #delivery: Delivery;
  readonly #dialogue: D0Dialogue | undefined;
  readonly #silence: Timer | undefined;
  #askedNs: InstantNs | undefined;
  #asking: Promise<void> = Promise.resolve();
  #pause: { timer: Timer; wake: () => void } | undefined;
  #stray = NOTHING;
  #bytesSinceTickCount = 0;
  #goodSinceTickCount = 0;
  #unheardCount = 0;
  #exchangesCount = 0;
  #droppedCount = 0;
  #brokenNs: bigint | undefined;
  #isSilent = false;
  #refusal = '';

  constructor(options: PushWireOptions) {
    this.#options = options;
    const { meter, ports } = options;
    const framer = framerFor(meter.protocol, meter.check);
    this.#framer = framer;
    this.#stamps = new FrameStamps(options.byteMs * 1e6 * ports.clock.speedRatio);
    this.#delivery = new Delivery(ports.deliver, {
      refused: (because) => {
        this.#refusal = because;
        void this.#stop(because);
      },
      caughtUp: () => undefined,
    });
    this.#kept = new KeptPort(options.openPort, ports.timers, {
      opened: () => {
        this.#bytesSinceTickCount = 0;
        this.#unheardCount = 0;
      },
      received: (bytes) => {
        this.#received(bytes);
      },
      lost: () => {
        this.#lost();
      },
    });
    if (meter.askEvery === undefined) {
      this.#silence = ports.timers.every(meter.silentAfterMs, () => {
        this.#tick();
      });
      return;
    }
    this.#dialogue = new D0Dialogue({
      timers: ports.timers,
      baud: options.baud,
      silenceMs: options.timeoutMs,
      identification: () => (framer instanceof D0Framer ? framer.identification : ''),
    });
  }

  /** Opens the port once and rejects with its error where that fails; from then on it is kept open. */
  async startOpened(): Promise<void> {
    try {
      await this.#kept.openFirst();
    } catch (cause) {
      this.#silence?.cancel();
      throw cause;
    }
    this.#begin();
  }

  /** Starts even where nobody answers yet. */
  start(): void {
    void this.#kept.start();
    this.#begin();
  }

  health(): WireHealth {
    const behind =
      this.#droppedCount > 0 ? `${this.#droppedCount} frames dropped: the ledger is too slow` : '';
    const connected = this.#kept.port !== undefined && this.#refusal === '';
    return {
      wire: this.#options.id,
      connected,
      exchangesCount: this.#exchangesCount,
      faultsCount: this.#delivery.faultsCount,
      silent: this.#isSilent || !connected ? [this.#options.meter.source] : [],
      latenessMs: { p50: 0, p99: 0, max: 0 },
      trouble: this.#refusal || this.#kept.trouble || behind,
    };
  }

  async close(): Promise<void> {
    await this.#stop('closed');
    await this.#asking;
    await this.#delivery.stop();
  }

  async #stop(because: string): Promise<void> {
    this.#silence?.cancel();
    this.#dialogue?.ended();
    const delivered = this.#delivery.stop();
    await this.#kept.close(because);
    this.#pause?.timer.cancel();
    this.#pause?.wake();
    await delivered;
  }

  #begin(): void {
    const { askEvery } = this.#options.meter;
    if (this.#dialogue !== undefined && askEvery !== undefined)
      this.#asking = this.#askForEver(this.#dialogue, askEvery);
  }

  #received(bytes: Uint8Array): void {
    this.#bytesSinceTickCount += bytes.length;
    this.#stamps.chunk(this.#options.ports.clock.nowNs(), bytes.length);
    bytes.forEach((byte, index) => {
      const framed = this.#framer.take(byte);
      if (framed !== undefined) this.#framed(framed);
      this.#stamps.took(index, this.#framer.pendingCount);
      if (framed === undefined && this.#framer.pendingCount === 0) this.#strayed(byte);
    });
    this.#dialogue?.heard();
  }

  #strayed(byte: number): void {
    if (this.#stray.length < STRAY_BYTES_KEPT) this.#stray = Uint8Array.of(...this.#stray, byte);
  }

  #framed({ bytes, fault }: Framed): void {
    if (fault === undefined) {
      this.#goodSinceTickCount += 1;
      this.#isSilent = false;
      this.#stray = NOTHING;
      this.#kept.worked();
    } else if (this.#isTooSoon()) {
      this.#delivery.faultsCount += 1;
      return;
    }
    this.#deliver(bytes, this.#stamps.firstByteNs(), this.#stamps.chunkNs(), fault);
    this.#dialogue?.ended();
  }

  #isTooSoon(): boolean {
    const nowNs = this.#options.ports.clock.monotonicNs();
    const tooSoon = this.#brokenNs !== undefined && nowNs - this.#brokenNs < BROKEN_APART_NS;
    if (!tooSoon) this.#brokenNs = nowNs;
    return tooSoon;
  }

  #lost(): void {
    const cut = this.#framer.cut();
    const atNs = this.#options.ports.clock.nowNs();
    this.#isSilent = true;
    this.#dialogue?.ended();
    this.#deliver(cut?.bytes ?? NOTHING, atNs, atNs, 'transport.closed');
  }

  /** Looks at the time since the last look: where no good frame came in it, that is a gap with its reason. */
  #tick(): void {
    const bytesCount = this.#bytesSinceTickCount;
    const goodCount = this.#goodSinceTickCount;
    this.#bytesSinceTickCount = 0;
    this.#goodSinceTickCount = 0;
    if (goodCount > 0) return;
    this.#isSilent = true;
    const atNs = this.#options.ports.clock.nowNs();
    this.#deliver(this.#stray, atNs, atNs, this.#whySilent(bytesCount));
    this.#stray = NOTHING;
    // A connection can die without a word, and so can the driver of an adapter.
    if (bytesCount === 0) this.#kept.giveUp('nothing came: opened anew');
  }

  #whySilent(bytesCount: number): FaultCode {
    if (this.#kept.port === undefined) return 'transport.closed';
    return bytesCount === 0 ? 'transport.timeout' : 'transport.frame';
  }

  async #askForEver(dialogue: D0Dialogue, every: DurationNs): Promise<void> {
    const { clock } = this.#options.ports;
    const everyMs = toMs(every) / clock.speedRatio;
    while (!this.#isClosed()) {
      const beganNs = clock.monotonicNs();
      await this.#askOnce(dialogue);
      const tookMs = Number(clock.monotonicNs() - beganNs) / 1e6;
      await this.#rest(Math.max(LEAST_REST_MS, everyMs - tookMs));
    }
  }

  async #askOnce(dialogue: D0Dialogue): Promise<void> {
    const { port } = this.#kept;
    this.#framer.cut();
    this.#askedNs = this.#options.ports.clock.nowNs();
    if (port === undefined) {
      this.#deliver(NOTHING, this.#askedNs, this.#askedNs, 'transport.closed');
      return;
    }
    if (await dialogue.ask(port)) {
      this.#unheardCount = 0;
      return;
    }
    this.#isSilent = true;
    const cut = this.#framer.cut();
    const atNs = this.#options.ports.clock.nowNs();
    this.#deliver(cut?.bytes ?? NOTHING, atNs, atNs, 'transport.timeout');
    this.#unheardCount = dialogue.isHeard ? 0 : this.#unheardCount + 1;
    if (this.#unheardCount >= UNHEARD_MAX_COUNT)
      this.#kept.giveUp('the meter was asked but sent nothing back');
  }

  async #rest(delayMs: number): Promise<void> {
    if (this.#isClosed()) return;
    await new Promise<void>((wake) => {
      this.#pause = { timer: this.#options.ports.timers.after(delayMs, wake), wake };
    });
    this.#pause = undefined;
  }

  #isClosed(): boolean {
    return this.#delivery.isStopped;
  }

  #deliver(
    reply: Uint8Array,
    firstByteNs: InstantNs,
    lastByteNs: InstantNs,
    fault: FaultCode | undefined,
  ): void {
    const { source, protocol } = this.#options.meter;
    if (reply.length > 0) this.#exchangesCount += 1;
    // A meter that pushes cannot be told to wait: what the disk is too slow for is dropped, and that is said.
    if (this.#delivery.isBehind) {
      this.#droppedCount += 1;
      return;
    }
    this.#delivery.take({
      source,
      form: protocol,
      request: this.#dialogue?.sent ?? NOTHING,
      reply,
      // A readout may have been taken at any time since it was asked for.
      sentNs:
        this.#askedNs !== undefined && this.#askedNs < firstByteNs ? this.#askedNs : firstByteNs,
      firstByteNs,
      lastByteNs,
      fault,
      flags: NO_FLAGS,
    } satisfies Exchange);
  }
}
