// The contract of framers: bytes go in one by one, frames come out. A framer never holds more than one frame's worth of
// bytes, finds the next frame whatever came before it, and lets no frame pass whose check sum is wrong.
import type { FaultCode } from '../quantity/fault.ts';

/** A whole frame as it came, or bytes that began like one and why they are none. */
export interface Framed {
  readonly bytes: Uint8Array;
  readonly fault: FaultCode | undefined;
}

export interface Framer {
  /** Takes the next byte; what it ends, if it ends something. It may end a broken frame and begin the next one at once. */
  take(byte: number): Framed | undefined;
  /** Bytes that may belong to a frame under way; 0 while none has begun. */
  readonly pendingCount: number;
  /** The line was lost: what had begun is no frame. */
  cut(): Framed | undefined;
}
