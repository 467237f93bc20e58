// A file of correction models, as `trueup calibrate fit` writes it.
import { readFileSync, statSync } from 'node:fs';
import { decodeModelSet, type ModelSet } from '../../calibrate/model-set.ts';
import { SiteFault } from '../../quantity/fault.ts';

/** Thirty thousand models with their figures; more is no file of models. */
const SIZE_BYTES_MAX = 64 * 1024 * 1024;
const REMEDY = 'give a file that trueup calibrate fit wrote';

/** Throws SiteFault where the file cannot be read or is no model. */
export const readModelFile = (path: string): ModelSet =>
  decodeModelSet(readModelDocument(path), path);

/** The file as parsed, its fields unchecked. Throws SiteFault where it cannot be read, is over 64 MiB or is no JSON. */
export function readModelDocument(path: string): unknown {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > SIZE_BYTES_MAX) {
      throw new SiteFault({
        where: path,
        what: `is larger than ${SIZE_BYTES_MAX / 1024 / 1024} MiB, which no file of models is`,
        remedy: REMEDY,
      });
    }
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof SiteFault) throw cause;
    throw new SiteFault({ where: path, what: 'cannot be read', remedy: REMEDY }, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SiteFault({ where: path, what: 'is no readable JSON', remedy: REMEDY }, { cause });
  }
}
