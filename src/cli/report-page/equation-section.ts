// The model as an equation, each symbol with its value and expanded uncertainty: what an auditor needs to compute any
// corrected number anew with a pocket calculator.
import type {
  ConditionKind,
  CorrectionCondition,
  CorrectionModel,
  CorrectionShape,
} from '../../quantity/correction.ts';
import { coverageFactor } from '../../quantity/uncertainty.ts';
import { counted, decimal, percent, unit, withU } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { ABSENT, section, table } from './tables.ts';

/** One summand of the equation. */
interface Summand {
  readonly symbol: Markup;
  readonly factor: Markup;
  readonly about: Markup;
  readonly quantity: number;
  readonly uncertainty: number;
  readonly unit: string;
}

export function equationSection({ model, nodes }: ReportSubject): Markup {
  const k = coverageFactor(model.detail?.covarianceDof ?? model.dof);
  const interceptU2 = model.detail?.covariance[0];
  const summands = summandsOf(model);
  return section('The correction', [
    html`<p class="equation">
      <i>P</i><sub>wall</sub> =
      <i>a</i>${summands.map(({ symbol, factor }) => html` + <span>${symbol} · ${factor}</span>`)}
    </p>`,
    html`<p>
      Mean wall power of a span from the mean power of the chips over the same span; energy is that
      times the length of the span. The chips are read where their own clock stands, see
      <i>Clocks</i>.
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
        ...summands.map((each) => [
          each.symbol,
          each.about,
          withU(each.quantity, k * each.uncertainty, each.unit),
        ]),
      ],
    ),
    html`<p class="note">
      U = <i>k</i>·<i>u</i> with <i>k</i> = ${decimal(k, 2)} for 95.45 %. Symbols hang together: the
      U of a corrected energy follows from the budget below, not from adding these. Form:
      ${formText(model)}.
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

function summandsOf(model: CorrectionModel): readonly Summand[] {
  const shapes = model.detail?.shapes ?? [];
  const conditions = model.detail?.conditions ?? [];
  return [
    ...model.terms.map((term): Summand => {
      const name = shortened(term.name, 24);
      return {
        symbol: html`<i>g</i><sub>${name}</sub>`,
        factor: html`<i>P</i><sub>${name}</sub>`,
        about: html`gain: watts at the wall per watt of ${sourcesText(term)}`,
        quantity: term.gainRatio,
        uncertainty: term.gainUncertaintyRatio,
        unit: 'W/W',
      };
    }),
    ...shapes.map((shape, index): Summand => ({
      symbol: html`<i>c</i><sub>${counted(index + 1)}</sub>`,
      ...SHAPES[shape.kind](shape),
      quantity: shape.gainRatio,
      uncertainty: shape.gainUncertaintyRatio,
      unit: 'W/W',
    })),
    ...conditions.map((condition, index): Summand => ({
      symbol: html`<i>d</i><sub>${counted(index + 1)}</sub>`,
      factor: CONDITIONS[condition.kind],
      about: conditionText(condition),
      quantity: condition.gainW,
      uncertainty: condition.gainUncertaintyW,
      unit: 'W',
    })),
  ];
}

const P = html`<i>P</i><sub>chips</sub>`;
const late = (shape: CorrectionShape): Markup =>
  shape.kind === 'square' ? html`` : html`<i>P</i><sub>${decimal(shape.tauS, 0)} s</sub>`;
const per = (shape: CorrectionShape): string =>
  shape.kind === 'slow' ? '' : unit(decimal(shape.scaleW, 0), 'W');

/** Each shape as it multiplies its coefficient; a late state is chip power passed through a first-order lag. */
const SHAPES = {
  slow: (shape: CorrectionShape) => ({
    factor: html`(${late(shape)} − ${P})`,
    about: html`late state: fans and the like that follow the load; ${late(shape)} is chip power
    through a first-order lag of that time`,
  }),
  warm: (shape: CorrectionShape) => ({
    factor: html`${P} (${late(shape)} − ${P}) / ${per(shape)}`,
    about: html`warm losses: conductors and regulators lose more once the load has warmed them;
    ${late(shape)} is chip power through a first-order lag of that time`,
  }),
  square: (shape: CorrectionShape) => ({
    factor: html`<i>P</i><sub>chips</sub><sup>2</sup> / ${per(shape)}`,
    about: html`losses of the supplies with the square of the load`,
  }),
} as const satisfies Record<
  CorrectionShape['kind'],
  (shape: CorrectionShape) => { factor: Markup; about: Markup }
>;

const CONDITIONS: Readonly<Record<ConditionKind, Markup>> = {
  fan_rpm: html`(<i>n</i> / 10 000 rpm)<sup>3</sup>`,
  temperature_c: html`(<i>T</i> / 10 °C)`,
  utilisation_ratio: html`<i>u</i><sub>load</sub>`,
};

const conditionText = (condition: CorrectionCondition): Markup =>
  html`${CONDITION_NAMES[condition.kind]} read at ${shortened(condition.source, 40)}; where nobody
  reads it, its mean stands in and U widens`;

const CONDITION_NAMES: Readonly<Record<ConditionKind, string>> = {
  fan_rpm: 'speed of the fans',
  temperature_c: 'temperature',
  utilisation_ratio: 'utilisation',
};

function sourcesText(term: CorrectionModel['terms'][number]): string {
  const { sources, less = [] } = term;
  const listed = sources.slice(0, 12).map((source) => shortened(source, 40));
  const more = sources.length - listed.length;
  const sum = `${listed.join(' + ')}${more > 0 ? ` + ${counted(more)} more` : ''}`;
  const taken = less.slice(0, 12).map((source) => shortened(source, 40));
  return taken.length === 0 ? sum : `${sum} less ${taken.join(' − ')}`;
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
