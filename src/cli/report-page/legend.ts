// The key of a plot: each mark as it is drawn, and what it stands for.
import { px } from './figure-text.ts';
import { box, pointAt } from './marks.ts';
import { line } from './plot-frame.ts';
import { html, shortened, type Markup } from './markup.ts';

const WIDTH_PX = 20;
const HEIGHT_PX = 12;
const NAME_LENGTH = 40;

export type Sample =
  | { readonly kind: 'point'; readonly series: number }
  | { readonly kind: 'line'; readonly look: 'model' | 'trail' | 'extrapolated' | 'zero' | 'found' }
  | { readonly kind: 'area'; readonly look: 'band' | 'bar' | 'bar out' | 'valid' };

export const legend = (entries: readonly (readonly [sample: Sample, name: string])[]): Markup =>
  html`<span class="legend"
    >${entries.map(
      ([sample, name]) =>
        html`<span
          ><svg
            class="swatch"
            aria-hidden="true"
            viewBox="0 0 ${px(WIDTH_PX)} ${px(HEIGHT_PX)}"
            width="${px(WIDTH_PX)}"
            height="${px(HEIGHT_PX)}"
          >
            ${drawn(sample)}</svg
          >${shortened(name, NAME_LENGTH)}</span
        >`,
    )}</span
  >`;

function drawn(sample: Sample): Markup {
  switch (sample.kind) {
    case 'point':
      return pointAt(WIDTH_PX / 2, HEIGHT_PX / 2, sample.series);
    case 'line':
      return line(1, HEIGHT_PX / 2, WIDTH_PX - 1, HEIGHT_PX / 2, sample.look);
    case 'area':
      return box(2, 2, WIDTH_PX - 2, HEIGHT_PX - 2, sample.look);
  }
}
