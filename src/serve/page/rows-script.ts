// rows.js: one object per thing on the page (metered point, settled interval, wire, sink) that knows how to show itself.
// Text is only ever set as text, so nothing a meter or a site file says can become markup.

export const ROWS_SCRIPT = String.raw`
import { DASH, TONES, ageText, countText, kwhText, powerParts, spanText } from './format.js';

/** Sets text only where it changed: a quiet page for readers and for screen readers. */
export function say(element, text) { if (element.textContent !== text) element.textContent = text; }

export function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A figure with its unit, or a dash that says why. */
export function showFigure(cell, figure, unit, because) {
  const key = figure + '|' + unit + '|' + because;
  if (cell.dataset.shown === key) return;
  cell.dataset.shown = key;
  cell.replaceChildren(document.createTextNode(figure));
  cell.classList.toggle('unknown', figure === DASH);
  if (unit !== '') cell.append(make('span', 'unit', '\u00a0' + unit));
  if (figure === DASH) {
    cell.title = 'Not known: ' + because;
    cell.append(make('span', 'unseen', ' not known: ' + because));
  } else cell.removeAttribute('title');
}

export function showPower(cell, powerW, because) {
  const { figure, unit } = powerParts(powerW);
  showFigure(cell, figure, unit, because);
}

export function showBadge(badge, quality) {
  const [tone, mark] = TONES[quality] || ['calm', '\u00b7'];
  badge.classList.add('badge');
  badge.dataset.tone = tone;
  badge.dataset.mark = mark;
  say(badge, quality);
}

function row(titles) {
  const element = make('tr');
  element.setAttribute('role', 'row');
  for (const [title, className] of titles) {
    const cell = make('td', className);
    cell.setAttribute('role', 'cell');
    if (title !== '') cell.dataset.title = title;
    element.append(cell);
  }
  return element;
}

export class PointRow {
  constructor() {
    this.element = row([['', 'wide'], ['Wall', 'number wall'], ['Age', 'number'], ['Meter', ''], ['Profile', ''], ['', 'state']]);
    const state = this.element.lastElementChild;
    this.badge = make('span', 'badge');
    this.why = make('small', 'why');
    state.append(this.badge, this.why);
  }
  show(point) {
    const [name, wall, age, meter, profile] = this.element.children;
    const trouble = point.trouble === undefined ? '' : point.trouble.says;
    say(name, point.point);
    showPower(wall, point.wall_w, trouble || 'no reading has come yet');
    const [figure, unit = ''] = ageText(point.age_s).split(' ');
    showFigure(age, figure, unit, trouble || 'no reading has come yet');
    say(meter, point.meter);
    say(profile, point.profile);
    showBadge(this.badge, point.quality);
    say(this.why, trouble);
  }
  remove() { this.element.remove(); }
}

export class SettledLine {
  constructor() {
    this.element = row([['', 'wide'], ['Point', ''], ['Kind', ''], ['Energy', 'number'], ['\u00b1 U', 'number'], ['Quality', ''], ['Version', 'number'], ['Leaf', 'number']]);
    this.badge = make('span', 'badge');
    this.element.children[5].append(this.badge);
  }
  show(line) {
    const [when, point, kind, energy, u, , version, leaf] = this.element.children;
    say(when, spanText(line.start, line.duration_s));
    say(point, line.point);
    say(kind, line.kind);
    const because = 'the interval is ' + line.quality;
    const [figure, unit = ''] = kwhText(line.energy_kwh).split(' ');
    showFigure(energy, figure, unit, because);
    if (line.energy_kwh !== undefined) energy.title = line.energy_kwh + ' kWh';
    const [uFigure, uUnit = ''] = kwhText(line.u_kwh).split(' ');
    showFigure(u, uFigure, uUnit, because);
    showBadge(this.badge, line.quality);
    say(version, String(line.version));
    say(leaf, countText(line.leaf));
  }
  remove() { this.element.remove(); }
}

/** A line of a list: what it is, how it is, and the fine print. */
export class HealthLine {
  constructor() {
    this.element = make('li');
    this.badge = make('span', 'badge');
    this.element.append(make('span'), this.badge, make('small'), make('small', 'trouble'));
  }
  show({ title, tone, word, fine, trouble }) {
    const [name, badge, small, bad] = this.element.children;
    say(name, title);
    badge.dataset.tone = tone;
    badge.dataset.mark = tone === 'good' ? '\u25cf' : tone === 'bad' ? '\u2715' : '\u25d4';
    say(badge, word);
    say(small, fine);
    say(bad, trouble);
    bad.hidden = trouble === '';
  }
  remove() { this.element.remove(); }
}

/** Keeps rows in step with items: made once, kept by key, put in order, removed when they are gone. */
export class Rows {
  constructor(parent, keyOf, create) { Object.assign(this, { parent, keyOf, create, rows: new Map() }); }
  show(items, timeS) {
    const gone = new Set(this.rows.keys());
    let before = null;
    for (const item of items) {
      const key = this.keyOf(item);
      gone.delete(key);
      let row = this.rows.get(key);
      if (row === undefined) { row = this.create(item); this.rows.set(key, row); }
      let next = before === null ? this.parent.firstElementChild : before.nextElementSibling;
      if (next !== null && next.classList.contains('detail')) next = next.nextElementSibling;
      if (next !== row.element) {
        this.parent.insertBefore(row.element, next);
        if (row.detail !== undefined) row.element.after(row.detail);
      }
      row.show(item, timeS);
      before = row.detail === undefined ? row.element : row.detail;
    }
    for (const key of gone) { this.rows.get(key).remove(); this.rows.delete(key); }
  }
}
`;
