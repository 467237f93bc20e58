// What the agent costs the node that it runs on: CPU of one core and memory, as the kernel counts them, with two sockets and
// eight boards of a stub library, sending by HTTP to a server and by MQTT to a broker that keep everything. Beside it the same
// with the option of Node that the printed unit sets.
//   npm run bench:agent [-- --json]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { agentUnit } from '../src/cli/agent/agent-unit.ts';
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

const broker = await Aedes.createBroker();
broker.on('publish', ({ topic, payload }) => {
  if (!topic.endsWith('/chips')) return;
  messagesCount++;
  messageBytes += payload.length;
});
const mqttPort = await freePort();
const sockets = createSocketServer((socket) => {
  broker.handle(socket);
});
await new Promise<void>((resolve) => sockets.listen(mqttPort, '127.0.0.1', resolve));

/** What the unit says to Node. */
const NODE_OPTIONS =
  agentUnit()
    .find((line) => line.startsWith('Environment=NODE_OPTIONS='))
    ?.replace('Environment=NODE_OPTIONS=', '') ?? '';

interface Case {
  readonly by: 'http' | 'mqtt';
  readonly every: string;
  readonly nodeOptions: string;
}

interface Cost extends Case {
  readonly cpuPercent: number;
  readonly memoryMib: number;
  readonly messagesCount: number;
  readonly messageBytes: number;
}

async function costOf({ by, every, nodeOptions }: Case): Promise<Cost> {
  const to =
    by === 'http' ? `http://127.0.0.1:${String(port)}` : `mqtt://127.0.0.1:${String(mqttPort)}`;
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../dist/cli/trueup.js'),
      'agent',
      ...['--to', to, '--site', 'bench', '--node', 'n1', '--every', every],
      ...['--root', folder, '--nvml', stub.path, '--spool', join(folder, 'spool')],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...(nodeOptions === '' ? {} : { NODE_OPTIONS: nodeOptions }) },
    },
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
    by,
    every,
    nodeOptions,
    cpuPercent: (100 * spentS) / (MEASURE_MS / 1000),
    memoryMib: memoryKib / 1024,
    messagesCount: sent,
    messageBytes: Math.round((messageBytes - bytesBefore) / Math.max(1, sent)),
  };
}

const costs: Cost[] = [];
for (const each of [
  { by: 'http', every: '1s', nodeOptions: '' },
  { by: 'http', every: '100ms', nodeOptions: '' },
  { by: 'mqtt', every: '1s', nodeOptions: '' },
  { by: 'mqtt', every: '1s', nodeOptions: NODE_OPTIONS },
] as const)
  costs.push(await costOf(each));
server.closeAllConnections();
server.close();
sockets.close();
broker.close();
rmSync(folder, { recursive: true, force: true });
if (process.argv.includes('--json')) console.log(JSON.stringify({ costs }));
else {
  for (const cost of costs) {
    console.log(
      `by ${cost.by} every ${cost.every.padEnd(6)} ${cost.nodeOptions.padEnd(NODE_OPTIONS.length)} ${cost.cpuPercent.toFixed(2)} % of one core, ${cost.memoryMib.toFixed(0)} MiB, ${cost.messagesCount} messages of ${cost.messageBytes} bytes in ${MEASURE_MS / 1000} s`,
    );
  }
}
