// Markup that cannot hold what it should not: whatever is put into the template is escaped, unless it is markup itself.
// Names of nodes, runs and files come from outside and are taken for text, whatever they look like.

export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Numbers are no part: they go through the formatter of the page first. */
type Part = string | Markup | readonly Markup[] | undefined;

/** Text with its parts escaped. `undefined` is nothing; a list is joined. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0] ?? '';
  parts.forEach((part, index) => {
    text += textOf(part) + (strings[index + 1] ?? '');
  });
  return new Markup(text);
}

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string') return escape(part);
  if (part instanceof Markup) return part.text;
  return part.map((each) => each.text).join('');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Safe as text and inside quoted attributes. Control and format characters (bidirectional overrides among them) and
 * halves of surrogate pairs are shown as replaced, so that no name can reorder or hide what stands beside it.
 */
function escape(text: string): string {
  return text
    .replaceAll(/[^\P{C}\n\t]/gu, '\u{fffd}')
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

/** At most this many characters, the end cut and marked so. */
export function shortened(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
