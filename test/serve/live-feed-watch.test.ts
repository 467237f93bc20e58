// Feeds watched live: one that goes dark while the chips go on is said once, and what is not known is no zero.
import { expect, test } from 'vitest';
import { feedWatchOf } from '../../src/cli/running-site/live-feed-watch.ts';
import type { PointId } from '../../src/quantity/quality.ts';
import type { Site } from '../../src/quantity/site.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { watts } from '../../src/quantity/units.ts';
import type { RackSnapshot } from '../../src/serve/rack-view.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';

const siteOf = (nodes: string): Site =>
  parseSite(
    `site: hall
wires: { bus: { transport: csv, path: x.csv } }
instruments:
  m1: { profile: p, wire: bus, topic: a }
  m2: { profile: p, wire: bus, topic: b }
  c1: { profile: p, wire: bus, topic: c }
points: { feed/a: { meter: m1 }, feed/b: { meter: m2 } }
nodes:
${nodes}
`,
    'site.yaml',
  );

function snapshotOf(atS: number, a: number | undefined, b: number, chip: number): RackSnapshot {
  const point = (name: PointId, powerW: number | undefined): object => ({
    point: name,
    wallW: powerW === undefined ? undefined : watts(powerW),
  });
  return {
    atNs: instantNs(BigInt(atS) * 1_000_000_000n),
    points: [point('feed/a', a), point('feed/b', b)],
    nodes: [{ node: 'n1', chipW: watts(chip) }],
  } as unknown as RackSnapshot;
}

test('a meter that goes dark is said once, within a minute', () => {
  const watch = feedWatchOf(siteOf('  n1: { chips: c1, fed_by: [feed/a, feed/b] }'));
  const lines: [number, string][] = [];
  for (let atS = 0; atS < 900; atS += 1) {
    const chip = 800 + 100 * Math.sin(atS / 30);
    const wall = 200 + 1.17 * chip;
    const a = atS >= 400 ? 0 : 0.47 * wall;
    for (const line of watch(snapshotOf(atS, a, 0.53 * wall, chip))) lines.push([atS, line]);
  }
  expect(lines.length).toBe(1);
  expect(lines[0]?.[1]).toMatch(/^n1: a feed has been lost: feed\/a carried 47 %/);
  expect(lines[0]?.[0]).toBeGreaterThanOrEqual(400);
  expect(lines[0]?.[0]).toBeLessThan(460);
});

test('a meter that is not heard is no meter that shows nothing, and shared feeds are not watched', () => {
  const silent = feedWatchOf(siteOf('  n1: { chips: c1, fed_by: [feed/a, feed/b] }'));
  const shared = feedWatchOf(
    siteOf('  n1: { chips: c1, fed_by: [feed/a, feed/b] }\n  n2: { chips: c1, fed_by: [feed/a] }'),
  );
  for (let atS = 0; atS < 600; atS += 1) {
    expect(silent(snapshotOf(atS, atS > 300 ? undefined : 500, 550, 800))).toEqual([]);
    expect(shared(snapshotOf(atS, atS > 300 ? 0 : 500, 550, 800))).toEqual([]);
  }
});
