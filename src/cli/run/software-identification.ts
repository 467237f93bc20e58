// Version and checksum of the metrological core: the rooms whose code decides what a kWh is. It stands in every statement,
// so that two statements can be told to come from the same arithmetic (WELMEC 7.2, software identification).
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CORE_ROOMS = ['quantity', 'decode', 'align', 'calibrate', 'settle'] as const;

/** `0.1.0+<first 16 hex digits of SHA-256 over the core's files>`, of the code that runs. */
export function coreIdentity(version: string): string {
  const source = join(import.meta.dirname, '../..');
  const hash = createHash('sha256');
  for (const room of CORE_ROOMS) {
    const files = readdirSync(join(source, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name))
      .sort();
    for (const name of files) {
      hash.update(`${room}/${name.replace(/\.[jt]s$/, '')}\n`);
      hash.update(readFileSync(join(source, room, name)));
    }
  }
  return `${version}+${hash.digest('hex').slice(0, 16)}`;
}
