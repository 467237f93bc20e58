// Who answers is asked when a wire was opened, after a silence and each day, behind the readings, and never at their cost.
import { expect, onTestFinished, test } from 'vitest';
import { fromMs, fromSeconds, instantNs } from '../../src/quantity/time.ts';
import { PollQuestions } from '../../src/transport/poll-questions.ts';
import { ScriptedPeer, frameOf, type PeerLine } from './scripted-peer.ts';
import { modbusTcp } from '../../src/transport/modbus.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { device, portsInto, until } from './wire-bench.ts';

const WHO_AT = 500;

async function openAsking(peer: ScriptedPeer): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  const port = await peer.listen();
  onTestFinished(() => peer.close());
  const who = {
    reads: [{ table: 'holding' as const, address: WHO_AT, count: 2, alternateCount: 2 }],
  };
  const wire = await modbusTcp.open(
    'w',
    { transport: 'modbus-tcp', host: '127.0.0.1', port, timeoutMs: 150 },
    { devices: [device('a', 1, { who, poll: fromMs(20) })], subscriptions: [] },
    portsInto(exchanges),
  );
  onTestFinished(() => wire.close());
  return exchanges;
}

const asksWho = ({ request }: PeerLine): boolean => request.address === WHO_AT;
const whoCount = (peer: ScriptedPeer): number =>
  peer.requests.filter(({ address }) => address === WHO_AT).length;
const readCount = (exchanges: readonly Exchange[]): number =>
  exchanges.filter(({ fault, request }) => fault === undefined && request[9] !== (WHO_AT & 255))
    .length;

test('once behind the first readings, and again on each new connection', async () => {
  const peer = new ScriptedPeer('modbus-tcp');
  const exchanges = await openAsking(peer);
  await until(() => readCount(exchanges) >= 6, 10_000, 'nothing was read');
  expect(whoCount(peer)).toBe(1);
  expect(peer.requests[0]?.address).not.toBe(WHO_AT);
  expect(peer.requests[1]?.address).toBe(WHO_AT);
  peer.resetAll();
  const before = readCount(exchanges);
  await until(() => whoCount(peer) === 2, 10_000, 'nobody asked on the new connection');
  await until(() => readCount(exchanges) >= before + 6, 10_000, 'nothing was read any more');
  expect(whoCount(peer)).toBe(2);
});

test('again when a device behind a gateway was silent', async () => {
  const peer = new ScriptedPeer('modbus-tcp');
  let isAway = false;
  peer.script = (line) => {
    const { unit, functionCode, transactionId } = line.request;
    if (isAway) line.send(frameOf('modbus-tcp', unit, [functionCode | 0x80, 11], transactionId));
    else line.send(line.right);
  };
  const exchanges = await openAsking(peer);
  await until(() => readCount(exchanges) >= 3, 10_000, 'nothing was read');
  isAway = true;
  await until(
    () => exchanges.some(({ fault }) => fault === 'transport.skipped'),
    10_000,
    'it was not left alone',
  );
  expect(whoCount(peer)).toBe(1);
  isAway = false;
  await until(() => whoCount(peer) === 2, 15_000, 'nobody asked after the silence');
  expect(peer.connectionsCount).toBe(1);
});

test('a device that has no words for it is asked twice, and read all the same', async () => {
  const peer = new ScriptedPeer('modbus-tcp');
  peer.script = (line) => {
    if (!asksWho(line)) line.send(line.right);
  };
  const exchanges = await openAsking(peer);
  await until(() => readCount(exchanges) >= 8, 10_000, 'it was not read');
  expect(whoCount(peer)).toBe(2);
});

test('each civil day once more', () => {
  const questions = new PollQuestions(['reading'], ['who']);
  const asked: string[] = [];
  const poll = (atS: number): void => {
    questions.begin(instantNs(fromSeconds(atS)));
    for (;;) {
      if (questions.current === undefined) break;
      asked.push(questions.current);
      questions.next();
    }
    questions.restart();
  };
  for (const atS of [10, 20, 86_399, 86_401, 86_402]) poll(atS);
  expect(asked).toEqual([
    ...['reading', 'who'],
    ...['reading', 'reading'],
    ...['reading', 'who'],
    'reading',
  ]);
});
