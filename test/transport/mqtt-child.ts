// A service in small, to be killed: takes messages, commits them in groups to a file with fdatasync, then lets them be
// acknowledged. Arguments: url, file. Each line: sequence number, whether the broker called it a redelivery.
import { open } from 'node:fs/promises';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { mqtt } from '../../src/transport/mqtt.ts';
import { subscribing, textOf } from './mqtt-broker.ts';

const [url = '', path = ''] = process.argv.slice(2);
const file = await open(path, 'a');
// A kill can tear the last line: the torn piece must not join the next one.
await file.write('\n');
let group: { line: string; resolve: () => void }[] = [];

await mqtt.open(
  'plugs',
  {
    transport: 'mqtt',
    url,
    clientId: 'trueup-killed',
    username: undefined,
    password: undefined,
    caFile: undefined,
  },
  subscribing(['plug-1', 'plugs/1']),
  {
    clock: systemClock(),
    timers: systemTimers,
    deliver: (exchange) =>
      exchange.fault
        ? Promise.resolve()
        : new Promise((resolve) => {
            const line = `${textOf(exchange)} ${String(exchange.flags.redelivered)}\n`;
            group.push({ line, resolve });
          }),
  },
);

for (;;) {
  await systemTimers.sleep(20);
  const commit = group;
  group = [];
  if (commit.length === 0) continue;
  await file.write(commit.map(({ line }) => line).join(''));
  await file.datasync();
  for (const { resolve } of commit) resolve();
}
