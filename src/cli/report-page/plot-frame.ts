// The paper of a plot: a box of fixed proportions with its axes, grid and their names. Marks are drawn inside of it and
// cannot leave it. Colours are classes, so that light, dark and print decide them.
import type { Axis, Extent } from './axis.ts';
import { px } from './figure-text.ts';
import { html, type Markup } from './markup.ts';

export interface PlotBox {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly leftPx: number;
  readonly rightPx: number;
  readonly topPx: number;
  readonly bottomPx: number;
}

export const PLOT_WIDTH_PX = 720;

/** A box as wide as the page; margins have room for labels of four digits. */
export const boxOf = (
  heightPx: number,
  margins: Partial<Pick<PlotBox, 'leftPx' | 'rightPx' | 'topPx' | 'bottomPx' | 'widthPx'>> = {},
): PlotBox => ({
  widthPx: PLOT_WIDTH_PX,
  heightPx,
  leftPx: 62,
  rightPx: 28,
  topPx: 14,
  bottomPx: 46,
  ...margins,
});

/** Room below the axis: its name, and labels of one line or two. */
export const belowPx = (across: Axis): number =>
  across.ticks.some((tick) => tick.label.includes('\n')) ? 58 : 46;

export const acrossOf = (box: PlotBox): Extent => ({
  fromPx: box.leftPx,
  untilPx: box.widthPx - box.rightPx,
});
/** From the bottom up. */
export const upOf = (box: PlotBox): Extent => ({
  fromPx: box.heightPx - box.bottomPx,
  untilPx: box.topPx,
});

export interface PlotParts {
  readonly box: PlotBox;
  /** What is seen, in a sentence, for those who cannot see it. */
  readonly says: string;
  readonly across: Axis;
  readonly up: Axis;
  readonly acrossName: string;
  readonly upName: string;
  readonly marks: readonly Markup[];
  /** A second scale at the right edge. */
  readonly right?: { readonly axis: Axis; readonly name: string };
  readonly bareAcross?: boolean;
}

export function plotOf(parts: PlotParts): Markup {
  const { box, across, up, right } = parts;
  const bottom = box.heightPx - box.bottomPx;
  const end = box.widthPx - box.rightPx;
  const middleAcross = (box.leftPx + end) / 2;
  const middleUp = (box.topPx + bottom) / 2;
  return html`<svg
    class="plot"
    role="img"
    viewBox="0 0 ${px(box.widthPx)} ${px(box.heightPx)}"
    width="${px(box.widthPx)}"
    height="${px(box.heightPx)}"
  >
    <title>${parts.says}</title>
    <g class="grid">
      ${up.ticks.map((tick) => line(box.leftPx, up.at(tick.position), end, up.at(tick.position)))}${parts.bareAcross ? undefined : across.ticks.map((tick) => line(across.at(tick.position), box.topPx, across.at(tick.position), bottom))}
    </g>
    <g class="marks">${parts.marks}</g>
    <g class="frame">
      ${line(box.leftPx, bottom, end, bottom)}${line(box.leftPx, box.topPx, box.leftPx, bottom)}
    </g>
    <g class="labels">
      ${up.ticks.map((tick) => label(box.leftPx - 8, up.at(tick.position) + 4, 'end', tick.label))}${right ? right.axis.ticks.map((tick) => label(end + 8, right.axis.at(tick.position) + 4, 'start', tick.label)) : undefined}${across.ticks.map((tick) => label(across.at(tick.position), bottom + 17, 'middle', tick.label))}
    </g>
    <g class="names">
      ${label(middleAcross, box.heightPx - 6, 'middle', parts.acrossName)}${turned(13, middleUp, parts.upName)}${right ? turned(box.widthPx - 6, middleUp, right.name) : undefined}
    </g>
  </svg>`;
}

export const line = (x1: number, y1: number, x2: number, y2: number, kind?: string): Markup =>
  html`<line${kind === undefined ? undefined : html` class="${kind}"`}
    x1="${px(x1)}"
    y1="${px(y1)}"
    x2="${px(x2)}"
    y2="${px(y2)}"
  />`;

/** A label; what follows a line break stands one line lower. */
export function label(
  x: number,
  y: number,
  anchor: 'start' | 'middle' | 'end',
  text: string,
  kind?: string,
): Markup {
  const lines = text.split('\n');
  const spans =
    lines.length === 1
      ? html`${text}`
      : html`${lines.map(
          (each, index) =>
            html`<tspan x="${px(x)}" dy="${px(index === 0 ? 0 : 13)}">${each}</tspan>`,
        )}`;
  return html`<text${kind === undefined ? undefined : html` class="${kind}"`} x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${spans}</text>`;
}

const turned = (x: number, y: number, text: string): Markup =>
  html`<text
    x="${px(x)}"
    y="${px(y)}"
    text-anchor="middle"
    transform="rotate(-90 ${px(x)} ${px(y)})"
    >${text}</text
  >`;
