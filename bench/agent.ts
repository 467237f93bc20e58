// What the agent costs the node that it runs on: CPU of one core and memory, as the kernel counts them, with two sockets and
// eight boards of a stub library, sending by HTTP to a server that keeps everything.
//   npm run bench:agent [-- --json]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DUAL_SOCKET, fakeNvml, writeZones } from '../test/agent/fake-node.ts';
import { freePort } from '../test/real-programs.ts';

const SETTLE_MS = 5000;
const MEASURE_MS = 30_000;
/** Clock ticks per second that /proc counts in; 100 on every Linux that Node runs on. */
const TICKS_HZ = 100;

const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-agent-'));
writeZones(folder, DUAL_SOCKET);
const stub = fakeNvml(folder);
stub.set(
  Array.from({ length: 8 }, (_, index) => ({
    uuid: `GPU-${String(index)}0000000-0000-4000-8000-000000000000`,
    energyMj: BigInt(index) * 1_000_000_000n,
    powerMw: 400_000,
  })),
);
const port = await freePort();
let messagesCount = 0;
let messageBytes = 0;
const server = createServer((request, response) => {
  request.on('data', (part: Buffer) => (messageBytes += part.length));
  request.on('end', () => {
    messagesCount++;
    response.writeHead(202).end('{"accepted":true}');
  });
});
await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));

interface Cost {
  readonly every: string;
  readonly cpuPercent: number;
  readonly memoryMib: number;
  readonly messagesCount: number;
  readonly messageBytes: number;
}

async function costOf(every: string): Promise<Cost> {
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../dist/cli/trueup.js'),
      'agent',
      ...['--to', `http://127.0.0.1:${String(port)}`, '--node', 'n1', '--every', every],
      ...['--root', folder, '--nvml', stub.path, '--spool', join(folder, 'spool')],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said += part.toString()));
  const proc = (name: string): string => readFileSync(`/proc/${String(child.pid)}/${name}`, 'utf8');
  const cpuS = (): number => {
    const fields = proc('stat')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_HZ;
  };
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (child.exitCode !== null) throw new Error(said);
  const [beforeS, countBefore, bytesBefore] = [cpuS(), messagesCount, messageBytes];
  await new Promise((resolve) => setTimeout(resolve, MEASURE_MS));
  const spentS = cpuS() - beforeS;
  const memoryKib = Number(/VmRSS:\s+(\d+)/.exec(proc('status'))?.[1]);
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('close', resolve));
  const sent = messagesCount - countBefore;
  return {
    every,
    cpuPercent: (100 * spentS) / (MEASURE_MS / 1000),
    memoryMib: memoryKib / 1024,
    messagesCount: sent,
    messageBytes: Math.round((messageBytes - bytesBefore) / Math.max(1, sent)),
  };
}

const costs: Cost[] = [];
for (const every of ['1s', '100ms']) costs.push(await costOf(every));
server.closeAllConnections();
server.close();
rmSync(folder, { recursive: true, force: true });
if (process.argv.includes('--json')) console.log(JSON.stringify({ costs }));
else {
  for (const cost of costs) {
    console.log(
      `every ${cost.every.padEnd(6)} ${cost.cpuPercent.toFixed(2)} % of one core, ${cost.memoryMib.toFixed(0)} MiB, ${cost.messagesCount} messages of ${cost.messageBytes} bytes in ${MEASURE_MS / 1000} s`,
    );
  }
}
