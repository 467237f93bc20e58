// What the bus needs of a wire that carries bytes: a serial port or a TCP connection, once it is open.

export interface BytePort {
  write(bytes: Uint8Array): void;
  /** Drops what the system holds of either direction; undefined where there is no such call. */
  flush(): Promise<void> | undefined;
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
