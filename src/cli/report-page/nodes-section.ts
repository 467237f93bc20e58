// The nodes of a type: the factor by which each differs from it, and how well the type predicts each of them.
import type { FitFigures } from '../../calibrate/figures/fit-figures.ts';
import { mostStriking } from '../../calibrate/figures/thinning.ts';
import type { CorrectionModel } from '../../quantity/correction.ts';
import { ROWS_COUNT_MAX } from './error-rows-plot.ts';
import { rowsFigure, seriesFigure } from './errors-section.ts';
import { counted, decimal, duration, percent, signedPercent } from './figure-text.ts';
import { html, shortened, type Markup } from './markup.ts';
import type { ReportSubject } from './report-subject.ts';
import { absentFigure, section, table } from './tables.ts';

const NODES_COUNT_MAX = 60;

export function nodesSection({ model: type, figures, nodes }: ReportSubject): Markup {
  const factorOf = (model: CorrectionModel): number | undefined => {
    const own = model.terms.reduce((sum, term) => sum + term.gainRatio, 0);
    const all = type.terms.reduce((sum, term) => sum + term.gainRatio, 0);
    return all > 0 ? own / all : undefined;
  };
  const figureOf = figuresByName(figures);
  const shown = mostStriking(nodes, NODES_COUNT_MAX, (node) => Math.abs((factorOf(node) ?? 1) - 1));
  return section('Nodes', [
    html`<p>
      ${counted(nodes.length)} nodes of this type were metered. One shape was fitted to all of them,
      and one factor to each, drawn towards 1 by how little its own evidence says. A node of this
      type that was never metered takes the type itself, with the scatter of the nodes in its U.
    </p>`,
    table(
      [
        { name: 'node', holds: 'names' },
        { name: 'factor', holds: 'figures' },
        { name: 'gap', holds: 'figures' },
        { name: 'intervals', holds: 'figures' },
        { name: 'metered', holds: 'figures' },
        { name: 'error of the type', holds: 'figures' },
        { name: '± U', holds: 'figures' },
        { name: 'standing' },
      ],
      shown.map((node) => {
        const factor = factorOf(node);
        const own = figureOf.get(node.node);
        return [
          shortened(node.node, 40),
          factor === undefined ? undefined : decimal(factor, 4),
          percent(node.gapRatio, 1),
          counted(node.evidence.intervalsCount),
          own ? duration(own.coveredS) : undefined,
          own ? signedPercent(own.errorRatio) : undefined,
          own?.expandedRatio === undefined ? undefined : percent(own.expandedRatio),
          node.standing,
        ];
      }),
    ),
    ...(shown.length < nodes.length
      ? [
          html`<p class="note">
            ${counted(shown.length)} of ${counted(nodes.length)} nodes: the half whose factor is
            farthest from 1, the rest evenly from the others. The model file has all of them.
          </p>`,
        ]
      : []),
    html`<h3>Error of the type on each node</h3>`,
    plotOfNodes(figures),
  ]);
}

function plotOfNodes(figures: FitFigures | undefined): Markup {
  const list = figures?.nodes;
  if (!list || list.kept.length === 0) return absentFigure('Errors by node');
  if (list.kept.length <= ROWS_COUNT_MAX)
    return rowsFigure({ ...list, kept: byName(list.kept) }, 'node');
  const ranked = [...list.kept].sort((a, b) => a.errorRatio - b.errorRatio);
  return seriesFigure({ ...list, kept: ranked }, 'node', 'nodes by their error');
}

const byName = (list: FitFigures['nodes']['kept']): FitFigures['nodes']['kept'] =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

const figuresByName = (
  figures: FitFigures | undefined,
): ReadonlyMap<string, FitFigures['nodes']['kept'][number]> =>
  new Map((figures?.nodes.kept ?? []).map((each) => [each.name, each]));
