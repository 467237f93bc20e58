// What the wires need of a port that carries bytes, be it a serial port, a connection or a socket for datagrams, once it
// is open.

/** What every port has, whatever it carries. */
export interface Port {
  /** Resolves when no event will follow. */
  close(): Promise<void>;
}

export interface BytePort extends Port {
  write(bytes: Uint8Array): void;
  /** Drops what the system holds of either direction; undefined where there is no such call. */
  flush(): Promise<void> | undefined;
  /** Waits until what was written has left, then changes the speed; undefined where the port has none of its own. */
  readonly setBaud: ((baud: number) => Promise<void>) | undefined;
}

export interface PortEvents {
  /** The bytes are lent for the length of the call: whoever keeps them keeps a copy (`slice` makes one). */
  readonly received: (bytes: Uint8Array) => void;
  /** The port is gone; said once, and never after `close` was called. */
  readonly lost: (because: string) => void;
}

/** Opens the port or rejects with an Error that says why. */
export type OpenPort<P extends Port> = (events: PortEvents) => Promise<P>;
export type OpenBytePort = OpenPort<BytePort>;
