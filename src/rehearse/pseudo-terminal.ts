// A serial line without hardware: a pseudo-terminal opened through libc, so that the service opens a real character
// device with real termios and locks. Linux only; elsewhere, or where libc refuses, the caller serves another way.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import koffi from 'koffi';

export interface PseudoTerminal {
  /** Path of the slave side, such as `/dev/pts/7`. */
  readonly path: string;
  write(bytes: Uint8Array): void;
  close(): void;
}

const O_CLOEXEC = 0o2000000;
/** Larger than struct termios of any Linux. */
const TERMIOS_SIZE_BYTES = 256;

/** Opens a raw pseudo-terminal. Throws where this host has none. */
export function openPseudoTerminal(receive: (bytes: Uint8Array) => void): PseudoTerminal {
  if (process.platform !== 'linux') throw new Error(`no posix_openpt known on ${process.platform}`);
  const libc = koffi.load('libc.so.6');
  const openMaster: (flags: number) => number = libc.func('int posix_openpt(int flags)');
  const grant: (fd: number) => number = libc.func('int grantpt(int fd)');
  const unlock: (fd: number) => number = libc.func('int unlockpt(int fd)');
  const nameOf: (fd: number) => string | null = libc.func('const char *ptsname(int fd)');
  const readTermios: (fd: number, termios: Buffer) => number = libc.func(
    'int tcgetattr(int fd, void *termios)',
  );
  const makeRaw: (termios: Buffer) => void = libc.func('void cfmakeraw(void *termios)');
  const setTermios: (fd: number, when: number, termios: Buffer) => number = libc.func(
    'int tcsetattr(int fd, int when, const void *termios)',
  );

  // Without O_NONBLOCK a reply that nobody reads would stop the whole process.
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC;
  const master = openMaster(flags);
  if (master < 0) throw new Error('posix_openpt failed');
  const path = grant(master) === 0 && unlock(master) === 0 ? nameOf(master) : null;
  if (path === null) {
    closeSync(master);
    throw new Error('the slave side could not be unlocked');
  }
  // Held open as long as the line lives: otherwise the master reads EIO whenever the service closes its port.
  const held = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const termios = Buffer.alloc(TERMIOS_SIZE_BYTES);
  if (readTermios(held, termios) === 0) {
    makeRaw(termios);
    setTermios(held, 0, termios);
  }
  const stream = new ReadStream(master);
  stream.on('data', receive);
  // A line that breaks ends like a cable that is pulled: the service times out.
  stream.on('error', () => {
    stream.destroy();
  });
  return {
    path,
    write: (bytes) => {
      try {
        writeSync(master, bytes);
      } catch (error) {
        // Nobody reads and the buffer is full: on a real line these bytes would be gone too.
        if (!isFull(error)) throw error;
      }
    },
    close: () => {
      stream.destroy();
      closeSync(held);
    },
  };
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EIO');
