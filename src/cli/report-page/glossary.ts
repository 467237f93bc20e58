// The ten words without which the page cannot be read, for somebody who comes from outside.
import { html, type Markup } from './markup.ts';
import { section } from './tables.ts';

const WORDS: readonly (readonly [word: string, meaning: string])[] = [
  ['wall', 'What the node draws from the mains, at the meter that is believed over all else here.'],
  [
    'chips',
    'Energy counters inside the node (processors, memory, accelerators). They see neither fans nor losses of the supplies.',
  ],
  ['gap', '1 − energy at the chips / energy at the wall.'],
  ['gain', 'Watts that the wall rises by when the chips rise by one watt.'],
  ['base power', 'What the wall would show with all chips at 0 W: boards, fans, supplies.'],
  [
    'u and U',
    'Standard uncertainty u is one standard deviation of what is not known. Expanded uncertainty U = k·u is meant to hold 95.45 % of the time (GUM, JCGM 100).',
  ],
  [
    'ν and k',
    'Degrees of freedom ν say how well an uncertainty is itself known; Student’s factor k = t(ν) follows, 2 from 50 on.',
  ],
  [
    'held back, left out',
    'Evidence that a fit did not see and was then asked to predict: the honest error.',
  ],
  ['offset', 'How much later the clock of the chips is than that of the meter.'],
  ['gate', 'A limit that a model must keep before its numbers count as more than provisional.'],
];

export const glossary = (): Markup =>
  section('Words', [
    html`<dl class="words">
      ${WORDS.map(
        ([word, meaning]) =>
          html`<dt>${word}</dt>
            <dd>${meaning}</dd>`,
      )}
    </dl>`,
  ]);
