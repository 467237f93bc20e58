// The rack as plain text for a terminal: the same words and numbers as the page, in columns. Unknown is a dash and the
// reason; nothing is coloured, so it reads the same in a log.
import { FAULT_CODES } from '../quantity/fault.ts';
import { formatRatioPercent } from '../quantity/format.ts';
import { formatInstant } from '../quantity/time.ts';
import { finite } from './rack-json.ts';
import type { NodeView, PointView, RackSnapshot } from './rack-view.ts';

const DASH = '—';

interface Column<View> {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly of: (view: View) => string;
  /** Left out first where the terminal is narrow: the highest goes first, 0 never. */
  readonly sparable: number;
}

const NODE_COLUMNS: readonly Column<NodeView>[] = [
  { title: 'node', align: 'left', of: (v) => v.node, sparable: 0 },
  { title: 'wall W', align: 'right', of: (v) => powerText(v.wallW), sparable: 0 },
  { title: 'chip W', align: 'right', of: (v) => powerText(v.chipW), sparable: 0 },
  { title: 'gap %', align: 'right', of: (v) => gapText(v.gapRatio), sparable: 1 },
  { title: 'corrected W', align: 'right', of: (v) => correctedText(v), sparable: 0 },
  { title: 'quality', align: 'left', of: (v) => v.quality, sparable: 0 },
  { title: 'model', align: 'left', of: (v) => modelText(v), sparable: 2 },
];

const POINT_COLUMNS: readonly Column<PointView>[] = [
  { title: 'feed', align: 'left', of: (v) => v.point, sparable: 0 },
  { title: 'wall W', align: 'right', of: (v) => powerText(v.wallW), sparable: 0 },
  { title: 'age', align: 'right', of: (v) => ageText(v.ageS), sparable: 1 },
  { title: 'quality', align: 'left', of: (v) => v.quality, sparable: 0 },
  { title: 'meter', align: 'left', of: (v) => v.meter, sparable: 2 },
  { title: 'profile', align: 'left', of: (v) => v.profile, sparable: 3 },
  {
    title: 'trouble',
    align: 'left',
    of: (v) => (v.trouble === undefined ? '' : FAULT_CODES[v.trouble]),
    sparable: 4,
  },
];

/**
 * The lines of the table, none wider than `widthCount` characters (at least 20). Power in W, the gap in per cent,
 * corrected power with its expanded uncertainty (95 %).
 */
export function renderTable(snapshot: RackSnapshot, widthCount: number): string[] {
  const width = Math.max(20, Math.floor(widthCount));
  const { rehearsal } = snapshot;
  const title = [
    plain(snapshot.site),
    formatInstant(snapshot.atNs).replace(/\.\d+Z$/, 'Z'),
    ...(rehearsal === undefined
      ? []
      : [`REHEARSAL ${rehearsal.speedRatio}x seed ${rehearsal.seed}`]),
  ];
  const lines = [
    // The label must survive a narrow terminal: it goes first there.
    ...(rehearsal !== undefined && title.join('  ').length > width
      ? ['REHEARSAL', ...title]
      : [title.join('  ')]),
    '',
    ...tableOf(NODE_COLUMNS, snapshot.nodes, width),
  ];
  if (snapshot.points.length > 0) {
    lines.push('', ...tableOf(POINT_COLUMNS, snapshot.points, width));
  }
  const troubles = troublesOf(snapshot);
  if (troubles.length > 0) lines.push('', ...troubles);
  return lines.map((line) => cut(line, width).trimEnd());
}

function tableOf<View>(
  all: readonly Column<View>[],
  views: readonly View[],
  width: number,
): string[] {
  let columns = all;
  for (;;) {
    const rows = [
      columns.map(({ title }) => title),
      ...views.map((view) => columns.map((column) => plain(column.of(view)))),
    ];
    const widths = columns.map((_, index) =>
      Math.max(...rows.map((row) => lengthOf(row[index] ?? ''))),
    );
    const totalCount = widths.reduce((sum, part) => sum + part, 2 * (columns.length - 1));
    const spare = Math.max(...columns.map(({ sparable }) => sparable));
    if (totalCount <= width || spare === 0) {
      const text = rows.map((row) => rowText(row, widths, columns));
      const rule = widths.map((part) => '─'.repeat(part)).join('  ');
      return [text[0] ?? '', rule, ...text.slice(1)];
    }
    columns = columns.filter(({ sparable }) => sparable !== spare);
  }
}

const rowText = <View>(
  row: readonly string[],
  widths: readonly number[],
  columns: readonly Column<View>[],
): string =>
  row
    .map((text, index) => {
      const padding = ' '.repeat((widths[index] ?? 0) - lengthOf(text));
      return columns[index]?.align === 'right' ? padding + text : text + padding;
    })
    .join('  ');

function troublesOf(snapshot: RackSnapshot): string[] {
  return [
    ...snapshot.nodes.flatMap((view) =>
      view.trouble === undefined ? [] : [`! ${view.node}: ${FAULT_CODES[view.trouble]}`],
    ),
    ...snapshot.nodes.flatMap((view) =>
      view.alarms.map(({ event, says }) => `! ${view.node}: ${event}: ${says}`),
    ),
    ...snapshot.wires.flatMap((view) =>
      view.connected
        ? []
        : [`! wire ${view.wire} is down${view.trouble === '' ? '' : `: ${view.trouble}`}`],
    ),
    ...snapshot.sinks.flatMap((view) =>
      view.trouble === ''
        ? []
        : [`! sink ${view.sink}: ${view.waitingCount} rows wait: ${view.trouble}`],
    ),
  ].map(plain);
}

const powerText = (powerW: number | undefined): string => finite(powerW)?.toFixed(1) ?? DASH;

function gapText(gapRatio: number | undefined): string {
  const known = finite(gapRatio);
  return known === undefined ? DASH : formatRatioPercent(known).replace(' %', '');
}

function correctedText(view: NodeView): string {
  const correctedW = finite(view.correctedW);
  const correctedU = finite(view.correctedU);
  if (correctedW === undefined) return DASH;
  return `${correctedW.toFixed(1)} ± ${correctedU === undefined ? DASH : correctedU.toFixed(1)}`;
}

const modelText = (view: NodeView): string =>
  view.model === undefined
    ? `none: ${view.waitingFor}`
    : `${view.model.standing}: ${view.model.gainText}`;

const ageText = (ageS: number | undefined): string => {
  const known = finite(ageS);
  return known === undefined ? DASH : `${known.toFixed(known < 10 ? 1 : 0)} s`;
};

/** Names and reasons come from files and peers: no control character of theirs may reach the terminal. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');

const lengthOf = (text: string): number => Array.from(text).length;

function cut(line: string, width: number): string {
  const letters = Array.from(line);
  return letters.length <= width ? line : `${letters.slice(0, width - 1).join('')}…`;
}
