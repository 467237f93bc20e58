// plot.js: the curves of one node, small in its row and large when it is opened. uPlot draws; colours come from the style
// so that light and dark agree, and a hole in the readings is a hole in the line.

export const PLOT_SCRIPT = String.raw`
import { powerText } from './format.js';

const KEPT = 600;
const TRACKS = ['wall_w', 'corrected_w', 'chip_w'];
const NAMES = ['Wall', 'Corrected', 'Chip'];
const HUES = ['--wall', '--corrected', '--chip'];

/** The readings of one node, oldest first; columns as uPlot wants them. */
export class Curves {
  constructor() { this.columns = [[], [], [], []]; }

  /** Puts what the service remembers before what has come since. */
  prepend(history) {
    const [times] = this.columns;
    const first = times.length === 0 ? Infinity : times[0];
    const kept = history.time_s.filter((time) => time < first).length;
    this.columns = [
      history.time_s.slice(0, kept).concat(times),
      ...TRACKS.map((track, index) => history[track].slice(0, kept).concat(this.columns[index + 1])),
    ];
    this.trim();
  }

  add(timeS, node) {
    const [times] = this.columns;
    const newest = times[times.length - 1];
    if (newest !== undefined && timeS === newest) return;
    // The civil clock was set back: a curve must run forward, so it starts again.
    if (newest !== undefined && timeS < newest) this.columns = [[], [], [], []];
    this.columns[0].push(timeS);
    TRACKS.forEach((track, index) => {
      const power = node[track];
      this.columns[index + 1].push(typeof power === 'number' ? power : null);
    });
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
  const spare = Math.max((high - low) * 0.12, high * 0.02, 1);
  return [Math.max(0, low - spare), high + spare];
}

function series(isLarge) {
  return NAMES.map((label, index) => ({
    label,
    stroke: () => hue(HUES[index]),
    width: index === 1 ? 1.25 : 1.75,
    dash: index === 1 ? [5, 3] : undefined,
    points: { show: false },
    value: (plot, power) => powerText(power === null ? undefined : power),
    spanGaps: false,
    show: true,
    alpha: isLarge ? 1 : 0.95,
  }));
}

/** Draws into a box and follows its width. */
export class Plot {
  constructor(box, curves, isLarge) {
    this.curves = curves;
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
          ? [axis, { ...axis, size: 62, values: (plot, ticks) => ticks.map((tick) => powerText(tick).replace('.0 ', ' ')) }]
          : [{ show: false }, { show: false }],
        series: [{ label: 'UTC', value: isLarge ? '{HH}:{mm}:{ss}' : undefined }, ...series(isLarge)],
      },
      curves.columns,
      box,
    );
    this.watcher = new ResizeObserver(() => {
      const width = box.clientWidth;
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: height() });
    });
    this.watcher.observe(box);
  }

  draw() { this.plot.setData(this.curves.columns); }
  redraw() { this.plot.redraw(false); }
  end() { this.watcher.disconnect(); this.plot.destroy(); }
}
`;
