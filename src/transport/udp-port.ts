// A UDP socket that talks to one peer: the system drops what comes from anybody else, and tells when nobody listens there.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { OpenPort, Port } from './byte-port.ts';

export interface DatagramPort extends Port {
  /** `left` is called when the system has taken the datagram. */
  send(datagram: Uint8Array, left: () => void): void;
}

/** Each call of `received` is one datagram. */
export type OpenDatagramPort = OpenPort<DatagramPort>;

/** The name is looked up at each opening, since an agent may have got another address. */
export function udpPort(host: string, port: number): OpenDatagramPort {
  return async (events) => {
    const { address, family } = await lookup(host);
    return new Promise<DatagramPort>((resolve, reject) => {
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      let opened = false;
      let ended = false;
      const end = (because: string): void => {
        if (ended) return;
        ended = true;
        socket.close();
        if (opened) events.lost(because);
        else reject(new Error(because));
      };
      socket.on('message', (datagram: Uint8Array) => {
        if (!ended) events.received(datagram);
      });
      socket.on('error', (cause) => {
        end(`${host}:${port}: ${cause.message}`);
      });
      socket.connect(port, address, () => {
        if (ended) return;
        opened = true;
        resolve({
          send: (datagram, left) => {
            if (ended) return;
            socket.send(datagram, (cause) => {
              if (cause !== null) end(`${host}:${port}: ${cause.message}`);
              else if (!ended) left();
            });
          },
          close: () =>
            new Promise((done) => {
              if (ended) {
                done();
                return;
              }
              ended = true;
              socket.close(done);
            }),
        });
      });
    });
  };
}
