// What agents and networks do to SNMP, and that none of it becomes a value.
import { createSocket } from 'node:dgram';
import { expect, onTestFinished, test } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import type { Exchange } from '../../src/quantity/exchange.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { snmp } from '../../src/transport/snmp.ts';
import { communityMessage, ScriptedAgent } from '../simulators/snmp-agent.ts';
import { pdu, RESPONSE } from '../simulators/snmp-ber.ts';
import {
  firstWrongObject,
  instrument,
  objectOf,
  startSnmpBench,
  truth,
  wireTo,
} from './snmp-bench.ts';
import { portsInto, until } from './wire-bench.ts';

const ONE = [[objectOf(1, 1), objectOf(1, 2)]];
const good = (exchanges: readonly Exchange[]): Exchange[] =>
  exchanges.filter(({ fault }) => fault === undefined);
const faults = (exchanges: readonly Exchange[]): Set<string> =>
  new Set(exchanges.flatMap(({ fault }) => (fault === undefined ? [] : [fault])));

test('a datagram that is lost is sent once more, under another id', async () => {
  const { agent, exchanges, open } = await startSnmpBench();
  const ids = new Set<number>();
  agent.script = ({ requestId, answer, right }) => {
    ids.add(requestId);
    if (ids.size % 2 === 0) answer(right());
  };
  await open([instrument('a', ONE)]);
  await until(() => good(exchanges).length >= 3, 10_000, 'nothing came');
  expect(exchanges.every(({ fault }) => fault === undefined)).toBe(true);
  expect(ids.size).toBeGreaterThanOrEqual(6);
});

test('late and doubled replies are dropped, and never answer another question', async () => {
  const { agent, exchanges, open } = await startSnmpBench();
  let asked = 0;
  agent.script = ({ requestId, oids, answer, right }) => {
    asked += 1;
    const reply = right();
    if (asked % 3 === 0) {
      // Too late for its own question, and with values that nobody may believe.
      const stale = pdu(
        RESPONSE,
        requestId,
        oids.map((oid) => ({ oid, value: 'unsigned32 666' })),
      );
      void systemTimers.sleep(300).then(() => {
        answer(stale);
      });
      return;
    }
    answer(reply);
    answer(reply);
    answer(
      pdu(
        RESPONSE,
        requestId,
        oids.map((oid) => ({ oid, value: 'unsigned32 667' })),
      ),
    );
  };
  await open([instrument('a', ONE, { replyTimeoutMs: 80 })]);
  await until(() => good(exchanges).length >= 30, 20_000, 'nothing came');
  expect(firstWrongObject(exchanges)).toBeUndefined();
});

test.each([
  [
    'other objects',
    'transport.foreign',
    (id: number) =>
      pdu(RESPONSE, id, [
        { oid: objectOf(2, 1), value: 'unsigned32 1' },
        { oid: objectOf(2, 2), value: 'unsigned32 2' },
      ]),
  ],
  [
    'fewer objects',
    'transport.foreign',
    (id: number) => pdu(RESPONSE, id, [{ oid: objectOf(1, 1), value: 'unsigned32 1' }]),
  ],
  ['another id', 'transport.timeout', (id: number) => pdu(RESPONSE, id + 1, [])],
  [
    'a reply that is cut short',
    'transport.frame',
    (id: number) => pdu(RESPONSE, id, [{ oid: objectOf(1, 1), value: 'raw 42 04 00 00' }]),
  ],
  [
    'an error status',
    'transport.exception',
    (id: number, oids: readonly string[]) =>
      pdu(
        RESPONSE,
        id,
        oids.map((oid) => ({ oid, value: 'null' })),
        5,
        1,
      ),
  ],
  ['a reply that would not fit', 'transport.too-big', (id: number) => pdu(RESPONSE, id, [], 1, 0)],
  [
    'an agent that is busy',
    'transport.busy',
    (id: number, oids: readonly string[]) =>
      pdu(
        RESPONSE,
        id,
        oids.map((oid) => ({ oid, value: 'null' })),
        13,
        0,
      ),
  ],
])('%s: %s', async (_, fault, lie) => {
  const { agent, exchanges, open } = await startSnmpBench();
  agent.script = ({ requestId, oids, answer }) => {
    answer(lie(requestId, oids));
  };
  await open([instrument('a', ONE)]);
  await until(() => exchanges.length >= 2, 10_000, 'nothing was told');
  expect([...faults(exchanges)].filter((code) => code !== 'transport.skipped')).toEqual([fault]);
});

test.each([
  ['noise', Buffer.from('no SNMP at all'), 'transport.frame'],
  ['an empty datagram', Buffer.alloc(0), 'transport.frame'],
  ['the largest datagram', Buffer.alloc(60_000, 0x30), 'transport.frame'],
  ['another community', communityMessage('other', pdu(RESPONSE, 1, [])), 'transport.foreign'],
])('%s is no answer, and its octets are kept nowhere', async (_, datagram, fault) => {
  const { agent, exchanges, open } = await startSnmpBench();
  agent.script = ({ send }) => {
    send(datagram);
  };
  await open([instrument('a', ONE)]);
  await until(() => exchanges.length >= 1, 10_000, 'nothing was told');
  expect(exchanges[0]).toMatchObject({ fault });
  expect(exchanges[0]?.reply.length).toBe(0);
});

test('a stranger cannot answer for the agent', async () => {
  const { agent, exchanges, open } = await startSnmpBench();
  const stranger = createSocket('udp4');
  onTestFinished(() => {
    stranger.close();
  });
  agent.script = ({ requestId, oids, peerPort }) => {
    // The right community, id and objects, from another port.
    const bound = oids.map((oid) => ({ oid, value: 'unsigned32 1' }));
    stranger.send(
      communityMessage('measured', pdu(RESPONSE, requestId, bound)),
      peerPort,
      '127.0.0.1',
    );
  };
  await open([instrument('a', ONE)]);
  await until(() => exchanges.length >= 2, 10_000, 'nothing was told');
  expect(good(exchanges)).toEqual([]);
});

test('a community that the agent does not know is a silence, told with what may be wrong', async () => {
  const { exchanges, open } = await startSnmpBench();
  const wire = await open([instrument('a', ONE)], {
    access: { version: '2c', community: 'not-this-one' },
  });
  await until(() => exchanges.length >= 1, 10_000, 'nothing was told');
  expect(exchanges[0]).toMatchObject({ fault: 'transport.timeout' });
  expect(wire.health().connected).toBe(false);
  expect(wire.health().trouble).toContain('check the community');
});

test('no secret is in any record', async () => {
  const { agent, exchanges, open } = await startSnmpBench();
  await open([instrument('a', ONE)]);
  await until(() => good(exchanges).length >= 2, 10_000, 'nothing came');
  agent.script = () => undefined;
  await until(() => faults(exchanges).has('transport.timeout'), 10_000, 'no gap came');
  for (const { request, reply } of exchanges)
    expect(Buffer.concat([request, reply]).includes('measured')).toBe(false);
});

test('an agent that starts anew is taken up again, with every instrument', async () => {
  const { agent, port, exchanges, open } = await startSnmpBench();
  const many = [1, 2, 3].map((unit) => instrument(`m${unit}`, [[objectOf(unit, 1)]]));
  const wire = await open(many);
  await until(() => good(exchanges).length >= 9, 10_000, 'nothing came');
  await agent.close();
  await until(() => faults(exchanges).has('transport.closed'), 10_000, 'the loss was not told');
  const next = new ScriptedAgent('measured', truth);
  await next.listen(port);
  onTestFinished(() => next.close());
  const from = exchanges.length;
  await until(
    () => new Set(good(exchanges.slice(from)).map(({ source }) => source)).size === 3,
    20_000,
    'it was not taken up again',
  );
  expect(wire.health().trouble).toBe('');
});

test('a slow agent is waited for, and the window says how long it took', async () => {
  const { agent, exchanges, open } = await startSnmpBench();
  agent.script = ({ answer, right }) => {
    const reply = right();
    void systemTimers.sleep(60).then(() => {
      answer(reply);
    });
  };
  await open([instrument('a', ONE, { replyTimeoutMs: 2000 })]);
  await until(() => good(exchanges).length >= 3, 10_000, 'nothing came');
  for (const { sentNs, lastByteNs } of good(exchanges))
    expect(Number(lastByteNs - sentNs) / 1e6).toBeGreaterThan(50);
});

test.each([
  ['an empty community', { access: { version: '2c', community: '' } as const }],
  ['no port', { port: 0 }],
  [
    'encryption without authentication',
    {
      access: {
        version: '3',
        user: 'u',
        context: '',
        auth: undefined,
        priv: { protocol: 'aes128', password: 'long enough' },
      } as const,
    },
  ],
  [
    'a short password',
    {
      access: {
        version: '3',
        user: 'u',
        context: '',
        auth: { protocol: 'sha256', password: 'short' },
        priv: undefined,
      } as const,
    },
  ],
])('%s is refused before anything is opened', async (_, more) => {
  const tasks = { devices: [instrument('a', ONE)], subscriptions: [] };
  await expect(snmp.open('w', wireTo(161, more), tasks, portsInto([]))).rejects.toBeInstanceOf(
    SiteFault,
  );
});
