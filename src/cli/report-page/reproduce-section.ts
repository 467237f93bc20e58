// How somebody else makes the same model: the command line, the seed, and what the files of the evidence hash to.
import type { FitProvenance } from '../../calibrate/figures/fit-figures.ts';
import { bytes, counted, decimal } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { absentFigure, facts, section, table } from './tables.ts';

const WORDS_COUNT_MAX = 24;
const FILES_COUNT_MAX = 40;

export function reproduceSection({ model, figures }: ReportSubject): Markup {
  const from = figures?.provenance;
  if (!from) return section('How to make it again', [absentFigure('Where the fit comes from')]);
  return section('How to make it again', [
    html`<pre>${commandOf(from)}</pre>`,
    facts([
      ['version', `trueup ${shortened(from.version, 40)}`],
      ['seed', decimal(from.seed, 0)],
      [
        'model',
        html`<code>${shortened(model.id, 40)}</code>: the same files, seed and version give the same
          coefficients; the time of the fit is part of the id`,
      ],
      ['evidence', from.rehearsed ? 'of a rehearsal' : `${counted(from.filesCount)} files`],
    ]),
    ...filesOf(from),
  ]);
}

function commandOf({ argv }: FitProvenance): string {
  const words = ['trueup', ...argv].map(quoted);
  const more = words.length - WORDS_COUNT_MAX;
  return more > 0
    ? `${words.slice(0, WORDS_COUNT_MAX).join(' ')} … and ${counted(more)} more words, all in the model file`
    : words.join(' ');
}

/** A word as a shell would have to be given it. */
const quoted = (word: string): string =>
  /^[\w./=:@%+,-]+$/.test(word) ? word : `'${shortened(word, 200).replaceAll("'", `'\\''`)}'`;

function filesOf(from: FitProvenance): readonly Markup[] {
  if (from.files.length === 0) return [absentFigure('Hashes of the evidence')];
  const shown = from.files.slice(0, FILES_COUNT_MAX);
  const more = from.filesCount - shown.length;
  return [
    table(
      [{ name: 'file', holds: 'names' }, { name: 'SHA-256' }, { name: 'size', holds: 'figures' }],
      shown.map((file) => [
        shortened(file.name, 80),
        html`<code class="hash">${shortened(file.sha256, 64)}</code>`,
        bytes(file.sizeBytes),
      ]),
    ),
    ...(more > 0
      ? [
          html`<p class="note">
            and ${counted(more)} more; the model file lists ${counted(from.files.length)} of
            ${counted(from.filesCount)}.
          </p>`,
        ]
      : []),
  ];
}
