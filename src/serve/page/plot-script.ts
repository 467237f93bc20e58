// plot.js: the curves of one node, small in its row and large when it is opened. uPlot draws; colours come from the style
// so that light and dark agree, and a hole in the readings is a hole in the line.

export const PLOT_SCRIPT = String.raw`
import { powerText } from './format.js';

const KEPT = 600;
const NAMES = ['Wall', 'Corrected', 'Chip'];
const HUES = ['--wall', '--corrected', '--chip'];

const none = () => [[], [], [], [], [], []];
const known = (power) => (typeof power === 'number' ? power : null);
const edge = (power, u) => (typeof power === 'number' && typeof u === 'number' ? power + u : null);

/** Wall, corrected, chip, and the band of corrected - U and + U at one instant. */
const slice = (wall, corrected, chip, u) => [
  known(wall), known(corrected), known(chip), edge(corrected, u === undefined || u === null ? undefined : -u), edge(corrected, u),
];

/** The readings of one node, oldest first; columns as uPlot wants them. */
export class Curves {
  constructor() { this.columns = none(); }

  /** Puts what the service remembers before what has come since. */
  prepend(history) {
    const [times] = this.columns;
    const first = times.length === 0 ? Infinity : times[0];
    const kept = history.time_s.filter((time) => time < first).length;
    const before = none();
    for (let index = 0; index < kept; index += 1) {
      before[0].push(history.time_s[index]);
      slice(history.wall_w[index], history.corrected_w[index], history.chip_w[index], history.corrected_u_w[index])
        .forEach((power, track) => { before[track + 1].push(power); });
    }
    this.columns = before.map((column, index) => column.concat(this.columns[index]));
    this.trim();
  }

  add(timeS, node) {
    const [times] = this.columns;
    const newest = times[times.length - 1];
    if (newest !== undefined && timeS === newest) return;
    // The civil clock was set back: a curve must run forward, so it starts again.
    if (newest !== undefined && timeS < newest) this.columns = none();
    this.columns[0].push(timeS);
    slice(node.wall_w, node.corrected_w, node.chip_w, node.corrected_u_w)
      .forEach((power, track) => { this.columns[track + 1].push(power); });
    this.trim();
  }

  trim() {
    const excess = this.columns[0].length - KEPT;
    if (excess > 0) this.columns = this.columns.map((column) => column.slice(excess));
  }
}

const hue = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// From zero where the curves are near it, else around them: a flat line at 800 W should show its ripple.
function range(plot, low, high) {
  if (low === null || high === null || low === undefined || high === undefined) return [0, 1];
  const spare = Math.max((high - low) * 0.18, high * 0.02, 1);
  return [Math.max(0, low - spare), high + spare];
}

function series() {
  const curves = NAMES.map((label, index) => ({
    label,
    stroke: () => hue(HUES[index]),
    width: index === 1 ? 1.25 : 1.75,
    dash: index === 1 ? [5, 3] : undefined,
    points: { show: false },
    value: (plot, power) => powerText(power === null ? undefined : power),
    spanGaps: false,
  }));
  // The edges of the band are not drawn themselves, not named in the legend, and do not widen the scale: a first model is
  // so unsure that its band would flatten the curves.
  const edge = { auto: false, stroke: 'transparent', width: 0, points: { show: false }, class: 'u-edge' };
  return [...curves, edge, { ...edge }];
}

const clock = (timeS) => new Date(timeS * 1000).toISOString().slice(11, 19);

/** Ticks on whole seconds, minutes or hours, in UTC; without seconds where all are whole minutes. */
const clocks = (plot, ticks) => {
  const cut = ticks.every((tick) => tick % 60 === 0) ? 5 : 8;
  return ticks.map((tick) => clock(tick).slice(0, cut));
};

/** Draws into a box and follows its width. */
export class Plot {
  constructor(box, curves, isLarge) {
    this.curves = curves;
    this.isLarge = isLarge;
    const axis = { stroke: () => hue('--soft'), grid: { stroke: () => hue('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const height = () => (isLarge ? 190 : 46);
    this.plot = new uPlot(
      {
        width: Math.max(60, box.clientWidth),
        height: height(),
        tzDate: (timeS) => uPlot.tzDate(new Date(timeS * 1e3), 'Etc/UTC'),
        padding: isLarge ? [8, 8, 0, 0] : [3, 0, 3, 0],
        legend: { show: isLarge },
        cursor: { show: isLarge, drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range } },
        axes: isLarge
          ? [{ ...axis, values: clocks, space: 76, size: 30 }, { ...axis, size: 62, values: (plot, ticks) => ticks.map((tick) => powerText(tick).replace('.0 ', ' ')) }]
          : [{ show: false }, { show: false }],
        bands: [{ series: [5, 4], fill: () => 'color-mix(in srgb, ' + hue('--corrected') + ' 16%, transparent)' }],
        series: [{ label: 'UTC', value: (plot, timeS) => (timeS === null ? '' : clock(timeS)) }, ...series()],
      },
      curves.columns,
      box,
    );
    this.watcher = new ResizeObserver(() => {
      const width = box.clientWidth;
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: height() });
    });
    this.watcher.observe(box);
    this.draw();
  }

  draw() {
    this.plot.setData(this.curves.columns);
    if (this.isLarge) queueMicrotask(() => { this.showNewest(); });
  }
  /** Where nobody points, the legend says what is newest; after uPlot has drawn, since drawing empties it. */
  showNewest() {
    const { left } = this.plot.cursor;
    if (left === undefined || left === null || left < 0) this.plot.setLegend({ idx: this.curves.columns[0].length - 1 });
  }
  redraw() { this.plot.redraw(false); }
  end() { this.watcher.disconnect(); this.plot.destroy(); }
}
`;
