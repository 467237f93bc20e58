// node-row.js: one node of the rack: its row, its small curve, and what opens below it (large curve, model, totals).

export const NODE_ROW_SCRIPT = String.raw`
import { Curves, Plot } from './plot.js';
import { DASH, energyOfJoules, energyText, percentText, powerParts } from './format.js';
import { make, say, showBadge, showFigure, showPower } from './rows.js';

const template = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) { entry.target.row.onSeen(entry.isIntersecting); }
}, { rootMargin: '200px' });

export class NodeRow {
  constructor(node) {
    this.name = node.node;
    this.curves = new Curves();
    this.element = template('node-template');
    this.element.row = this;
    this.cell = (name) => this.element.querySelector('td.' + name);
    this.button = this.element.querySelector('button');
    this.button.addEventListener('click', () => { this.toggle(); });
    this.isSeen = false;
    this.isAsked = false;
    seen.observe(this.element);
  }

  /** Curves of rows out of sight are kept but not drawn; what came before is asked for once it is looked at. */
  onSeen(isSeen) {
    this.isSeen = isSeen;
    if (!isSeen) return;
    if (this.spark === undefined) this.spark = new Plot(this.element.querySelector('.spark'), this.curves, false);
    this.spark.draw();
    if (!this.isAsked) { this.isAsked = true; void this.ask(); }
  }

  async ask() {
    try {
      const answer = await fetch('/v1/history?node=' + encodeURIComponent(this.name));
      if (!answer.ok) return;
      this.curves.prepend(await answer.json());
      this.draw();
    } catch { this.isAsked = false; }
  }

  show(node, timeS) {
    this.node = node;
    const trouble = node.trouble === undefined ? '' : node.trouble.says;
    const because = trouble || 'no reading has come yet';
    say(this.element.querySelector('.label'), node.node);
    say(this.element.querySelector('.kind'), node.type);
    showPower(this.cell('wall'), node.wall_w, because);
    showPower(this.cell('chip'), node.chip_w, because);
    const gap = this.cell('gap');
    showFigure(gap.querySelector('.figure'), percentText(node.gap_ratio).replace(' %', ''), node.gap_ratio === undefined ? '' : '%', 'it takes both wall and chip power');
    const share = typeof node.gap_ratio === 'number' ? Math.min(1, Math.max(0, node.gap_ratio)) : 0;
    gap.querySelector('i').style.width = (share * 100).toFixed(1) + '%';
    this.showCorrected(node, trouble);
    showBadge(this.element.querySelector('.badge'), node.quality);
    const why = this.element.querySelector('.why');
    say(why, this.reason(node, trouble));
    why.title = node.model === undefined ? '' : node.model.open.join('; ');
    this.curves.add(timeS, node);
    this.draw();
    if (this.detail !== undefined) this.showDetail();
  }

  showCorrected(node, trouble) {
    const cell = this.cell('corrected');
    const waits = node.waiting_for || trouble || 'no chip reading has come yet';
    showPower(cell, node.corrected_w, waits);
    if (node.corrected_w === undefined) return;
    const { figure, unit } = powerParts(node.corrected_u_w);
    const text = '\u00b1 ' + (unit === '' ? figure : figure + ' ' + unit);
    let u = cell.querySelector('.u');
    if (u === null) { u = make('span', 'u'); cell.append(u); }
    say(u, text);
  }

  reason(node, trouble) {
    if (trouble !== '') return trouble;
    const [alarm] = node.alarms;
    if (alarm !== undefined) return alarm.event + ': ' + alarm.says;
    if (node.model === undefined) return node.waiting_for === '' ? '' : 'No model yet: ' + node.waiting_for;
    const openCount = node.model.open.length;
    return node.model.standing === 'provisional' ? 'provisional model, ' + openCount + (openCount === 1 ? ' gate' : ' gates') + ' still open' : '';
  }

  draw() {
    if (this.isSeen && this.spark !== undefined) this.spark.draw();
    if (this.large !== undefined) this.large.draw();
  }
  redraw() {
    if (this.spark !== undefined) this.spark.redraw();
    if (this.large !== undefined) this.large.redraw();
  }

  toggle() {
    const isOpen = this.detail === undefined;
    this.button.setAttribute('aria-expanded', String(isOpen));
    if (!isOpen) { this.closeDetail(); return; }
    this.detail = template('detail-template');
    this.element.after(this.detail);
    this.large = new Plot(this.detail.querySelector('.large'), this.curves, true);
    this.showDetail();
  }

  closeDetail() {
    if (this.large !== undefined) this.large.end();
    if (this.detail !== undefined) this.detail.remove();
    this.large = undefined;
    this.detail = undefined;
  }

  showDetail() {
    const { model, waiting_for: waits, wall_uj: wallUj, chip_uj: chipUj, corrected_j: correctedJ } = this.node;
    const lines = [
      ['Wall energy since start', energyText(wallUj)],
      ['Chip energy since start', energyText(chipUj)],
      ['Corrected energy since start', model === undefined ? DASH : energyOfJoules(correctedJ)],
      ['Model', model === undefined ? 'none yet: ' + waits : model.standing + ', ' + model.gain_text],
      ['Gates still open', model === undefined ? DASH : model.open.join('; ') || 'none'],
      ['Last compared with a meter', model === undefined ? DASH : model.checked],
      ['Model id', model === undefined ? DASH : model.id],
    ];
    const list = this.detail.querySelector('dl');
    if (list.childElementCount === 0) {
      for (const [title] of lines) {
        const group = make('div');
        group.append(make('dt', '', title), make('dd'));
        list.append(group);
      }
    }
    lines.forEach(([, text], index) => { say(list.children[index].lastElementChild, text); });
  }

  remove() {
    this.closeDetail();
    if (this.spark !== undefined) this.spark.end();
    seen.unobserve(this.element);
    this.element.remove();
  }
}
`;
