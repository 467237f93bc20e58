// The load staircase as a person runs it: the plan it prints, the phases it writes, how it ends early and what it refuses.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { spanText, staircasePlan } from '../../src/cli/calibrate/staircase-plan.ts';
import { parseInstant } from '../../src/quantity/time.ts';
import { startTrueup } from '../journey/stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-staircase-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const rowsOf = (run: string): string[][] =>
  readFileSync(join(folder, run, 'phases.csv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));

test('the plan climbs each component and comes down again, with idle between', () => {
  const plan = staircasePlan(['cpu', 'memory'], 2, 30);
  expect(plan.map(({ component, loadPercent }) => `${component ?? 'idle'} ${loadPercent}`)).toEqual(
    [
      'idle 0',
      'cpu 50',
      'cpu 100',
      'cpu 50',
      'idle 0',
      'memory 50',
      'memory 100',
      'memory 50',
      'idle 0',
    ],
  );
  expect(staircasePlan(['cpu'], 3, 1).map(({ loadPercent }) => loadPercent)).toEqual([
    0, 33, 67, 100, 67, 33, 0,
  ]);
});

test('time left is said as people say it', () => {
  expect([20, 80, 3900].map(spanText)).toEqual(['20 s', '1 min 20 s', '1 h 5 min']);
});

describe('the command', () => {
  test('loads, says where it stands, and writes what ran when', async () => {
    const program = startTrueup(
      ...['calibrate', 'staircase', '--steps', '1', '--hold', '1s', '--out', folder],
      ...['--run', 'whole', '--json', '--command', `echo {percent} > ${folder}/said; sleep 30`],
    );
    expect(await program.ended, program.lines.join('\n')).toBe(0);
    expect(program.events).toEqual([
      {
        phases: join(folder, 'whole/phases.csv'),
        run: 'whole',
        steps_count: 7,
        complete: true,
      },
    ]);
    expect(program.lines).toContainEqual(
      expect.stringMatching(/^step 2 of 7: cpu 100 %, \d+ s left, ends \d\d:\d\d:\d\d UTC$/),
    );
    const rows = rowsOf('whole');
    expect(rows.map(([run, , , application]) => `${run!} ${application!}`)).toEqual([
      'whole idle',
      'whole staircase cpu',
      'whole idle',
      'whole staircase memory',
      'whole idle',
      'whole staircase command',
      'whole idle',
    ]);
    for (const [, from, until] of rows) {
      const spanNs = parseInstant(until!)! - parseInstant(from!)!;
      expect(spanNs).toBeGreaterThanOrEqual(990_000_000n);
    }
    expect(readFileSync(join(folder, 'said'), 'utf8')).toBe('100\n');
  });

  test('ends cleanly at Ctrl-C, and what ran is written', async () => {
    const program = startTrueup(
      ...['calibrate', 'staircase', '--steps', '2', '--hold', '1h', '--components', 'cpu'],
      ...['--out', folder, '--run', 'early'],
    );
    await expect.poll(() => program.lines.join('\n'), { timeout: 30_000 }).toMatch(/^step 1 of/m);
    expect(await program.end('SIGINT')).toBe(0);
    expect(program.lines.join('\n')).toMatch(/^ended early: 0 of 5 steps/m);
    expect(rowsOf('early').map(([run, , , application]) => [run, application])).toEqual([
      ['early', 'idle'],
    ]);
  });

  test('stops where the program of the user fails', async () => {
    const program = startTrueup(
      ...['calibrate', 'staircase', '--steps', '1', '--hold', '1s', '--components', ''],
      ...['--out', folder, '--run', 'failed', '--command', 'exit {percent}'],
    );
    expect(await program.ended).toBe(1);
    expect(program.lines.join('\n')).toMatch(/--command ended by itself \(exit code 100\)/);
  });

  test('never writes over a run that is there', async () => {
    const program = startTrueup(
      ...['calibrate', 'staircase', '--out', folder, '--run', 'early', '--hold', '1s'],
    );
    expect(await program.ended).toBe(2);
    expect(program.lines.join('\n')).toMatch(/phases.csv exists: name another run/);
  });

  test('prints its plan and loads nothing when asked to', async () => {
    const program = startTrueup(
      'calibrate',
      'staircase',
      '--dry-run',
      '--run',
      'dry',
      '--out',
      folder,
    );
    expect(await program.ended).toBe(0);
    expect(program.lines.at(-1)).toBe('21 steps, 21 min 0 s in all; nothing was loaded');
    expect(existsSync(join(folder, 'dry'))).toBe(false);
  });
});
