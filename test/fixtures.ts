// The one place that finds the shared fixtures and data. They are not part of the project: where they are absent, the
// tests that need them are skipped by name. TRUEUP_FIXTURES names the folder; `../shared` is tried without it.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(process.env['TRUEUP_FIXTURES'] ?? join(import.meta.dirname, '../../shared'));

/** Path of a file or folder below the shared folder, or undefined where it is absent. */
export function shared(...path: string[]): string | undefined {
  const full = join(root, ...path);
  return existsSync(full) ? full : undefined;
}
