// Finds the real programs that tests talk to. A missing one skips the tests that need it, by name; in CI it fails them,
// since a check that quietly does not run is no check.
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { existsSync } from 'node:fs';
import { test } from 'vitest';

const PATHS = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/usr/local/sbin');

/** Full path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  return PATHS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

/** A Python that can import all the modules, or undefined. Debian's comes first: another may lead PATH without them. */
export function findPython(...modules: string[]): string | undefined {
  const candidates = ['/usr/bin/python3', findProgram('python3')].filter(
    (path) => path !== undefined,
  );
  return candidates.find(
    (python) =>
      existsSync(python) &&
      spawnSync(python, ['-c', modules.map((name) => `import ${name}`).join('\n') || 'pass'])
        .status === 0,
  );
}

/** `test` when everything named is there; otherwise a test that fails in CI and is skipped, by name, elsewhere. */
export function testWith(needs: Record<string, string | undefined>): typeof test {
  const missing = Object.keys(needs).filter((name) => needs[name] === undefined);
  if (missing.length === 0) return test;
  if (process.env['CI'] === 'true') {
    throw new Error(`CI must have ${missing.join(', ')}: see .ci/run`);
  }
  console.warn(`skipped, since ${missing.join(', ')} is not installed`);
  return test.skip as typeof test;
}

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
