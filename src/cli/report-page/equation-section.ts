// The model as an equation, each symbol with its value and expanded uncertainty: what an auditor needs to compute any
// corrected number anew with a pocket calculator.
import { coverageFactor } from '../../quantity/uncertainty.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { decimal, percent, unit, withU } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { ABSENT, section, table } from './tables.ts';

export function equationSection({ model, nodes }: ReportSubject): Markup {
  const k = coverageFactor(model.dof);
  const interceptU2 = model.detail?.covariance[0];
  const terms = model.terms.map(
    (term) =>
      html` + <i>g</i><sub>${shortened(term.name, 24)}</sub> · <i>P</i
        ><sub>${shortened(term.name, 24)}</sub>`,
  );
  return section('The correction', [
    html`<p class="equation"><i>P</i><sub>wall</sub> = <i>a</i>${terms}</p>`,
    html`<p>
      Mean wall power of a span from the mean power of the chips over the same span; energy is that
      times the length of the span. The values of the chips are taken where their own clock stands,
      see <i>Clocks</i>.
    </p>`,
    table(
      [{ name: 'symbol' }, { name: 'what it is' }, { name: 'value ± U', holds: 'figures' }],
      [
        [
          html`<i>a</i>`,
          'base power: the wall with all chips at 0 W, extrapolated',
          interceptU2 === undefined
            ? html`${unit(decimal(model.interceptW, 1), 'W')} ± ${ABSENT}`
            : withU(model.interceptW, k * Math.sqrt(Math.max(0, interceptU2)), 'W'),
        ],
        ...model.terms.map((term) => [
          html`<i>g</i><sub>${shortened(term.name, 24)}</sub>`,
          html`gain: watts at the wall per watt of ${sourcesText(term)}`,
          withU(term.gainRatio, k * term.gainUncertaintyRatio, 'W/W'),
        ]),
      ],
    ),
    html`<p class="note">
      U = <i>k</i>·<i>u</i> with <i>k</i> = ${decimal(k, 2)} for 95.45
      %${Number.isFinite(model.dof) ? `, from ${decimal(model.dof, 0)} degrees of freedom` : ''}.
      Symbols hang together: the U of a corrected energy follows from the budget below, not from
      adding these. Form: ${formText(model)}.
    </p>`,
    ...(nodes.length > 0
      ? [
          html`<p class="note">
            These are the values of the type. Each metered node has its own, the same times one
            factor, listed under <i>Nodes</i>; between nodes the factor scatters by
            ${model.detail?.pooled ? percent(model.detail.pooled.betweenNodesRatio) : ABSENT}
            (standard deviation), which is in the U of a node that was never metered.
          </p>`,
        ]
      : []),
  ]);
}

function sourcesText(term: CorrectionModel['terms'][number]): string {
  const { sources, less = [] } = term;
  const listed = sources.slice(0, 12).map((source) => shortened(source, 40));
  const more = sources.length - listed.length;
  const sum = `${listed.join(' + ')}${more > 0 ? ` + ${more.toFixed(0)} more` : ''}`;
  return less.length === 0
    ? sum
    : `${sum} less ${less
        .slice(0, 12)
        .map((source) => shortened(source, 40))
        .join(' − ')}`;
}

function formText(model: CorrectionModel): Markup {
  switch (model.detail?.form) {
    case 'affine':
      return html`one gain for all chips; one per component did not predict better`;
    case 'components':
      return html`one gain per component, which predicted better than one for all`;
    case 'sources':
      return html`one gain per sensor, which predicted better than one per component`;
    case undefined:
      return ABSENT;
  }
}
