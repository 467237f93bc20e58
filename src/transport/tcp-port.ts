// A TCP connection as a byte port. Half-closed is closed: a peer that sends no more will never answer.
import { connect } from 'node:net';
import type { Timers } from '../quantity/clock.ts';
import type { BytePort, OpenBytePort, PortEvents } from './byte-port.ts';

const KEEP_ALIVE_MS = 30_000;
/** All connections are read into the same bytes, one after the other: none waits in memory of its own. */
const READ_BYTES = new Uint8Array(65_536);

/**
 * Connects within `timeoutMs`, real; rejects with the reason for people. With `mustFlush`, `flush` lets the event loop
 * read once what the system still holds, so that it comes before the next request and not after it.
 */
export function tcpPort(
  host: string,
  port: number,
  timeoutMs: number,
  timers: Timers,
  mustFlush: boolean,
): OpenBytePort {
  return (events: PortEvents) =>
    new Promise<BytePort>((resolve, reject) => {
      const socket = connect({
        host,
        port,
        noDelay: true,
        onread: {
          buffer: READ_BYTES,
          callback: (count) => {
            if (!ended) events.received(READ_BYTES.subarray(0, count));
            return true;
          },
        },
      });
      let opened = false;
      let ended = false;
      const end = (because: string): void => {
        if (ended) return;
        ended = true;
        deadline.cancel();
        socket.destroy();
        if (opened) events.lost(because);
        else reject(new Error(because));
      };
      const deadline = timers.after(timeoutMs, () => {
        end(`${host}:${port} does not answer`);
      });
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.on('error', (cause) => {
        end(`${host}:${port}: ${cause.message}`);
      });
      socket.on('end', () => {
        end(`${host}:${port} closed the connection`);
      });
      socket.on('close', () => {
        end(`${host}:${port} closed the connection`);
      });
      socket.once('connect', () => {
        if (ended) return;
        deadline.cancel();
        opened = true;
        resolve({
          write: (bytes) => {
            if (!ended) socket.write(bytes);
          },
          setBaud: undefined,
          flush: () => (mustFlush ? timers.sleep(0) : undefined),
          close: () => {
            ended = true;
            socket.destroy();
            return Promise.resolve();
          },
        });
      });
    });
}
