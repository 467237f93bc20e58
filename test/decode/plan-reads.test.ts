// The register plan: whatever the map, it covers every value, splits none, keeps the limits, and is as short as it can be.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extentOf, mostRegisters, planReads } from '../../src/decode/plan-reads.ts';
import { GAUGE_CHANNELS } from '../../src/decode/profile-words.ts';
import type { ModbusProfile } from '../../src/decode/profile.ts';
import { REGISTER_COUNT } from '../../src/decode/register-value.ts';
import { deviceProfile, modbusProfile } from './profiles.ts';

const TYPES = ['uint16', 'int32', 'float32', 'uint64', 'float64'] as const;
const voltage = GAUGE_CHANNELS.filter((channel) => /^(voltage|current|power_active)/.test(channel));
const UNITS: Record<string, string> = { voltage: 'V', current: 'A', power: 'W' };

/** A random map: values in address order with random holes, a random limit, random readable spans. */
const maps = fc
  .record({
    steps: fc.array(
      fc.record({ hole: fc.integer({ min: 0, max: 12 }), as: fc.constantFrom(...TYPES) }),
      { minLength: 1, maxLength: voltage.length },
    ),
    most: fc.integer({ min: 4, max: 60 }),
    spans: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 120 }),
        length: fc.integer({ min: 1, max: 15 }),
      }),
      { maxLength: 4 },
    ),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .map(({ steps, most, spans, seed }): ModbusProfile => {
    let at = seed;
    const reads = steps.map(({ hole, as }, index) => {
      at += hole;
      const channel = voltage[index]!;
      const read = { channel, at, as, unit: UNITS[channel.split('_')[0]!], kind: 'gauge' };
      at += REGISTER_COUNT[as];
      return read;
    });
    const readable = spans.map(({ from, length }) => ({
      from: seed + from,
      until: seed + from + 4 * length,
      step: 4,
    }));
    return modbusProfile({ reads, limits: { registers_per_read: most, readable } });
  });

describe('any map', () => {
  test('every value lies whole in one read, and every read is within the limits', () => {
    fc.assert(
      fc.property(maps, (profile) => {
        const plan = planReads(profile);
        for (const read of profile.reads) {
          const { from, until } = extentOf(profile, read);
          const whole = plan.filter(
            (each) => each.address <= from && until <= each.address + each.count,
          );
          expect(whole.length).toBeGreaterThan(0);
        }
        for (const { count, alternateCount, address } of plan) {
          for (const asked of [count, alternateCount]) {
            expect(asked).toBeLessThanOrEqual(mostRegisters(profile));
            expect(asked).toBeGreaterThan(0);
            // Neither length cuts through a value.
            for (const read of profile.reads) {
              const { from, until } = extentOf(profile, read);
              const [start, end] = [address, address + asked];
              expect(until <= start || end <= from || (start <= from && until <= end)).toBe(true);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('nothing is read that is neither a value nor listed as readable', () => {
    fc.assert(
      fc.property(maps, (profile) => {
        const known = new Set<number>();
        for (const read of profile.reads) {
          const { from, until } = extentOf(profile, read);
          for (let at = from; at < until; at += 1) known.add(at);
        }
        for (const span of profile.limits.readable ?? [])
          for (let at = span.from; at < span.until; at += 1) known.add(at);
        for (const { address, count, alternateCount } of planReads(profile)) {
          for (let at = address; at < address + Math.max(count, alternateCount); at += 1)
            expect(known.has(at)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('no plan with fewer reads exists (compared with trying all ways to cut)', () => {
    fc.assert(
      fc.property(maps, (profile) => {
        expect(planReads(profile).length).toBe(fewest(profile));
      }),
      { numRuns: 200 },
    );
  });
});

/** By dynamic programming over where the blocks are cut: another way than the planner's. */
function fewest(profile: ModbusProfile): number {
  const extents = profile.reads
    .map((read) => extentOf(profile, read))
    .sort((a, b) => a.from - b.from);
  const best = [0];
  for (let end = 1; end <= extents.length; end += 1) {
    let least = Infinity;
    for (let start = 0; start < end; start += 1)
      if (fits(profile, extents.slice(start, end))) least = Math.min(least, best[start]! + 1);
    best.push(least);
  }
  return best[extents.length]!;
}

function fits(
  profile: ModbusProfile,
  extents: readonly { from: number; until: number }[],
): boolean {
  if (extents.at(-1)!.until - extents[0]!.from > mostRegisters(profile)) return false;
  return extents.every((extent, index) => {
    const next = extents[index + 1];
    if (!next || next.from <= extent.until) return true;
    return (profile.limits.readable ?? []).some(
      (span) => span.from <= extent.until && next.from <= span.until,
    );
  });
}

describe('real maps', () => {
  test('two tariffs of a Siemens PAC come in one read', () => {
    const plan = planReads(deviceProfile('meters/siemens-pac2200'));
    expect(plan.filter(({ address }) => address >= 801)).toEqual([
      { table: 'holding', address: 801, count: 16, alternateCount: 16 },
    ]);
  });

  test('an SDM630 takes four reads, all even, none the length of the one before where it can be', () => {
    const plan = planReads(deviceProfile('meters/eastron-sdm630'));
    expect(plan.map(({ address }) => address)).toEqual([0, 52, 70, 346]);
    for (const { address, count, alternateCount } of plan)
      expect([address % 2, count % 2, alternateCount % 2]).toEqual([0, 0, 0]);
    plan.forEach((read, index) => {
      const next = plan[(index + 1) % plan.length]!;
      const last = index === plan.length - 1;
      expect(read.count).not.toBe(last ? next.alternateCount : next.count);
      expect(read.alternateCount).not.toBe(last ? next.count : next.alternateCount);
    });
  });

  test('a profile that speaks MQTT has nothing to ask', () => {
    expect(planReads(deviceProfile('plugs/tasmota-energy'))).toEqual([]);
  });
});
