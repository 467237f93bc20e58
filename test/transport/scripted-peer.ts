// A Modbus peer on TCP that does exactly what a test tells it, well or badly, and counts who is connected. It shares no
// code with the transport: frames and check sums are made here a second time. Each register holds a number that tells
// its unit and address, so that a value that shifted or came late can be seen.
import { createServer, type Server, type Socket } from 'node:net';

export type PeerForm = 'modbus-rtu' | 'modbus-tcp';

export interface PeerRequest {
  readonly unit: number;
  readonly functionCode: number;
  readonly address: number;
  readonly count: number;
  readonly transactionId: number;
  /** 0 for the first request ever. */
  readonly index: number;
  readonly atMs: number;
}

export interface PeerLine {
  readonly request: PeerRequest;
  /** The right answer, whole. */
  readonly right: Buffer;
  readonly send: (bytes: Uint8Array | readonly number[], afterMs?: number) => void;
  readonly socket: Socket;
}

export type Script = (line: PeerLine) => void;

export const answerRight: Script = ({ send, right }) => {
  send(right);
};

/** What register `address` of `unit` always holds. */
export const registerOf = (unit: number, address: number): number =>
  (unit * 4099 + address * 7) & 0xffff;

export function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** A frame of either form around unit and PDU. */
export function frameOf(
  form: PeerForm,
  unit: number,
  pdu: readonly number[],
  transactionId = 0,
): Buffer {
  const body = Buffer.from([unit, ...pdu]);
  if (form === 'modbus-rtu') {
    const crc = crcOf(body);
    return Buffer.concat([body, Buffer.from([crc & 255, crc >> 8])]);
  }
  const head = Buffer.alloc(6);
  head.writeUInt16BE(transactionId, 0);
  head.writeUInt16BE(body.length, 4);
  return Buffer.concat([head, body]);
}

export function readingPdu(functionCode: number, registers: readonly number[]): number[] {
  return [
    functionCode,
    2 * registers.length,
    ...registers.flatMap((word) => [word >> 8, word & 255]),
  ];
}

export const rightAnswer = (form: PeerForm, request: PeerRequest): Buffer =>
  frameOf(
    form,
    request.unit,
    readingPdu(
      request.functionCode,
      Array.from({ length: request.count }, (_, n) =>
        registerOf(request.unit, request.address + n),
      ),
    ),
    request.transactionId,
  );

export class ScriptedPeer {
  readonly requests: PeerRequest[] = [];
  /** How often somebody connected. */
  connectionsCount = 0;
  /** Bytes that came while the answer before was still under way. */
  earlyCount = 0;
  script: Script = answerRight;
  readonly #form: PeerForm;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(form: PeerForm) {
    this.#form = form;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #accept(socket: Socket): void {
    this.connectionsCount++;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    let buffer = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      buffer = Buffer.concat([buffer, bytes]);
      const size = this.#form === 'modbus-rtu' ? 8 : 12;
      while (buffer.length >= size) {
        const frame = buffer.subarray(0, size);
        buffer = buffer.subarray(size);
        this.#serve(socket, frame);
      }
    });
  }

  #serve(socket: Socket, frame: Buffer): void {
    const rtu = this.#form === 'modbus-rtu';
    if (rtu && crcOf(frame.subarray(0, 6)) !== frame.readUInt16LE(6))
      throw new Error('the client sent a wrong check sum');
    const body = rtu ? frame : frame.subarray(6);
    const request: PeerRequest = {
      unit: body.readUInt8(0),
      functionCode: body.readUInt8(1),
      address: body.readUInt16BE(2),
      count: body.readUInt16BE(4),
      transactionId: rtu ? 0 : frame.readUInt16BE(0),
      index: this.requests.length,
      atMs: performance.now(),
    };
    this.requests.push(request);
    this.script({
      request,
      right: rightAnswer(this.#form, request),
      socket,
      send: (bytes, afterMs = 0) => {
        if (afterMs === 0) {
          socket.write(Buffer.from(bytes));
          return;
        }
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          if (!socket.destroyed) socket.write(Buffer.from(bytes));
        }, afterMs);
        this.#timers.add(timer);
      },
    });
  }

  /** Drops everybody who is connected, with a reset. */
  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }
}
