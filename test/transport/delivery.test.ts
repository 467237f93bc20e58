// What waits for the disk is bounded: a polled wire pauses when the ledger is behind and goes on when it has caught up, and
// what the ledger refuses ends the wire with its reason.
import { expect, onTestFinished, test } from 'vitest';
import { durationNs } from '../../src/quantity/time.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { Delivery } from '../../src/transport/delivery.ts';
import { modbusTcp } from '../../src/transport/modbus.ts';
import type { OpenWire } from '../../src/transport/transport.ts';
import { exchangeOf } from '../decode/exchanges.ts';
import { ScriptedPeer } from './scripted-peer.ts';
import { device, portsInto, until } from './wire-bench.ts';

const MOST_COUNT = 4096;
const reply = exchangeOf('csv', new Uint8Array(), new Uint8Array());

/** A ledger that keeps everybody waiting until it is told to go on. */
class SlowLedger {
  readonly taken: Exchange[] = [];
  #isWaiting = true;
  #waiting: (() => void)[] = [];
  readonly deliver = (exchange: Exchange): Promise<void> => {
    this.taken.push(exchange);
    return this.#isWaiting
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve();
  };
  goOn(): void {
    this.#isWaiting = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

test('behind is said at the bound, caught up once, and stop waits for all', async () => {
  const ledger = new SlowLedger();
  let caughtUpCount = 0;
  const delivery = new Delivery(ledger.deliver, {
    refused: () => undefined,
    caughtUp: () => caughtUpCount++,
  });
  for (let n = 0; n < MOST_COUNT; n++) {
    expect(delivery.isBehind).toBe(false);
    delivery.take(reply);
  }
  expect(delivery.isBehind).toBe(true);
  ledger.goOn();
  await until(() => !delivery.isBehind, 5000, 'it stayed behind');
  expect(caughtUpCount).toBe(1);
  delivery.take(reply);
  await delivery.stop();
  delivery.take(reply);
  expect(ledger.taken).toHaveLength(MOST_COUNT + 1);
  await delivery.stop();
});

test('a refusal is told with its reason, and does not keep stop waiting', async () => {
  const told: string[] = [];
  const delivery = new Delivery(() => Promise.reject(new Error('the disk is full')), {
    refused: (because) => told.push(because),
    caughtUp: () => undefined,
  });
  delivery.take(reply);
  await delivery.stop();
  expect(told).toEqual(['not recorded: the disk is full']);
});

async function openPolled(deliver: (exchange: Exchange) => Promise<void>): Promise<OpenWire> {
  const peer = new ScriptedPeer('modbus-tcp');
  const port = await peer.listen();
  onTestFinished(() => peer.close());
  return modbusTcp.open(
    'w',
    { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 5000 },
    // Always due: as fast as the peer answers.
    { devices: [device('a', 1, { poll: durationNs(1000n) })], subscriptions: [] },
    { ...portsInto([]), deliver },
  );
}

test(
  'a polled wire pauses while the ledger is behind, and goes on by itself',
  { timeout: 60_000 },
  async () => {
    const ledger = new SlowLedger();
    const wire = await openPolled(ledger.deliver);
    onTestFinished(() => wire.close());
    await until(() => ledger.taken.length >= MOST_COUNT, 40_000, 'it did not get that far');
    const pausedAt = ledger.taken.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ledger.taken.length).toBe(pausedAt);
    expect(pausedAt).toBe(MOST_COUNT);
    ledger.goOn();
    await until(() => ledger.taken.length > pausedAt + 10, 10_000, 'it did not go on');
  },
);

test('a polled wire whose readings cannot be recorded ends and says why', async () => {
  const wire = await openPolled(() => Promise.reject(new Error('the disk is full')));
  await until(() => wire.health().trouble.includes('the disk is full'), 10_000, 'nothing was said');
  expect(wire.health().connected).toBe(false);
  await wire.close();
});
