// The agent's loop and its spool: offline for days, back, killed, refused; every message that was kept is kept in order.
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startAgent, type RunningAgent } from '../../src/agent/agent.ts';
import type { ChipReader } from '../../src/agent/chip-reader.ts';
import { httpSender } from '../../src/agent/http-sender.ts';
import type { Sender, SendOutcome } from '../../src/agent/sender.ts';
import { Spool } from '../../src/agent/spool.ts';
import { parseNodeMessage } from '../../src/decode/node-message.ts';
import type { Timers } from '../../src/quantity/clock.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { freePort } from '../real-programs.ts';

const base = mkdtempSync(join(tmpdir(), 'trueup-agent-'));
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});
let foldersCount = 0;
const newFolder = (): string => join(base, String(foldersCount++));

describe('the spool', () => {
  const spoolIn = (
    folder: string,
    over: { maxBytes?: number; segmentBytes?: number } = {},
  ): Spool => new Spool({ folder, maxBytes: 1e9, say: (line) => said.push(line), ...over });
  const said: string[] = [];
  const emptied = (spool: Spool): string[] => {
    const all: string[] = [];
    for (let oldest = spool.oldest(); oldest; oldest = spool.oldest()) {
      all.push(...oldest.texts);
      oldest.done(oldest.texts.length);
    }
    return all;
  };
  const texts = (from: number, until: number): string[] =>
    Array.from({ length: until - from }, (_, index) => `{"seq":${String(from + index)}}`);

  test('what went in comes out in order, over segments that are packed, and over a restart', () => {
    const folder = newFolder();
    const spool = spoolIn(folder, { segmentBytes: 200 });
    for (let from = 0; from < 100; from += 10) spool.add(texts(from, from + 10));
    expect(readdirSync(folder).some((name) => name.endsWith('.gz'))).toBe(true);
    const again = spoolIn(folder, { segmentBytes: 200 });
    again.add(texts(100, 105));
    expect(emptied(again)).toEqual(texts(0, 105));
    expect(again.isEmpty).toBe(true);
  });

  test('a part that has arrived is not sent again', () => {
    const folder = newFolder();
    const spool = spoolIn(folder);
    spool.add(texts(0, 5));
    spool.oldest()?.done(2);
    spool.add(texts(5, 6));
    expect(emptied(spoolIn(folder))).toEqual(texts(2, 6));
  });

  test('a torn last line is left out, a damaged segment does not stop the others', () => {
    const folder = newFolder();
    spoolIn(folder).add(texts(0, 2));
    appendFileSync(join(folder, readdirSync(folder)[0] ?? ''), '{"seq":');
    writeFileSync(join(folder, '000000000002.jsonl.gz'), 'no gzip');
    const spool = spoolIn(folder);
    spool.add(texts(7, 8));
    expect(emptied(spool)).toEqual([...texts(0, 2), ...texts(7, 8)]);
  });

  test('when it is full the oldest goes, and that is said', () => {
    const folder = newFolder();
    const spool = spoolIn(folder, { maxBytes: 2000, segmentBytes: 2000 });
    for (let from = 0; from < 3000; from += 100) spool.add(texts(from, from + 100));
    const left = emptied(spool);
    expect(left.length).toBeLessThan(3000);
    expect(left[left.length - 1]).toBe('{"seq":2999}');
    expect(said.join()).toContain('no energy is lost');
  });
});

/** Timers that run when they are told to. */
function handTimers(): Timers & { fire(): void } {
  const waiting = new Set<() => void>();
  return {
    after: (_delayMs, run) => {
      waiting.add(run);
      return { cancel: () => void waiting.delete(run) };
    },
    every: () => ({ cancel: () => undefined }),
    sleep: () => Promise.resolve(),
    fire: () => {
      for (const run of [...waiting]) {
        waiting.delete(run);
        run();
      }
    },
  };
}

interface Bench {
  readonly agent: RunningAgent;
  readonly kept: string[];
  readonly said: string[];
  readonly timers: ReturnType<typeof handTimers>;
  answer: SendOutcome['kind'];
  isSynchronised: boolean;
}

function bench(folder: string, startMs = 1000): Bench {
  let nowMs = startMs;
  let countUj = 0n;
  const timers = handTimers();
  const reader: ChipReader = {
    sources: ['rapl:package-0'],
    obstacles: [],
    read: ({ counters }) => {
      countUj += 1000n;
      counters.push({ source: 'rapl:package-0', unit: 'uJ', count: countUj, maxCount: 99n ** 9n });
    },
    close: () => undefined,
  };
  const sender: Sender = {
    send: (text) => {
      if (made.answer === 'kept') made.kept.push(text);
      return Promise.resolve(
        made.answer === 'kept' ? { kind: 'kept' } : { kind: made.answer, because: 'so' },
      );
    },
    close: () => Promise.resolve(),
  };
  const made: Omit<Bench, 'agent'> & { agent?: RunningAgent } = {
    kept: [],
    said: [],
    timers,
    answer: 'kept',
    isSynchronised: true,
  };
  made.agent = startAgent({
    identity: { node: 'n1', bootId: 'boot' },
    readers: [reader],
    sender,
    spool: new Spool({ folder, maxBytes: 1e9, say: (line) => made.said.push(line) }),
    clock: {
      speedRatio: 1,
      nowNs: () => instantNs(1_700_000_000_000_000_000n + BigInt(nowMs) * 1_000_000n),
      monotonicNs: () => BigInt((nowMs += 1000)) * 1_000_000n,
    },
    clockState: () => ({ synchronised: made.isSynchronised, uncertaintyS: 0.0005 }),
    timers,
    periodMs: 1000,
    say: (line) => made.said.push(line),
  });
  return made as Bench;
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const seqsOf = (texts: readonly string[]): bigint[] =>
  texts.map((text) => {
    const message = parseNodeMessage(new TextEncoder().encode(text));
    if (isRefusal(message)) throw new Error(message.because);
    return message.seq;
  });
const rises = (seqs: readonly bigint[]): boolean =>
  seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? seq));

describe('the loop', () => {
  test('a message is one that the service reads: counters as text, the clock with its doubt', async () => {
    const run = bench(newFolder());
    await settled();
    const message = parseNodeMessage(new TextEncoder().encode(run.kept[0] ?? ''));
    expect(message).toMatchObject({
      node: 'n1',
      bootId: 'boot',
      sync: { state: 'synchronised', offsetMs: 0, uMs: 0.5 },
      counters: [{ source: 'rapl:package-0', unit: 'uJ', count: 1000n }],
    });
    await run.agent.stop();
  });

  test('offline for long, then back: all of it arrives, once and in order', async () => {
    const run = bench(newFolder());
    await settled();
    run.answer = 'unreachable';
    for (let count = 0; count < 500; count++) run.agent.tick();
    await settled();
    run.answer = 'kept';
    run.timers.fire();
    await settled();
    for (let count = 0; count < 5; count++) run.agent.tick();
    await settled();
    const seqs = seqsOf(run.kept);
    expect(seqs).toHaveLength(506);
    expect(rises(seqs)).toBe(true);
    expect(run.said.filter((line) => line.startsWith('not reachable'))).toHaveLength(1);
    await run.agent.stop();
  });

  test('stopped while offline, started again on the same boot: nothing is lost, no number comes twice', async () => {
    const folder = newFolder();
    const first = bench(folder);
    first.answer = 'unreachable';
    for (let count = 0; count < 10; count++) first.agent.tick();
    await first.agent.stop();
    const second = bench(folder, 60_000);
    await settled();
    const seqs = seqsOf([...first.kept, ...second.kept]);
    expect(seqs).toHaveLength(12);
    expect(rises(seqs)).toBe(true);
    await second.agent.stop();
  });

  test('a refused message is given up, and does not hold the others', async () => {
    const run = bench(newFolder());
    run.answer = 'refused';
    run.agent.tick();
    await settled();
    run.answer = 'kept';
    run.agent.tick();
    await settled();
    expect(run.kept.length).toBeGreaterThan(0);
    expect(run.said.join()).toContain('refused');
    await run.agent.stop();
  });

  test('what an unsynchronised clock stamped is not kept for later: it could not be dated', async () => {
    const run = bench(newFolder());
    await settled();
    run.isSynchronised = false;
    run.answer = 'unreachable';
    for (let count = 0; count < 100; count++) run.agent.tick();
    await run.agent.stop();
    expect(run.said.join()).toContain('not synchronised');
    const spool = new Spool({
      folder: join(base, String(foldersCount - 1)),
      maxBytes: 1e9,
      say: () => 0,
    });
    expect(spool.isEmpty).toBe(true);
  });
});

describe('by HTTP', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  test('202 is kept, 400 refused, 401 and 503 and a dead port can be tried again', async () => {
    const port = await freePort();
    const got: { path: string | undefined; token: string | undefined; type: string | undefined }[] =
      [];
    let status = 202;
    server = createServer((request, response) => {
      const { headers } = request;
      got.push({ path: request.url, token: headers.authorization, type: headers['content-type'] });
      request.resume().on('end', () => response.writeHead(status).end('{"error":"because"}'));
    });
    await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
    const sender = httpSender({
      url: new URL(`http://127.0.0.1:${String(port)}`),
      token: 't',
      ca: undefined,
    });
    expect(await sender.send('{}')).toEqual({ kind: 'kept' });
    expect(got).toEqual([{ path: '/v1/ingest', token: 'Bearer t', type: 'application/json' }]);
    status = 400;
    expect(await sender.send('{}')).toMatchObject({ kind: 'refused' });
    for (status of [401, 503])
      expect(await sender.send('{}')).toMatchObject({ kind: 'unreachable' });
    server.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    expect(await sender.send('{}')).toMatchObject({ kind: 'unreachable' });
    await sender.close();
  });
});

describe('the unit', () => {
  test('lets the agent read energy without being root', async () => {
    const { agentUnit } = await import('../../src/cli/agent/agent-unit.ts');
    expect(agentUnit()).toContain('AmbientCapabilities=CAP_DAC_READ_SEARCH');
    expect(
      readFileSync(join(import.meta.dirname, '../../src/cli/agent/agent-unit.ts'), 'utf8'),
    ).toContain('DynamicUser');
  });
});
