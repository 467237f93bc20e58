// Fields of foreign JSON: parsed without trusting it, looked up by plain paths, never by expressions.

/** More than any meter or node sends. */
const PAYLOAD_BYTES_MAX = 262_144;

/** The parsed text, or undefined where it is no JSON, no UTF-8 or too long. (`null` parses to null.) */
export function parseJson(payload: Uint8Array): { readonly json: unknown } | undefined {
  if (payload.length > PAYLOAD_BYTES_MAX) return undefined;
  try {
    return {
      json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as unknown,
    };
  } catch {
    // Both ways to fail, bad UTF-8 and bad JSON, mean the same: the payload says nothing.
    return undefined;
  }
}

/** What lies at the path, or undefined where nothing does. Inherited properties are nothing. */
export function fieldAt(json: unknown, path: readonly (string | number)[]): unknown {
  let here: unknown = json;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    if (typeof key === 'number' && !Array.isArray(here)) return undefined;
    here = Reflect.get(here, key) as unknown;
  }
  return here;
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
