// Finds the device profiles: those that come with trueup, and the operator's own folder where one is named.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { meaningOf } from '../../decode/meaning.ts';
import { parseProfile, type Profile } from '../../decode/profile.ts';
import { ProfileFault } from '../../quantity/fault.ts';

/** `devices/` beside `src/` or `dist/`. */
const DEVICES_FOLDER = join(import.meta.dirname, '../../../devices');

export interface LoadedProfile {
  readonly profile: Profile;
  /** SHA-256, hex, of what the profile means; recorded with every block it decodes. */
  readonly hash: string;
}

/** All profiles below the folder by id. Throws ProfileFault for the first one that is wrong. */
export function loadProfiles(folder: string = DEVICES_FOLDER): ReadonlyMap<string, LoadedProfile> {
  const loaded = new Map<string, LoadedProfile>();
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  for (const name of files) {
    const path = join(folder, name);
    const document = parseDocument(readFileSync(path, 'utf8'));
    const broken = document.errors[0];
    if (broken) {
      throw new ProfileFault({ where: path, what: broken.message, remedy: 'mend the YAML' });
    }
    const profile = parseProfile(document.toJS(), path);
    if (`${profile.id}.yaml` !== basename(path)) {
      throw new ProfileFault({
        where: `${path} /id`,
        what: `the id "${profile.id}" differs from the file's name`,
        remedy: 'give both the same name',
      });
    }
    const hash = createHash('sha256').update(meaningOf(profile)).digest('hex');
    loaded.set(profile.id, { profile, hash });
  }
  return loaded;
}
