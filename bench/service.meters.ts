// The meters of the service benchmark, in a process of their own: any number of Modbus TCP connections on which every unit
// is an SDM120 that draws 1200 W. Prints its port; ends when its standard input does.
import { createServer } from 'node:net';

const REQUEST_BYTES = 12;
const POWER_W = 1200;
/** Input registers of the SDM120: power at 0x000C, import energy at 0x0048, both float32. */
const POWER_ADDRESS = 0x000c;
const ENERGY_ADDRESS = 0x0048;
const REGISTERS_COUNT = 0x100;

const image = Buffer.alloc(2 * REGISTERS_COUNT);
const beganMs = performance.now();

function refreshImage(): void {
  const elapsedH = (performance.now() - beganMs) / 3_600_000;
  image.writeFloatBE(POWER_W, 2 * POWER_ADDRESS);
  // Counts of 0.01 kWh, as the meter shows them.
  image.writeFloatBE(
    Math.floor(100 * (100 + (POWER_W / 1000) * elapsedH)) / 100,
    2 * ENERGY_ADDRESS,
  );
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= REQUEST_BYTES) {
      const address = rest.readUInt16BE(8);
      const count = rest.readUInt16BE(10);
      const reply = Buffer.alloc(9 + 2 * count);
      rest.copy(reply, 0, 0, 8);
      reply.writeUInt16BE(3 + 2 * count, 4);
      reply.writeUInt8(2 * count, 8);
      image.copy(reply, 9, 2 * address, 2 * (address + count));
      socket.write(reply);
      rest = rest.subarray(REQUEST_BYTES);
    }
  });
});
refreshImage();
setInterval(refreshImage, 250).unref();
server.listen(0, '127.0.0.1', 1024, () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
