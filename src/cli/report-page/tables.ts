// Tables of the page, and what stands where a model does not say something: the words, never an empty place.
import { html, type Markup } from './markup.ts';

export const ABSENT = html`<span class="absent">not in this model</span>`;

type Cell = string | Markup | undefined;

const cell = (content: Cell): Markup =>
  content === undefined ? ABSENT : typeof content === 'string' ? html`${content}` : content;

/** Names on the left, what is known of them on the right. */
export const facts = (rows: readonly (readonly [name: string, content: Cell])[]): Markup =>
  html`<table class="facts">
    <tbody>
      ${rows.map(
        ([name, content]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${cell(content)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

export interface Column {
  readonly name: string;
  /** Figures are set flush right; names come from outside and may be broken anywhere. */
  readonly holds?: 'figures' | 'names';
}

export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const kind = (index: number): Markup | undefined =>
    columns[index]?.holds === undefined
      ? undefined
      : html` class="${columns[index].holds === 'figures' ? 'number' : 'name'}"`;
  return html`<div class="wide${rows.length <= SHORT_COUNT_MAX ? ' short' : ''}">
    <table>
      <thead>
        <tr>
          ${columns.map(({ name }, index) => html`<th scope="col" ${kind(index)}>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((content, index) => html`<td${kind(index)}>${cell(content)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** A table of so few rows is kept on one sheet of paper. */
const SHORT_COUNT_MAX = 16;

/** A numbered section with its heading. */
export const section = (title: string, content: readonly Markup[]): Markup =>
  html`<section>
    <h2>${title}</h2>
    ${content}
  </section>`;

/** A plot with the words that a reader needs to read it. */
export const figure = (plot: Markup, caption: Markup): Markup =>
  html`<figure>
    ${plot}
    <figcaption>${caption}</figcaption>
  </figure>`;

export const absentFigure = (what: string): Markup =>
  html`<p class="absent box">${what}: not in this model.</p>`;
