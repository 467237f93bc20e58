// What npm would hand out: packed, installed in an empty folder, and run there, without the repository around it.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freePort } from '../real-programs.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

test('the package installs elsewhere and rehearses there', { timeout: 180_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-packed-'));
  try {
    // The tests have been built before: packing must not build under the feet of the others.
    const packed = await run(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
      { cwd: ROOT },
    );
    const [listing] = JSON.parse(packed.stdout) as {
      filename: string;
      files: { path: string }[];
    }[];
    const paths = listing?.files.map(({ path }) => path) ?? [];
    for (const needed of [
      'package.json',
      'README.md',
      'LICENSE',
      'dist/cli/trueup.js',
      'dist/main.js',
      'devices/plugs/tasmota-energy.yaml',
    ]) {
      expect(paths).toContain(needed);
    }
    expect(paths.some((path) => /^docs\/.*\.md$/.test(path))).toBe(true);
    expect(paths.filter((path) => /(^|\/)(test|bench|src)\/|\.test\.|\.ts$/.test(path))).toEqual(
      [],
    );

    const home = join(folder, 'elsewhere');
    await run('mkdir', [home]);
    await writeFile(join(home, 'package.json'), '{"name":"elsewhere","private":true}\n');
    const tarball = join(folder, listing?.filename ?? '');
    await run(
      'npm',
      ['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=dev', tarball],
      { cwd: home },
    );
    const version = await run('npx', ['--no-install', 'trueup', '--version'], { cwd: home });
    expect(version.stdout.trim()).toMatch(/^\d+\.\d+\.\d+/);
    const rehearsed = await run(
      'npx',
      [
        ...['--no-install', 'trueup', 'rehearse', '--for', '8s', '--speed', '20', '--data', 'data'],
        ...['--listen', `127.0.0.1:${String(await freePort())}`],
      ],
      { cwd: home },
    );
    expect(rehearsed.stdout).toMatch(/REHEARSAL seed 1, 20 civil seconds/);
    expect(rehearsed.stdout).toMatch(/status page http:\/\/127\.0\.0\.1:\d+/);
    expect(rehearsed.stdout).toMatch(/^stopped$/m);
    expect((await readdir(join(home, 'data'))).sort()).toEqual(
      expect.arrayContaining(['journal', 'keys', 'log', 'site.yaml', 'sink']),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
