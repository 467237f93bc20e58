// The agent as it runs on a node: through a real broker into the service, and what it says of what it cannot read. Chips come
// from a tree of files and a library compiled here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { AGENT } from '../../src/cli/agent/agent.ts';
import { runCommand } from '../../src/cli/run/run-command.ts';
import { DUAL_SOCKET, fakeNvml, writeZones } from '../agent/fake-node.ts';
import { startTrueup } from '../journey/stack.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { startBroker } from '../transport/mqtt-broker.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-agent-cli-'));
const ending: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ending.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
});

async function agent(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said: { out: string[]; err: string[] } = { out: [], err: [] };
  const code = await runCommand(AGENT, 'agent', argv, {
    out: (line) => said.out.push(line),
    err: (line) => said.err.push(line),
    interactive: false,
    widthCount: 120,
  });
  return { code, out: said.out.join('\n'), err: said.err.join('\n') };
}

describe('what it reads', () => {
  test('once: the counters, and what cannot be read with what would allow it', async () => {
    writeZones(folder, DUAL_SOCKET);
    const { code, out } = await agent('--once', '--root', folder, '--nvml', '/no/such.so');
    expect(code).toBe(0);
    expect(out).toMatch(/^rapl:package-1 +2000 uJ$/m);
    const none = await agent('--once', '--root', join(folder, 'empty'), '--nvml', '/no/such.so');
    expect(none.code).toBe(1);
    expect(none.out).toContain('intel_rapl_msr');
  });

  test.each([
    [['--to', 'ftp://x', '--root', folder], 'neither'],
    [['--to', 'mqtt://127.0.0.1:1', '--root', folder], '--site'],
    [['--to', 'http://127.0.0.1:1', '--every', '10ms', '--root', folder], '--every'],
    [['--to', 'http://127.0.0.1:1', '--node', 'a b', '--root', folder], '--node'],
    [['--root', folder], '--to'],
    [['--to', 'http://127.0.0.1:1', '--root', join(folder, 'empty')], 'boot_id'],
  ])('usage: %j', async (argv, says) => {
    const { code, err } = await agent(...argv);
    expect(code).toBe(2);
    expect(err).toContain(says);
  });

  test('the unit is printed', async () => {
    expect((await agent('--unit')).out).toContain('AmbientCapabilities=CAP_DAC_READ_SEARCH');
  });
});

testWith({ mosquitto: findProgram('mosquitto'), gcc: findProgram('gcc') })(
  'through a broker that comes later into the service, which shows the power of the chips',
  { timeout: 90_000 },
  async () => {
    const root = join(folder, 'node');
    const stub = fakeNvml(root);
    let beats = 0n;
    const beat = (): void => {
      beats += 1n;
      // Ten beats a second: 50 W in each package, 5 W in each memory, 300 W in the board.
      writeZones(
        root,
        DUAL_SOCKET.map((zone) => ({
          ...zone,
          energyUj: zone.energyUj + beats * (zone.name === 'dram' ? 500_000n : 5_000_000n),
        })),
      );
      stub.set([{ uuid: 'GPU-a', energyMj: beats * 30_000n, powerMw: 300_000 }]);
    };
    beat();
    const beating = setInterval(beat, 100);
    ending.push(() => {
      clearInterval(beating);
    });
    const broker = await startBroker({ persistence: false });
    ending.push(() => broker.remove());
    const port = await freePort();
    const site = join(folder, 'site.yaml');
    writeFileSync(
      site,
      stringify({
        site: 'lab',
        interval: '1min',
        listen: `127.0.0.1:${String(port)}`,
        wires: { broker: { transport: 'mqtt', url: broker.url } },
        instruments: {
          chips: { profile: 'node-rapl-nvml', wire: 'broker', topic: 'trueup/1/lab/n1/chips' },
        },
        nodes: { n1: { type: 'box', fed_by: [], chips: 'chips' } },
      }),
    );
    const sender = startTrueup(
      ...['agent', '--to', broker.url, '--site', 'lab', '--node', 'n1', '--every', '200ms'],
      ...['--root', root, '--nvml', stub.path, '--spool', join(folder, 'spool')],
    );
    ending.push(() => sender.end());
    const service = startTrueup('run', '--site', site, '--data', join(folder, 'data'), '--json');
    ending.push(() => service.end());
    // The kernel of the test machine may not be synchronised; the files move in steps of a tenth of a second either way.
    await expect
      .poll(
        async () => {
          const answer = await fetch(`http://127.0.0.1:${String(port)}/v1/rack`).catch(
            () => undefined,
          );
          const rack = (await answer?.json()) as { nodes?: { chip_w?: number }[] } | undefined;
          return rack?.nodes?.[0]?.chip_w ?? 0;
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBeGreaterThan(300);
    const code = await sender.end();
    expect(code).toBe(0);
    expect(sender.lines.join('\n')).toMatch(/stopped +[1-9]\d* messages were sent/);
  },
);
