// Secrets stand in the environment or in a file of their own, never in the site file, a log or the ledger.
import { readFileSync } from 'node:fs';
import { SiteFault } from '../../quantity/fault.ts';
import { environmentVariable } from '../environment.ts';

/** The secret that the site file refers to, or undefined where it refers to none. Throws SiteFault. */
export function resolveSecret(
  variable: string | undefined,
  file: string | undefined,
  where: string,
): string | undefined {
  if (variable !== undefined) {
    const secret = environmentVariable(variable);
    if (secret !== undefined) return secret;
    throw new SiteFault({
      where,
      what: `the environment variable ${variable} is not set`,
      remedy: `set it before you start trueup, for example: ${variable}=... trueup run ...`,
    });
  }
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new SiteFault(
      {
        where,
        what: `the secret file ${file} cannot be read`,
        remedy: 'check its path, and that the user who runs trueup may read it',
      },
      { cause },
    );
  }
}
