// What is drawn inside a plot: points in shapes that can be told apart without colour, curves, bands, bars and whiskers.
import type { Axis } from './axis.ts';
import { px } from './figure-text.ts';
import { line } from './plot-frame.ts';
import { html, type Markup } from './markup.ts';

/** Kinds of series: each has a colour and a shape of its own, in this order. */
export const SERIES_COUNT = 6;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Points of one series as one path, so that a plot of hundreds stays small. */
export function points(
  across: Axis,
  up: Axis,
  list: readonly Point[],
  series: number,
  kind = `s${px(series % SERIES_COUNT)}`,
): Markup {
  const shape = SHAPES[series % SERIES_COUNT] ?? circle;
  const path = list.map(({ x, y }) => shape(across.at(x), up.at(y))).join('');
  return html`<path class="point ${kind}" d="${path}" />`;
}

/** One point of a series where a legend needs it, at px. */
export const pointAt = (x: number, y: number, series: number): Markup =>
  html`<path
    class="point s${px(series % SERIES_COUNT)}"
    d="${(SHAPES[series % SERIES_COUNT] ?? circle)(x, y)}"
  />`;

export function curve(across: Axis, up: Axis, list: readonly Point[], kind: string): Markup {
  const path = list
    .map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(across.at(x))} ${px(up.at(y))}`)
    .join('');
  return html`<path class="${kind}" d="${path}" />`;
}

/** The area between two curves over the same places. */
export function band(
  across: Axis,
  up: Axis,
  places: readonly number[],
  lower: readonly number[],
  upper: readonly number[],
): Markup {
  const there = places.map(
    (place, index) => `${px(across.at(place))} ${px(up.at(upper[index] ?? 0))}`,
  );
  const back = places.map(
    (place, index) => `${px(across.at(place))} ${px(up.at(lower[index] ?? 0))}`,
  );
  if (there.length === 0) return html``;
  return html`<path class="band" d="M${there.join('L')}L${back.reverse().join('L')}Z" />`;
}

export function box(
  fromX: number,
  fromY: number,
  untilX: number,
  untilY: number,
  kind: string,
): Markup {
  const left = Math.min(fromX, untilX);
  const top = Math.min(fromY, untilY);
  return html`<rect
    class="${kind}"
    x="${px(left)}"
    y="${px(top)}"
    width="${px(Math.abs(untilX - fromX))}"
    height="${px(Math.abs(untilY - fromY))}"
  />`;
}

/** A box of an area of many, px. */
export interface Patch {
  readonly fromXPx: number;
  readonly untilXPx: number;
  readonly fromYPx: number;
  readonly untilYPx: number;
}

/** Neighbouring boxes as one area. They reach into each other by a hair, so that no seam shows, and none vanishes. */
export function bandOf(patches: readonly Patch[]): Markup {
  const path = patches.map(({ fromXPx, untilXPx, fromYPx, untilYPx }) => {
    const left = px(fromXPx - 0.2);
    return `M${left} ${px(fromYPx)}H${px(Math.max(fromXPx + 1, untilXPx + 0.2))}V${px(untilYPx)}H${left}z`;
  });
  return html`<path class="band" d="${path.join('')}" />`;
}

/** An upright whisker with feet. */
export function whisker(x: number, fromY: number, untilY: number): Markup {
  return html`${line(x, fromY, x, untilY, 'whisker')}${line(x - 3, fromY, x + 3, fromY, 'whisker')}${line(x - 3, untilY, x + 3, untilY, 'whisker')}`;
}

const circle = (x: number, y: number): string =>
  `M${px(x - 2.4)} ${px(y)}a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0 -4.8 0z`;
const square = (x: number, y: number): string => `M${px(x - 2.2)} ${px(y - 2.2)}h4.4v4.4h-4.4z`;
const upward = (x: number, y: number): string => `M${px(x)} ${px(y - 3)}l3 5.2h-6z`;
const diamond = (x: number, y: number): string =>
  `M${px(x)} ${px(y - 3.2)}l3.2 3.2l-3.2 3.2l-3.2 -3.2z`;
const downward = (x: number, y: number): string => `M${px(x)} ${px(y + 3)}l3 -5.2h-6z`;
const cross = (x: number, y: number): string =>
  `M${px(x - 2.8)} ${px(y - 0.9)}h1.9v-1.9h1.8v1.9h1.9v1.8h-1.9v1.9h-1.8v-1.9h-1.9z`;

const SHAPES = [circle, square, upward, diamond, downward, cross] as const;
