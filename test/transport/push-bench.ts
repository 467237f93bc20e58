// A meter that pushes, on a TCP port; socat joins it to a pseudo-terminal for the serial transport.
import { closeSync, constants, openSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { Line } from './wire-bench.ts';

export class PushingMeter {
  frame: (number: number) => Uint8Array;
  everyMs = 15;
  behaviour: 'sends' | 'silent' | 'babbles' | 'broken check sums' = 'sends';
  readonly heard: Buffer[] = [];
  /** What it does with bytes that come; nothing, for a meter that only pushes. */
  onBytes: (bytes: Buffer, socket: Socket) => void = () => undefined;
  #server: Server | undefined;
  #sockets = new Set<Socket>();
  #number = 0;
  #timer = systemTimers.every(this.everyMs, () => {
    this.#send();
  });

  constructor(frame: (number: number) => Uint8Array) {
    this.frame = frame;
  }

  async listen(port = 0): Promise<number> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        this.heard.push(bytes);
        this.onBytes(bytes, socket);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #send(): void {
    if (this.behaviour === 'silent' || this.#sockets.size === 0) return;
    this.#number += 1;
    const frame = Buffer.from(this.frame(this.#number));
    if (this.behaviour === 'babbles') frame.fill(0x55);
    if (this.behaviour === 'broken check sums') frame[frame.length - 10]! ^= 0x40;
    for (const socket of this.#sockets) {
      // In two pieces, so that frames are torn over chunks.
      socket.write(frame.subarray(0, frame.length >> 1));
      socket.write(frame.subarray(frame.length >> 1));
    }
  }

  /** Says that it sends no more, and still holds its side open. */
  halfClose(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server?.close(() => {
        resolve();
      });
      if (this.#server === undefined) resolve();
    });
    this.#server = undefined;
  }

  async end(): Promise<void> {
    this.#timer.cancel();
    await this.close();
  }
}

/** A pseudo-terminal that stays there while nobody has it open, as an adapter does: socat alone would go. */
export class AdapterLine {
  readonly #line: Line;
  #held: number | undefined;

  constructor(socat: string, port: number) {
    this.#line = new Line(socat, port);
  }

  get path(): string {
    return this.#line.path;
  }

  async plugIn(): Promise<void> {
    await this.#line.plugIn();
    this.#held = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  }

  async unplug(): Promise<void> {
    this.#release();
    await this.#line.unplug();
  }

  remove(): void {
    this.#release();
    this.#line.remove();
  }

  #release(): void {
    if (this.#held !== undefined) closeSync(this.#held);
    this.#held = undefined;
  }
}
