// The meters of the RTU benchmark, in a process of their own: units 1 to 10 behind a TCP port that socat joins to a
// pseudo-terminal. A pseudo-terminal carries bytes at once, so the pace of 9600 baud 8N1 is kept here: a request takes
// its time, then the silence that ends it, then the answer leaves byte by byte. Prints its port.
import { createServer } from 'node:net';

const BYTE_MS = (10 / 9600) * 1000;
const SILENCE_MS = 3.5 * BYTE_MS;
const REQUEST_BYTES = 8;
/** A timer may be late by this much, so the rest of a wait is spent looking at the clock. */
const TIMER_MS = 2;

function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

function answerTo(request: Buffer): Buffer {
  const count = request.readUInt16BE(4);
  const frame = Buffer.alloc(5 + 2 * count);
  request.copy(frame, 0, 0, 2);
  frame.writeUInt8(2 * count, 2);
  for (let n = 0; n < count; n++) frame.writeUInt16BE(n, 3 + 2 * n);
  frame.writeUInt16LE(crcOf(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}

/** Calls `run` at that time, as punctually as a process can. */
function at(timeMs: number, run: () => void): void {
  const leftMs = timeMs - performance.now();
  if (leftMs <= 0) run();
  else if (leftMs > TIMER_MS) setTimeout(at, leftMs - TIMER_MS, timeMs, run);
  else setImmediate(at, timeMs, run);
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    if (pending.length < REQUEST_BYTES) return;
    const request = pending.subarray(0, REQUEST_BYTES);
    pending = pending.subarray(REQUEST_BYTES);
    if (crcOf(request.subarray(0, -2)) !== request.readUInt16LE(REQUEST_BYTES - 2)) return;
    const frame = answerTo(request);
    const beginsMs = performance.now() + REQUEST_BYTES * BYTE_MS + SILENCE_MS;
    const sendFrom = (index: number): void => {
      socket.write(frame.subarray(index, index + 1));
      if (index + 1 < frame.length)
        at(beginsMs + (index + 2) * BYTE_MS, () => {
          sendFrom(index + 1);
        });
    };
    at(beginsMs + BYTE_MS, () => {
      sendFrom(0);
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
