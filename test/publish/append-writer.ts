// Run as a child and killed by a test: writes entries to a file sink as fast as it can, and prints each leaf that the
// sink has accepted.
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { openSink } from '../../src/publish/sinks.ts';
import { memoryLedger, minute, statementEntry } from './memory-ledger.ts';

const [, , kind, dataDir = '', batchText = '7'] = process.argv;
const sink = openSink(
  {
    id: 'here',
    kind: kind === 'csv-file' ? kind : 'line-protocol-file',
    url: '',
    database: 'trueup',
    organisation: '',
    username: undefined,
    secret: undefined,
    path: '',
  },
  { name: 'lab', rehearsal: false },
  { clock: systemClock(), timers: systemTimers, dataDir },
);
await sink.open();
const ledger = memoryLedger();
const entries = ledger.append(
  Array.from({ length: 20_000 }, (_, index) => statementEntry({ startNs: minute(index) })),
);
const newest = sink.newest();
let next = typeof newest === 'string' ? 0 : newest.leaf + 1;
process.stdout.write('ready\n');
while (next < entries.length) {
  const batch = entries.slice(next, next + Number(batchText));
  const receipt = await sink.write(batch);
  if (receipt.outcome !== 'accepted') throw new Error(receipt.outcome);
  next += batch.length;
  process.stdout.write(`${next - 1}\n`);
}
