// Two rehearsed nodes behind the same three meters, through the whole service and a kill in the middle: what the meters
// state and what the nodes and the remainder are given are the same microjoules, and the parts are those of the true nodes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readLedger } from '../../src/ledger/index.ts';
import type { IntervalStatement } from '../../src/quantity/statement.ts';
import { expandedJ } from '../../src/quantity/uncertainty.ts';
import { editSite, type Event, type Program, runTrueup, startTrueup } from './stack.ts';

const started: { end: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started.reverse()) await each.end();
});

const METERS = ['feed/a1', 'feed/b1', 'feed/a5'];
const ACCOUNT = 'account/unallocated-feed-a1';
const PARTS = ['node/node1', 'node/node5', ACCOUNT];

test('a shared meter from the site file to the ledger', { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-shared-'));
  started.push({ end: () => rm(folder, { recursive: true, force: true }) });
  const siteFile = join(folder, 'site.yaml');
  const dataDir = join(folder, 'data');
  const rack = startTrueup(
    ...['rehearse', '--rack-only', '--json', '--site', siteFile, '--speed', '20', '--seed', '3'],
  );
  started.push({ end: () => rack.end() });
  await rack.waitFor(({ event }) => event === 'site');
  await editSite(siteFile, (site) => {
    site['listen'] = '127.0.0.1:0';
    const nodes = site['nodes'] as Record<string, Record<string, unknown>>;
    // The rack has meters for each; behind this site file the two nodes share them, so that the truth stays known.
    nodes['node1'] = { ...nodes['node1'], fed_by: METERS };
    nodes['node5'] = { ...nodes['node5'], fed_by: [...METERS].reverse() };
  });

  const run = (): Program => {
    const program = startTrueup('run', '--site', siteFile, '--data', dataDir, '--json');
    started.push({ end: () => program.end('SIGKILL') });
    return program;
  };
  const allocated = (event: Event): boolean =>
    event.event === 'settled' &&
    event['point'] === 'node/node1' &&
    event['kind'] === 'allocated' &&
    event['energy_uj'] !== undefined;
  const first = run();
  await first.waitFor(allocated, 120_000);
  await new Promise((resolve) => setTimeout(resolve, 7000));
  await first.end('SIGKILL');
  const second = run();
  await second.waitFor(allocated, 60_000);
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const url = String((await second.waitFor(({ event }) => event === 'started'))['url']);
  const live = (await (await fetch(`${url}/v1/rack`)).json()) as {
    nodes: { node: string; wall_w?: number; corrected_w?: number }[];
  };
  expect(await second.end('SIGTERM'), second.lines.join('\n')).toBe(0);

  // The page does not show the whole meter as the wall of each node.
  const shared = live.nodes.filter(({ node }) => node === 'node1' || node === 'node5');
  expect(shared.map(({ wall_w }) => wall_w)).toEqual([undefined, undefined]);

  const ledger = await readLedger(dataDir);
  const newest = new Map<string, IntervalStatement>();
  const versions = new Set<string>();
  const models = new Set<string>();
  for await (const { entry } of ledger.entries(0)) {
    if (entry.type === 'model') models.add((entry.document as { id: string }).id);
    if (entry.type !== 'statement') continue;
    const { statement } = entry;
    const key = `${statement.point} ${statement.kind} ${statement.startNs.toString()}`;
    const version = `${key} v${statement.version.toString()}`;
    expect(versions.has(version), `${version} twice`).toBe(false);
    versions.add(version);
    newest.set(key, statement);
  }
  ledger.close();
  const at = (point: string, kind: string, startNs: bigint): IntervalStatement | undefined =>
    newest.get(`${point} ${kind} ${startNs.toString()}`);

  const of = (point: string, kind: string): IntervalStatement[] =>
    [...newest.values()].filter((each) => each.point === point && each.kind === kind);
  expect(of('node/node1', 'metered')).toEqual([]);
  expect(of('node/node2', 'metered').length).toBeGreaterThan(0);

  let splitCount = 0;
  const truths: { errorJ: number; uJ: number; trueJ: number }[] = [];
  for (const { startNs } of of(ACCOUNT, 'allocated')) {
    const meters = METERS.map((point) => at(point, 'metered', startNs)?.energyUj);
    const parts = PARTS.map((point) => at(point, 'allocated', startNs));
    const sumUj = parts.reduce((sum, part) => sum + (part?.energyUj ?? 0n), 0n);
    if (meters.includes(undefined)) {
      expect(sumUj).toBe(0n);
      continue;
    }
    expect(sumUj, startNs.toString()).toBe(
      meters.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n),
    );
    const [node1, node5, rest] = parts;
    if (node1?.energyUj === undefined || node5?.energyUj === undefined) continue;
    splitCount += 1;
    expect(rest?.energyUj).toBe(0n);
    expect(models.has(node1.model)).toBe(true);
    expect(node1.method).toBe('share+level-equal');
    const trueJ = Number((meters[0] ?? 0n) + (meters[1] ?? 0n)) / 1e6;
    truths.push({
      errorJ: Number(node1.energyUj) / 1e6 - trueJ,
      uJ: expandedJ(node1.uncertainty),
      trueJ,
    });
  }
  expect(splitCount).toBeGreaterThanOrEqual(4);
  // Three meters of class 1 and a joint fit of minutes: wide, but not beyond what it says of itself.
  const inside = truths.filter(({ errorJ, uJ }) => Math.abs(errorJ) <= uJ).length;
  expect(inside, JSON.stringify(truths)).toBeGreaterThanOrEqual(Math.floor(0.8 * truths.length));
  for (const { errorJ, trueJ } of truths) expect(Math.abs(errorJ / trueJ)).toBeLessThan(0.2);

  const verified = await runTrueup('ledger', 'verify', dataDir);
  expect(verified, verified.lines.join('\n')).toMatchObject({ code: 0 });
});
