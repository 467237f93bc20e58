// Reads a site file: YAML, then schema, then the references inside it. Whatever is wrong is said once, at start, with
// file, line, path, what and remedy; nothing half starts.
import { readFileSync } from 'node:fs';
import { Settings } from 'typebox/system';
import Value from 'typebox/value';
import { firstTrouble } from '../../decode/schema-trouble.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { Site } from '../../quantity/site.ts';
import { readYaml } from './place-in-yaml.ts';
import { siteOf } from './site-of-document.ts';
import { checkProfile, type KnownProfiles } from './site-profiles.ts';
import { SiteDocument } from './site-schema.ts';

/** A wire that is of no known kind fails in every branch of the schema: all of it must be seen to tell what was meant. */
const ERRORS_MAX_COUNT = 256;

/** Reads and checks a site file; its instruments too where the profiles are given. Throws SiteFault. */
export function readSiteFile(path: string, profiles?: KnownProfiles): Site {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SiteFault(
      {
        where: path,
        what: 'the site file cannot be read',
        remedy: 'check the path, or let "trueup rehearse --rack-only" write one to start from',
      },
      { cause },
    );
  }
  return parseSite(text, path, profiles);
}

/** Checks the text of a site file. Throws SiteFault. */
export function parseSite(text: string, path: string, profiles?: KnownProfiles): Site {
  const { content, place } = readYaml(text, path);
  if (!Value.Check(SiteDocument, content)) {
    Settings.Set({ maxErrors: ERRORS_MAX_COUNT });
    const trouble = firstTrouble(Value.Errors(SiteDocument, content), 'docs/site-file.md');
    throw new SiteFault({ ...trouble, where: place(trouble.where) });
  }
  const site = siteOf(content, place);
  for (const instrument of profiles ? site.instruments.values() : []) {
    const wire = site.wires.get(instrument.wire);
    if (wire && profiles) checkProfile(instrument, wire, profiles, place);
  }
  return site;
}
