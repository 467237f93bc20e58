// The outbox on the real ledger: its log, its index and its cursors, through a restart.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { startOutbox } from '../../src/publish/outbox.ts';
import { reconcile } from '../../src/publish/reconcile.ts';
import { openSink } from '../../src/publish/sinks.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { minute, statementEntry } from './memory-ledger.ts';

test('what the real ledger holds is what the file holds, after a restart too', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'trueup-real-'));
  const clock = systemClock();
  const open = () =>
    openSink(
      {
        id: 'lp',
        kind: 'line-protocol-file',
        url: '',
        database: 'trueup',
        organisation: '',
        username: undefined,
        secret: undefined,
        path: '',
      },
      { name: 'lab', rehearsal: true },
      { clock, timers: systemTimers, dataDir },
    );
  const onFailure = (cause: unknown): void => {
    throw cause;
  };
  for (let round = 0; round < 3; round++) {
    const ledger = await openLedger(dataDir, { rehearsal: true, nowNs: () => clock.nowNs() });
    const outbox = startOutbox(open(), ledger, { timers: systemTimers, onFailure });
    await ledger.seal(
      [0, 1, 2].map((index) =>
        statementEntry({
          startNs: minute(round * 3 + index),
          energyUj: microjoules(9_007_199_254_740_993n + BigInt(round)),
        }),
      ),
    );
    const first = ledger.statements.current('node/gpu-01', 'metered', minute(0));
    await ledger.log.append([
      statementEntry({
        version: (first?.statement.version ?? 0) + 1,
        supersedes: first?.sha256 ?? '',
        energyUj: microjoules(BigInt(round)),
      }),
    ]);
    outbox.notify();
    await outbox.drained();
    expect(outbox.view()).toEqual({ waitingCount: 0, refusedCount: 0, trouble: '' });
    await outbox.close();
    const sink = open();
    await sink.open();
    const proof = await reconcile(sink, ledger, {
      fromNs: minute(0),
      untilNs: minute(100),
      repair: false,
    });
    expect(proof).toMatchObject({ equal: true, found: { comparedCount: 3 * (round + 1) } });
    await sink.close();
    await ledger.close();
  }
  await rm(dataDir, { recursive: true });
});
