// The simulated meters of the lateness benchmark, in a process of their own: any number of Modbus TCP connections, every
// unit answers every read at once. Prints its port; ends when its standard input does.
import { createServer } from 'node:net';

const REQUEST_BYTES = 12;

const server = createServer({ noDelay: true }, (socket) => {
  let rest = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= REQUEST_BYTES) {
      const count = rest.readUInt16BE(10);
      const reply = Buffer.alloc(9 + 2 * count);
      rest.copy(reply, 0, 0, 8);
      reply.writeUInt16BE(3 + 2 * count, 4);
      reply.writeUInt8(2 * count, 8);
      socket.write(reply);
      rest = rest.subarray(REQUEST_BYTES);
    }
  });
});
server.listen(0, '127.0.0.1', 1024, () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`${address.port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
