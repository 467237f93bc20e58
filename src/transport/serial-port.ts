// A serial port as a byte port, through `serialport`. It is locked (flock), so that two masters never share a line.
import { SerialPort } from 'serialport';
import { SiteFault } from '../quantity/fault.ts';
import type { WireId } from '../quantity/site.ts';
import type { BytePort, OpenBytePort, PortEvents } from './byte-port.ts';

/** How a serial line is set; 8 data bits unless said otherwise. */
export interface SerialLine {
  readonly path: string;
  readonly baud: number;
  readonly dataBits?: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

export function serialPort(wire: SerialLine): OpenBytePort {
  return (events: PortEvents) =>
    new Promise<BytePort>((resolve, reject) => {
      const port = new SerialPort({
        path: wire.path,
        baudRate: wire.baud,
        parity: wire.parity,
        dataBits: wire.dataBits ?? 8,
        stopBits: wire.stopBits,
        lock: true,
        autoOpen: false,
      });
      let ended = false;
      const end = (because: string): void => {
        if (ended) return;
        ended = true;
        if (port.isOpen) port.close(() => undefined);
        events.lost(because);
      };
      port.on('data', (bytes: Uint8Array) => {
        // Not as a Buffer, whose `slice` makes no copy.
        const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
        if (!ended) events.received(plain);
      });
      port.on('error', (cause) => {
        end(`${wire.path}: ${cause.message}`);
      });
      port.on('close', (cause: Error | null | undefined) => {
        end(`${wire.path}: ${cause?.message ?? 'the port was closed'}`);
      });
      port.open((cause) => {
        if (cause) {
          ended = true;
          reject(cause);
          return;
        }
        resolve({
          write: (bytes) => {
            if (!ended) port.write(bytes);
          },
          setBaud: (baud) => changedSpeed(port, baud),
          flush: () => flushed(port),
          close: () => {
            ended = true;
            return new Promise((done) => {
              if (port.isOpen)
                port.close(() => {
                  done();
                });
              else done();
            });
          },
        });
      });
    });
}

// An error of the flush is one of the port: it comes as an event of its own.
const flushed = (port: SerialPort): Promise<void> =>
  new Promise((done) => {
    if (port.isOpen)
      port.flush(() => {
        done();
      });
    else done();
  });

// A speed that the adapter refuses shows as silence at the next read, which is told as such.
const changedSpeed = (port: SerialPort, baudRate: number): Promise<void> =>
  new Promise((done) => {
    if (!port.isOpen) {
      done();
      return;
    }
    port.drain(() => {
      if (!port.isOpen) {
        done();
        return;
      }
      port.update({ baudRate }, () => {
        done();
      });
    });
  });

/** Why a serial port could not be opened, as the operator's fault: wrong path, no right to it, or somebody has it. */
export function serialFault(id: WireId, wire: SerialLine, cause: Error): SiteFault {
  return new SiteFault(
    {
      where: `wires/${id}/path`,
      what: `${wire.path} cannot be opened: ${cause.message}`,
      remedy: remedyFor(cause),
    },
    { cause },
  );
}

function remedyFor(cause: Error): string {
  if (/lock port|busy/i.test(cause.message))
    return 'another program is master of this line: stop it, or give each line one owner';
  if (/permission|not permitted/i.test(cause.message))
    return 'give this user the right to it, for example by the group "dialout"';
  if (/no such|not found|cannot find/i.test(cause.message))
    return 'plug the adapter in, or correct the path (/dev/serial/by-id/... does not change)';
  return 'name a serial port, with a speed that it has';
}
