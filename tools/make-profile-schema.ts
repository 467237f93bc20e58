// Writes devices/profile.schema.json from the type of profiles, for editors. A test compares the file with what this
// prints, so that the two cannot drift apart.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProfileSchema } from '../src/decode/profile.ts';

/** The JSON schema as the file holds it. */
export const profileSchemaText = (): string =>
  `${JSON.stringify({ title: 'Trueup device profile', ...ProfileSchema }, undefined, 2)}\n`;

export const PROFILE_SCHEMA_PATH = join(import.meta.dirname, '../devices/profile.schema.json');

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(PROFILE_SCHEMA_PATH, profileSchemaText());
