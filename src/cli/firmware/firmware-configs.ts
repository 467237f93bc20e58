// What is loaded into meters and gateways so that their profiles are true: files of firmware-configs/ with places to fill in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { parse } from 'yaml';
import { SiteFault } from '../../quantity/fault.ts';
import { UsageError } from '../command.ts';

/** `firmware-configs/` beside `src/` or `dist/`. */
export const FIRMWARE_FOLDER = join(import.meta.dirname, '../../../firmware-configs');

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Setting = Type.Object({ about: Text, default: Type.Optional(Text) }, closed);
const Config = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' }),
    file: Text,
    tool: Text,
    profile: Text,
    about: Text,
    set: Type.Record(Type.String({ pattern: '^[a-z_]+$' }), Setting),
  },
  closed,
);
const Manifest = Type.Array(Config);
export type FirmwareConfig = Static<typeof Config>;

export function firmwareConfigs(folder: string = FIRMWARE_FOLDER): readonly FirmwareConfig[] {
  const path = join(folder, 'manifest.yaml');
  const manifest: unknown = parse(readFileSync(path, 'utf8'));
  if (Value.Check(Manifest, manifest)) return manifest;
  const [first] = Value.Errors(Manifest, manifest);
  throw new SiteFault({
    where: `${path}${first?.instancePath ?? ''}`,
    what: first?.message ?? 'it does not fit',
    remedy: 'compare it with its other entries',
  });
}

const PLACE = /\{\{([a-z_]+)\}\}/g;

/** The file with its places filled in. Throws UsageError for what is missing, unknown or could break out of its place. */
export function rendered(
  config: FirmwareConfig,
  given: ReadonlyMap<string, string>,
  folder: string = FIRMWARE_FOLDER,
): string {
  const known = Object.keys(config.set);
  const strange = [...given.keys()].find((key) => !known.includes(key));
  if (strange !== undefined)
    throw new UsageError(`${config.name} has no "${strange}"; it has ${known.join(', ')}`);
  // No place of any of these files needs a quote, a space or a line end, and each could change what the file means.
  for (const [key, said] of given)
    if (!/^[A-Za-z0-9._:/@%+=,-]+$/.test(said))
      throw new UsageError(`--set ${key}: only letters, digits and ._:/@%+=,- can stand there`);
  const template = readFileSync(join(folder, config.file), 'utf8');
  return template.replaceAll(PLACE, (_, key: string) => {
    const said = given.get(key) ?? config.set[key]?.default;
    if (said !== undefined) return said;
    const about = config.set[key]?.about ?? 'not in the manifest';
    throw new UsageError(`--set ${key}=... is missing: ${about}`);
  });
}
