// The key of a statement names what it is about, whatever its version: two that differ in any part of it are two.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  FAULT_CODES,
  isRefusal,
  ProfileFault,
  refuse,
  SiteFault,
} from '../../src/quantity/fault.ts';
import { isPointId, KINDS, type PointId } from '../../src/quantity/quality.ts';
import { statementKey } from '../../src/quantity/statement.ts';
import { durationNs, instantNs } from '../../src/quantity/time.ts';

const names = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,8}$/);
const points = fc
  .tuple(fc.constantFrom('feed', 'outlet', 'node', 'account'), names)
  .map(([kind, name]): PointId => `${kind as 'feed'}/${name}`);
const keys = fc.record({
  point: points,
  kind: fc.constantFrom(...KINDS),
  startNs: fc.bigInt({ min: 0n, max: 2n ** 62n }).map(instantNs),
  durationNs: fc.bigInt({ min: 1n, max: 86_400_000_000_000n }).map(durationNs),
});

test('equal parts, equal keys; different parts, different keys', () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      const same =
        a.point === b.point &&
        a.kind === b.kind &&
        a.startNs === b.startNs &&
        a.durationNs === b.durationNs;
      expect(statementKey(a) === statementKey(b)).toBe(same);
      expect(statementKey({ ...a })).toBe(statementKey(a));
    }),
  );
});

test('each single part tells two statements apart', () => {
  fc.assert(
    fc.property(keys, (key) => {
      const others = [
        { ...key, point: `${key.point}x` as PointId },
        { ...key, kind: KINDS.find((kind) => kind !== key.kind) ?? key.kind },
        { ...key, startNs: instantNs(key.startNs + 1n) },
        { ...key, durationNs: durationNs(key.durationNs + 1n) },
      ];
      const all = new Set([key, ...others].map(statementKey));
      expect(all.size).toBe(5);
    }),
  );
});

test.each([
  ['feed/a7', true],
  ['outlet/pdu1-8', true],
  ['node/gpu-01', true],
  ['account/tenant-3', true],
  ['rack/a', false],
  ['feed/', false],
  ['feed/-a', false],
  ['feed/a/b', false],
  ['feed/a b', false],
  ['feed/a|metered', false],
  ['feed/a\n', false],
  ['', false],
])('%j is a point: %s', (text, isPoint) => {
  expect(isPointId(text)).toBe(isPoint);
});

test('faults carry where, what and remedy in one sentence', () => {
  const notice = { where: 'site.yaml:3 /wires', what: 'it is wrong', remedy: 'mend it' };
  expect(new SiteFault(notice).message).toBe('site.yaml:3 /wires: it is wrong. mend it.');
  expect(new ProfileFault(notice)).toBeInstanceOf(SiteFault);
  expect(new ProfileFault(notice).code).toBe('profile.invalid');
  expect(isRefusal(refuse('align.flat', 'the load was flat', 'change it'))).toBe(true);
  for (const other of [undefined, null, 'refusal', {}, { kind: 'gap' }]) {
    expect(isRefusal(other)).toBe(false);
  }
  for (const sentence of Object.values(FAULT_CODES)) expect(sentence).toMatch(/^[A-Z].*\.$/);
});
