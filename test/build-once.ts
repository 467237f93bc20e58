// Builds dist/ once before the tests, so that tests of the command line run what users run.
import { spawnSync } from 'node:child_process';

export function setup(): void {
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
    { stdio: 'inherit' },
  );
  if (status === 0) return;
  // While somebody is in the middle of a change, tests of single rooms still tell something; in CI nothing does.
  if (process.env['CI'] === 'true') throw new Error('src/ does not compile');
  console.warn('src/ does not compile: tests of the command line run what was built before');
}
