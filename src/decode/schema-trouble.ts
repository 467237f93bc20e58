// Turns the many errors of a JSON schema into the one that the author of a profile can act on. A union reports every
// branch; the branches whose discriminating word does not fit are left out, so that the rest is about what was meant.
import type { FaultNotice } from '../quantity/fault.ts';

/** What a schema validator reports; TypeBox's errors have this shape. */
export interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** The most telling error, with `where` as a JSON pointer below the document; remedies point to `describedIn`. */
export function firstTrouble(
  errors: readonly SchemaError[],
  describedIn = 'profile.schema.json',
): FaultNotice {
  const unfit = new Set(
    errors
      .filter((error) => error.keyword === 'const' || isOtherTransport(error))
      .map((error) => branchOf(error.schemaPath))
      .filter((branch) => branch !== undefined),
  );
  const meant = errors.filter(
    (error) => ![...unfit].some((branch) => within(error.schemaPath, branch)),
  );
  // Every wrong key is reported twice, as itself and by its owner: the first form has the better path. A key that is not
  // known tells more than one that is missing beside it: mostly they are the same key, misspelled.
  const telling = meant.filter((error) => error.keyword !== 'anyOf');
  const told = telling.length > 0 ? telling : errors.filter((error) => error.keyword !== 'anyOf');
  const [lead] = told;
  const first =
    lead?.keyword === 'required'
      ? (told.find(({ schemaPath }) => schemaPath === `${lead.schemaPath}/additionalProperties`) ??
        lead)
      : lead;
  if (first === undefined) {
    return { where: '', what: 'it does not fit', remedy: `compare it with ${describedIn}` };
  }
  return { where: first.instancePath, ...explain(first, describedIn) };
}

/** A wire of a kind that has several names: its branch does not fit a transport that is none of them. */
const isOtherTransport = ({ keyword, instancePath }: SchemaError): boolean =>
  keyword === 'enum' && instancePath.endsWith('/transport');

/** Path of the innermost union branch that holds this part of the schema. */
function branchOf(schemaPath: string): string | undefined {
  return /^.*\/anyOf\/\d+/.exec(schemaPath)?.[0];
}

const within = (path: string, branch: string): boolean =>
  path === branch || path.startsWith(`${branch}/`);

function explain(error: SchemaError, describedIn: string): { what: string; remedy: string } {
  switch (error.keyword) {
    case 'boolean':
      return {
        what: `the key "${lastKey(error.instancePath)}" is not known here`,
        remedy: `remove it, or see ${describedIn} for how it is spelled`,
      };
    case 'enum':
      return {
        what: 'this word is not on the list',
        remedy: `write one of ${listOf(error.params, 'allowedValues')}`,
      };
    case 'required':
      return {
        what: `missing here: ${listOf(error.params, 'requiredProperties')}`,
        remedy: `add what is missing; see ${describedIn}`,
      };
    default:
      return { what: `it ${error.message}`, remedy: `correct it; see ${describedIn}` };
  }
}

function listOf(params: object, name: string): string {
  const list: unknown = Object.getOwnPropertyDescriptor(params, name)?.value;
  return Array.isArray(list) ? list.map(String).join(', ') : '';
}

const lastKey = (instancePath: string): string =>
  instancePath.slice(instancePath.lastIndexOf('/') + 1).replaceAll('~1', '/');
