// A process that appends and seals until it is killed, and prints what it was told is kept: `a INDEX` for a record,
// `s LEAF SHA256` for a leaf. It prints only after the ledger has acknowledged.
import { writeSync } from 'node:fs';
import { openLedger } from '../../src/ledger/index.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import { exchange, statement } from './samples.ts';

const [dataDir = '', from = '0'] = process.argv.slice(2);
const clock = systemClock();
const ledger = await openLedger(dataDir, {
  rehearsal: false,
  nowNs: () => clock.nowNs(),
  segmentBytes: 20_000,
});
const say = (line: string) => writeSync(1, `${line}\n`);
say('open');
for (let index = Number(from); ; index += 8) {
  const group = Array.from({ length: 8 }, (_, at) => index + at);
  await Promise.all(
    group.map(async (one) => {
      await ledger.journal.append(exchange(one));
      say(`a ${String(one)}`);
    }),
  );
  if (index % 64 === 0) {
    const stored = await ledger.seal([{ type: 'statement', statement: statement(index) }]);
    for (const { leaf, sha256 } of stored) say(`s ${String(leaf)} ${sha256}`);
  }
}
