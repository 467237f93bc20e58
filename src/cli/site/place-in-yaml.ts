// YAML that remembers where it came from: the content of a file, and for every path in it the file and line to look at.
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { SiteFault } from '../../quantity/fault.ts';

/** `FILE:LINE POINTER` of a JSON pointer into the content. */
export type Place = (pointer: string) => string;

/** Reads YAML 1.2. Throws SiteFault where it is none. */
export function readYaml(text: string, path: string): { content: unknown; place: Place } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken) {
    throw new SiteFault({
      where: `${path}:${lines.linePos(broken.pos[0]).line}`,
      what: `this is not YAML: ${broken.message.split('\n')[0] ?? ''}`,
      remedy: 'mend the line; indentation counts, and a colon needs a space behind it',
    });
  }
  return {
    content: contentOf(document, lines, path),
    place: (pointer) => `${path}${lineOf(document, lines, pointer)} ${pointer}`.trim(),
  };
}

/** The document as plain values. Aliases are resolved here only: one of nothing, or a bomb of them, is no content. */
function contentOf(document: Document, lines: LineCounter, path: string): unknown {
  let strayAt: number | undefined;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) === undefined) strayAt ??= alias.range?.[0];
    },
  });
  try {
    return document.toJS();
  } catch (cause) {
    const line = strayAt === undefined ? 1 : lines.linePos(strayAt).line;
    throw new SiteFault(
      {
        where: `${path}:${line}`,
        what: `this is not YAML: ${cause instanceof Error ? cause.message : String(cause)}`,
        remedy:
          'write what is meant instead of the alias (*name), or quote a text that begins with *',
      },
      { cause },
    );
  }
}

/** `:LINE` of the deepest part of the pointer that stands in the file. */
function lineOf(document: Document, lines: LineCounter, pointer: string): string {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let depth = steps.length; depth > 0; depth -= 1) {
    const path = steps.slice(0, depth).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const node: unknown = document.getIn(path, true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return `:${lines.linePos(Number(node.range[0])).line}`;
    }
  }
  return ':1';
}
