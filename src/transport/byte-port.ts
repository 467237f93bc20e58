// What the bus needs of a wire that carries bytes: a serial port or a TCP connection, once it is open.

export interface BytePort {
  write(bytes: Uint8Array): void;
  /** Drops what the system holds of either direction; undefined where there is no such call. */
  flush(): Promise<void> | undefined;
  /** Waits until what was written has left, then changes the speed; undefined where the port has none of its own. */
  readonly setBaud: ((baud: number) => Promise<void>) | undefined;
  /** Resolves when no event will follow. */
  close(): Promise<void>;
}

export interface BytePortEvents {
  readonly received: (bytes: Uint8Array) => void;
  /** The port is gone; said once, and never after `close` was called. */
  readonly lost: (because: string) => void;
}

/** Opens the port or rejects with an Error that says why. */
export type OpenBytePort = (events: BytePortEvents) => Promise<BytePort>;
