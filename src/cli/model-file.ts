// A file of correction models, as `trueup calibrate fit` writes it.
import { readFileSync } from 'node:fs';
import { decodeModelSet, type ModelSet } from '../calibrate/model-set.ts';
import { SiteFault } from '../quantity/fault.ts';

/** Throws SiteFault where the file cannot be read or is no model. */
export function readModelFile(path: string): ModelSet {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new SiteFault(
      {
        where: path,
        what: 'is no readable JSON',
        remedy: 'give a file that trueup calibrate fit wrote',
      },
      { cause },
    );
  }
  return decodeModelSet(document, path);
}
