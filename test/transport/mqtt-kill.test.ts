// kill -9 of the subscriber, again and again, under a thousand messages a second: nothing that was published is lost, and
// what comes twice says so.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { publisher, startBroker, until } from './mqtt-broker.ts';

const KILLS_COUNTS = { '3.1.1': 3, '5': 2 } as const;
const root = join(import.meta.dirname, '../..');
const test = testWith({ mosquitto: findProgram('mosquitto') });

for (const version of ['3.1.1', '5'] as const) {
  const killsCount = KILLS_COUNTS[version];
  test(`kill -9 loses nothing (MQTT ${version})`, { timeout: 60_000 }, async () => {
    const broker = await startBroker({ persistence: false });
    const path = join(broker.folder, 'taken');
    const start = () =>
      spawn(
        process.execPath,
        [
          '--import',
          'tsx',
          fileURLToPath(new URL('./mqtt-child.ts', import.meta.url)),
          `${broker.url}?version=${version}`,
          path,
        ],
        { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
      );
    const lines = async (): Promise<string[]> =>
      (await readFile(path, 'utf8').catch(() => '')).split('\n');
    let child = start();
    const client = await publisher(broker);
    // One message, sent until it is taken, tells that the subscription stands.
    await until(async () => {
      await client.publishAsync('plugs/1', 'hello', { qos: 1 });
      return (await lines()).some((line) => line.startsWith('hello '));
    }, 'the subscription stands');
    let stopAfter = Infinity;
    let sentCount = 0;
    const startedMs = performance.now();
    const traffic = (async () => {
      const acknowledged: Promise<unknown>[] = [];
      while (sentCount < stopAfter) {
        // By the clock, not by the broker's answers: a thousand a second whatever happens.
        const due = Math.min(performance.now() - startedMs, sentCount + 500);
        while (sentCount < Math.min(due, stopAfter)) {
          sentCount += 1;
          acknowledged.push(client.publishAsync('plugs/1', String(sentCount), { qos: 1 }));
        }
        await systemTimers.sleep(10);
      }
      await Promise.all(acknowledged);
    })();
    try {
      for (let kill = 0; kill < killsCount; kill += 1) {
        const takenBefore = (await lines()).length;
        await until(async () => (await lines()).length > takenBefore + 50, 'messages flow');
        await systemTimers.sleep(Math.random() * 150);
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await gone;
        child = start();
      }
      stopAfter = 0;
      await traffic;
      const taken = async (): Promise<string[]> =>
        (await lines()).filter((line) => /^\d+ (true|false)$/.test(line));
      const distinct = (all: string[]): Set<string> =>
        new Set(all.map((line) => line.split(' ')[0] ?? ''));
      await until(
        async () => distinct(await taken()).size === sentCount,
        `all ${String(sentCount)} are taken`,
      );
      const all = await taken();
      const once = new Set(all.filter((line) => line.endsWith('false')));
      // Nothing is taken twice but what the broker marked.
      expect(all.filter((line) => line.endsWith('false'))).toHaveLength(once.size);
      expect(sentCount).toBeGreaterThan(killsCount * 50);
      const ratePerS = sentCount / ((performance.now() - startedMs) / 1000);
      console.log(
        `MQTT ${version}: ${String(sentCount)} sent at ${ratePerS.toFixed(0)}/s, ${String(killsCount)} kills, 0 lost, ${String(all.length - sentCount)} redelivered`,
      );
    } finally {
      stopAfter = 0;
      child.kill('SIGKILL');
      await client.endAsync(true);
      await broker.remove();
    }
  });
}
