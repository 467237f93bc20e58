// The terminal table: what it says, what it leaves out when the window is narrow, and that it never exceeds it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderTable } from '../../src/serve/terminal-table.ts';
import { watts } from '../../src/quantity/units.ts';
import { accepted, lost, snapshotOf, stepped } from './fake-rack.ts';

test('a wide terminal shows everything', () => {
  const lines = renderTable(snapshotOf(), 140);
  expect(lines[0]).toBe('hall-2  2026-01-31T11:02:05Z  REHEARSAL 10x seed 7');
  expect(lines[2]).toMatch(/^node +wall W +chip W +gap % +corrected W +quality +model$/);
  const [, , , rule, ...rest] = lines;
  expect(rule).toMatch(/^[─ ]+$/);
  expect(rest[0]).toMatch(
    /^gpu-01 +3210\.4 +2204\.6 +31\.3 +3198\.2 ± 41\.3 +derived +accepted: gpu × 1\.21/,
  );
  expect(rest[1]).toMatch(/^gpu-02 .* 799\.4 ± 118\.7 +provisional +provisional: chips × 1\.31/);
  expect(rest[2]).toMatch(/^cpu-03 +287\.4 +164\.2 +42\.9 +— +actual +none: 14 of 30 intervals/);
  expect(rest[3]).toMatch(/^cpu-04 +— +— +— +— +missing/);
  expect(lines.find((line) => line.startsWith('feed/a7'))).toMatch(
    /^feed\/a7 +1605\.2 +0\.8 s +actual +m1 +eastron-sdm120$/,
  );
  expect(lines.find((line) => line.startsWith('feed/d7'))).toMatch(/^feed\/d7 +— +— +missing/);
  expect(lines.at(-1)).toBe('! cpu-04: No complete reply came before the deadline.');
});

test('what happened to a model is a line below the tables', () => {
  const lines = renderTable(snapshotOf({ nodes: [accepted, stepped] }), 140);
  expect(lines).toContain('! gpu-09: level-stepped: −157.0 W ± 6.1 W');
});

test('columns line up', () => {
  const lines = renderTable(snapshotOf(), 140);
  const end = lines[2]!.indexOf('wall W') + 'wall W'.length;
  for (const line of lines.slice(4, 8)) expect(line[end]).toBe(' ');
  for (const line of lines.slice(4, 8)) expect(line[end - 1]).toMatch(/[0-9—]/);
});

test('a narrow terminal keeps the label, the powers and the quality', () => {
  const lines = renderTable(snapshotOf(), 64);
  expect(lines.join('\n')).toContain('REHEARSAL');
  expect(lines.find((line) => line.startsWith('gpu-01'))).toMatch(
    /3210\.4.*2204\.6.*3198\.2 ± 41\.3 +derived/,
  );
  expect(renderTable(snapshotOf(), 50).join('\n')).not.toContain('eastron');
  const tiny = renderTable(snapshotOf(), 24);
  expect(tiny[0]).toBe('REHEARSAL');
});

test('wires and sinks in trouble are named', () => {
  const { wires, sinks } = snapshotOf();
  const lines = renderTable(
    snapshotOf({
      rehearsal: undefined,
      wires: [{ ...wires[0]!, connected: false, trouble: 'connection refused' }],
      sinks: [{ ...sinks[0]!, waitingCount: 9, trouble: 'answers 503' }],
    }),
    100,
  );
  expect(lines).toContain('! wire bus-1 is down: connection refused');
  expect(lines).toContain('! sink influx: 9 rows wait: answers 503');
  expect(lines.join('\n')).not.toContain('REHEARSAL');
});

test('not a number is not a number to show', () => {
  const lines = renderTable(snapshotOf({ nodes: [{ ...lost, wallW: watts(NaN) }] }), 100);
  expect(lines.join('\n')).not.toContain('NaN');
});

test('no name, however hostile, breaks a line, moves the cursor or exceeds the width', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.integer({ min: 20, max: 200 }),
      (name, widthCount) => {
        const snapshot = snapshotOf({
          site: name,
          nodes: [{ ...accepted, node: `\u001b[2J${name}\r\n` }],
        });
        for (const line of renderTable(snapshot, widthCount)) {
          expect(Array.from(line).length).toBeLessThanOrEqual(widthCount);
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
        }
      },
    ),
    { numRuns: 50 },
  );
});
