// The physical model and the meters on it, by values alone: seeded, conserving energy, richer than a straight line.
import { expect, test } from 'vitest';
import { instantNs } from '../../src/quantity/time.ts';
import { microjoules } from '../../src/quantity/units.ts';
import { rollDice } from '../../src/rehearse/dice.ts';
import { countOf, maxCountOf, STEP_NS } from '../../src/rehearse/machine.ts';
import { meterWorks } from '../../src/rehearse/meter-works.ts';
import { NODE_BUILDS, nodePhysics } from '../../src/rehearse/node-physics.ts';
import { DEFAULT_RACK } from '../../src/rehearse/rack-plan.ts';
import { rackLife } from '../../src/rehearse/rack-life.ts';
import { profiles, START_NS } from './rehearsal-rig.ts';

const after = (seconds: number) => instantNs(START_NS + BigInt(seconds) * 1_000_000_000n);
const gpuNode = (seed: number) =>
  nodePhysics(NODE_BUILDS['rehearsed-8gpu'], 2, rollDice(seed), START_NS);

function life(seed: number, exactMeters = false) {
  const dice = rollDice(seed);
  const nodes = DEFAULT_RACK.map((plan) => ({
    plan,
    machine: nodePhysics(
      NODE_BUILDS[plan.type],
      plan.meters.length,
      dice.split(`node ${plan.id}`),
      START_NS,
    ),
  }));
  const options = { siteName: 'test', startNs: START_NS, dice, profiles, exactMeters };
  return { nodes, life: rackLife(nodes, options) };
}

test('dice: the same seed and label roll the same, another label or seed does not', () => {
  const rolls = (seed: number, label: string) => {
    const dice = rollDice(seed).split(label);
    return Array.from({ length: 20 }, () => dice.uniform(0, 1));
  };
  expect(rolls(1, 'a')).toEqual(rolls(1, 'a'));
  expect(rolls(1, 'a')).not.toEqual(rolls(1, 'b'));
  expect(rolls(1, 'a')).not.toEqual(rolls(2, 'a'));
  const many = rollDice(5);
  const mean =
    Array.from({ length: 20_000 }, () => many.uniform(0, 1)).reduce((a, b) => a + b) / 20_000;
  expect(mean).toBeGreaterThan(0.49);
  expect(mean).toBeLessThan(0.51);
});

test('the same seed gives the same numbers, however the time was cut into looks', () => {
  const whole = life(3);
  whole.life.advance(after(90));
  const cut = life(3);
  for (let ms = 0; ms <= 90_000; ms += 333) {
    cut.life.advance(instantNs(START_NS + BigInt(ms) * 1_000_000n));
  }
  cut.life.advance(after(90));
  expect(cut.life.truth()).toEqual(whole.life.truth());
  expect(cut.life.takeMessages()).toEqual(whole.life.takeMessages());
  const other = life(4);
  other.life.advance(after(90));
  expect(other.life.truth()).not.toEqual(whole.life.truth());
});

test('a register counts floor(energy / quantum), and the gain error of its class is all that it adds', () => {
  const exact = life(5, true);
  exact.life.advance(after(300));
  for (const { quantumUj, firstRegisterUj, lastRegisterUj, energyUj, meter } of exact.life
    .truth()
    .values()) {
    const works = exact.life.meters.get(meter)!;
    // The display is of the last refresh; the truth is of now: at most a refresh of the largest power lies between.
    const countedUj = lastRegisterUj - firstRegisterUj;
    expect(countedUj % quantumUj).toBe(0n);
    expect(countedUj <= energyUj).toBe(true);
    const refreshUj = 4500n * (300n * 1_000_000n - (works.display.atNs - START_NS) / 1000n);
    expect(energyUj - countedUj < quantumUj + refreshUj).toBe(true);
  }
  const real = life(5);
  real.life.advance(after(300));
  const ratios = [...real.life.truth().values()]
    .filter(({ quantumUj }) => quantumUj < 4_000_000_000n)
    .map((each) => Number(each.lastRegisterUj - each.firstRegisterUj) / Number(each.energyUj));
  expect(ratios.every((ratio) => ratio > 0.95 && ratio < 1.005)).toBe(true);
});

test('a meter is exact at its refreshes and stands still between them', () => {
  const quantumUj = 3_600_000n;
  const meter = meterWorks(
    {
      startCount: 1000n,
      quantumUj,
      gainPpm: 2500,
      refreshNs: 1_000_000_000n,
      averagingNs: 1_000_000_000n,
      phaseNs: 250_000_000n,
      powerNoiseRatio: 0,
      startingW: 0,
    },
    rollDice(1),
    START_NS,
  );
  // 400 W is 10 J per step; the sum of rounded gain errors must not drift, so 2500 ppm of the whole is expected.
  for (let step = 1n; step <= 4000n; step += 1n) {
    const nowNs = instantNs(START_NS + step * STEP_NS);
    meter.step(nowNs, microjoules(step * 10_000_001n));
    const refreshedSteps = (step - 10n >= 0n ? (step - 10n) / 40n : -1n) * 40n + 10n;
    if (refreshedSteps < 0n) expect(meter.display.refreshIndex).toBe(0);
    else {
      const energyUj = (refreshedSteps * 10_000_001n * 1_002_500n) / 1_000_000n;
      expect(meter.display.registerUj).toBe(
        ((1000n * quantumUj + energyUj) / quantumUj) * quantumUj,
      );
      if (refreshedSteps > 100n) expect(meter.display.powerW).toBeCloseTo(401, 2);
    }
  }
});

test('a package counter wraps within the first minutes, at the range that Linux reports', () => {
  const node = gpuNode(11);
  const chip = node.chips.find(({ source }) => source === 'rapl:package-0')!;
  expect(maxCountOf(chip)).toBe(262_143_328_850n);
  let wrapsCount = 0;
  let last = countOf(chip);
  for (let second = 1; second <= 180; second += 1) {
    node.step(after(second));
    const count = countOf(chip);
    expect(count <= 262_143_328_850n).toBe(true);
    if (count < last) wrapsCount += 1;
    last = count;
  }
  expect(wrapsCount).toBe(1);
});

test('the load steps, both feeds carry it, supplies lose, chips see only a part', () => {
  const node = gpuNode(12);
  const powersW: number[] = [];
  let lastUj = 0n;
  const chipsUj = () => node.chips.reduce((sum, chip) => sum + chip.energyUj, 0n);
  const chipsStartUj = chipsUj();
  for (let second = 5; second <= 600; second += 5) {
    node.step(after(second));
    const wallUj = node.feeds.reduce((sum, feed) => sum + feed.energyUj, 0n);
    powersW.push(Number(wallUj - lastUj) / 5e6);
    lastUj = wallUj;
  }
  expect(Math.max(...powersW)).toBeGreaterThan(2000);
  expect(Math.max(...powersW)).toBeLessThan(4500);
  expect(Math.min(...powersW)).toBeLessThan(1200);
  const big = powersW
    .slice(1)
    .filter((powerW, index) => Math.abs(powerW - (powersW[index] ?? 0)) > 150);
  expect(big.length).toBeGreaterThan(10);
  const shareRatio = Number(node.feeds[0]!.energyUj) / Number(lastUj);
  expect(shareRatio).toBeGreaterThan(0.44);
  expect(shareRatio).toBeLessThan(0.56);
  const seenRatio = Number(chipsUj() - chipsStartUj) / Number(lastUj);
  expect(seenRatio).toBeGreaterThan(0.5);
  expect(seenRatio).toBeLessThan(0.93);
});

test('a host that slept is caught up in turns, with the same result', () => {
  const slept = life(6);
  let turnsCount = 1;
  while (!slept.life.advance(after(900))) turnsCount += 1;
  expect(turnsCount).toBeGreaterThan(1);
  const awake = life(6);
  for (let second = 1; second <= 900; second += 1) awake.life.advance(after(second));
  expect(slept.life.truth()).toEqual(awake.life.truth());
});
