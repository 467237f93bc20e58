// rack.js: follows the live stream and fills the page. When the stream is lost it says so, greys the numbers, and tries
// again for ever; numbers that are no longer live are never shown as if they were.

export const RACK_SCRIPT = String.raw`
import { NodeRow } from './node-row.js';
import { HealthLine, PointRow, Rows, SettledLine, make, say, showFigure } from './rows.js';
import { DASH, bytesText, clockText, countText, dayText, percentText, powerParts, powerText, sumOf } from './format.js';

const STALE_MS = 6000;
const at = (id) => document.getElementById(id);
const racks = new Map();
const words = new Map();
/** Newest intervals first, and no more than a person looks at. */
const SETTLED_SHOWN = 24;
const settled = new Rows(at('settled'), (line) => [line.point, line.kind, line.start_ns].join('|'), () => new SettledLine());
const wires = new Rows(at('wires'), (line) => line.title, () => new HealthLine());
const sinks = new Rows(at('sinks'), (line) => line.title, () => new HealthLine());
let newestAt = 0;
let newest;

function showHeader(rack) {
  say(at('site'), rack.site);
  document.title = (rack.rehearsal === undefined ? '' : 'REHEARSAL \u00b7 ') + rack.site + ' \u00b7 Trueup';
  const badge = at('rehearsal');
  badge.hidden = rack.rehearsal === undefined;
  if (rack.rehearsal !== undefined && badge.childElementCount === 0) {
    badge.title = 'These numbers are of a rack that does not exist: a seeded model on real wires.';
    badge.append(make('b', '', 'REHEARSAL'), ' ' + rack.rehearsal.speed_ratio + '\u00d7 \u00b7 seed ' + rack.rehearsal.seed);
  }
  say(at('clock'), dayText(rack.at) + ' ' + clockText(rack.at) + ' UTC');
  at('clock').dateTime = rack.at;
}

function tile(title, figure, unit, note, because) {
  const list = at('tiles');
  let box = [...list.children].find((child) => child.dataset.title === title);
  if (box === undefined) {
    box = make('div', 'tile');
    box.dataset.title = title;
    box.append(make('dt', '', title), make('dd'), make('dd', 'note'));
    list.append(box);
  }
  showFigure(box.children[1], figure, unit, because);
  say(box.children[2], figure === DASH ? because : note);
}

const unknownOf = (nodes, name) => {
  const unknown = nodes.filter((node) => typeof node[name] !== 'number').length;
  if (unknown === 0) return 'no nodes';
  const rest = sumOf(nodes.filter((node) => typeof node[name] === 'number'), name);
  return unknown + ' of ' + nodes.length + ' nodes unknown' + (rest === undefined ? '' : ', the others ' + powerText(rest));
};

function showTiles(rack) {
  const { nodes, points, ledger } = rack;
  const wallW = sumOf(nodes, 'wall_w');
  const chipW = sumOf(nodes, 'chip_w');
  const wall = powerParts(wallW);
  const chip = powerParts(chipW);
  tile('Nodes at the wall', wall.figure, wall.unit, nodes.length + (nodes.length === 1 ? ' node' : ' nodes'), unknownOf(nodes, 'wall_w'));
  tile('Chips report', chip.figure, chip.unit, 'what software sees', unknownOf(nodes, 'chip_w'));
  const isKnown = wallW !== undefined && chipW !== undefined && wallW > 0;
  const gap = powerParts(isKnown ? wallW - chipW : undefined);
  tile('Unseen by software', gap.figure, gap.unit, isKnown ? percentText(1 - chipW / wallW) + ' of the wall' : '', 'it takes both wall and chip power');
  const answering = points.filter((point) => typeof point.wall_w === 'number').length;
  tile('Meters answering', String(answering), 'of ' + points.length, answering === points.length ? 'all is well' : (points.length - answering) + ' without a reading', '');
  tile('Ledger', countText(ledger.leaves_count), 'leaves', bytesText(ledger.journal_bytes) + ' of raw readings', '');
}

function rackPart(name) {
  let part = racks.get(name);
  if (part !== undefined) return part;
  const element = at('rack-template').content.firstElementChild.cloneNode(true);
  say(element.querySelector('h2'), name === '' ? 'Without a rack' : /^rack/i.test(name) ? name : 'Rack ' + name);
  const [nodeBody, pointBody] = element.querySelectorAll('tbody');
  element.querySelector('.nodes').setAttribute('aria-label', 'Nodes of rack ' + name);
  element.querySelector('.points').setAttribute('aria-label', 'Metered points of rack ' + name);
  part = {
    element,
    nodes: new Rows(nodeBody, (node) => node.node, (node) => new NodeRow(node)),
    points: new Rows(pointBody, (point) => point.point, () => new PointRow()),
  };
  at('racks').append(element);
  racks.set(name, part);
  return part;
}

// Ten real minutes: in a rehearsal more of the rack's own time goes by in them.
function spanOf(rack) {
  const minutes = 10 * (rack.rehearsal === undefined ? 1 : rack.rehearsal.speed_ratio);
  return minutes < 120 ? Math.round(minutes) + ' min' : (minutes / 60).toFixed(minutes % 60 === 0 ? 0 : 1) + ' h';
}

function showRacks(rack) {
  const timeS = Number(BigInt(rack.at_ns) / 1000000n) / 1000;
  const names = [...new Set([...rack.nodes, ...rack.points].map((item) => item.rack))];
  for (const name of names) {
    const part = rackPart(name);
    const nodes = rack.nodes.filter((node) => node.rack === name);
    const points = rack.points.filter((point) => point.rack === name);
    const sum = powerText(sumOf(nodes, 'wall_w'));
    say(part.element.querySelector('th.curve'), 'Last ' + spanOf(rack));
    say(part.element.querySelector('.sum'), nodes.length === 0 ? '' : sum === DASH ? DASH + ' at the wall: ' + unknownOf(nodes, 'wall_w') : sum + ' at the wall');
    part.element.querySelector('.nodes').hidden = nodes.length === 0;
    part.element.querySelector('.key').hidden = nodes.length === 0;
    part.element.querySelector('.points').hidden = points.length === 0;
    part.nodes.show(nodes, timeS);
    part.points.show(points, timeS);
  }
  for (const [name, part] of racks) {
    if (names.includes(name)) continue;
    part.nodes.show([]);
    part.element.remove();
    racks.delete(name);
  }
  at('empty').hidden = names.length > 0;
  say(at('empty'), 'The site has no nodes and no metered points.');
}

function showLists(rack) {
  at('settled-part').hidden = rack.settled.length === 0;
  settled.show(rack.settled.slice(-SETTLED_SHOWN).reverse());
  at('wires-part').hidden = rack.wires.length === 0;
  wires.show(rack.wires.map((wire) => ({
    title: wire.wire,
    tone: !wire.connected ? 'bad' : wire.silent.length > 0 ? 'note' : 'good',
    word: !wire.connected ? 'down' : wire.silent.length > 0 ? wire.silent.length + ' silent' : 'connected',
    fine: wire.transport + ' \u00b7 ' + countText(wire.exchanges_count) + ' exchanges \u00b7 ' + countText(wire.faults_count) + ' faults'
      + (wire.lateness_p99_ms === undefined ? '' : ' \u00b7 99 % leave within ' + wire.lateness_p99_ms.toFixed(1) + ' ms of plan'),
    trouble: [wire.trouble, wire.silent.length > 0 ? 'No answer from ' + wire.silent.join(', ') : ''].filter((text) => text !== '').join('. '),
  })));
  at('sinks-part').hidden = false;
  sinks.show([...rack.sinks.map((sink) => ({
    title: sink.sink,
    tone: sink.trouble !== '' ? 'bad' : sink.refused_count > 0 ? 'note' : 'good',
    word: sink.trouble !== '' ? 'stuck' : sink.refused_count > 0 ? sink.refused_count + ' refused' : 'in step',
    fine: sink.kind + ' \u00b7 ' + (sink.waiting_count === 0 ? 'nothing waits' : countText(sink.waiting_count) + ' rows wait'),
    trouble: sink.trouble,
  })), {
    title: 'Ledger', tone: 'good', word: countText(rack.ledger.leaves_count) + ' leaves',
    fine: rack.ledger.origin + ' \u00b7 ' + bytesText(rack.ledger.journal_bytes) + ' raw', trouble: '',
  }]);
}

/** Tells a screen reader what changed in kind; numbers that move every second are not read out. */
function announce(rack) {
  const said = [];
  for (const { id, word } of [
    ...rack.nodes.map((node) => ({ id: 'node ' + node.node, word: node.quality })),
    ...rack.points.map((point) => ({ id: point.point, word: point.quality })),
    ...rack.wires.map((wire) => ({ id: 'wire ' + wire.wire, word: wire.connected ? 'connected' : 'down' })),
  ]) {
    const before = words.get(id);
    if (before !== undefined && before !== word) said.push(id + ' is ' + word);
    words.set(id, word);
  }
  if (said.length > 0) say(at('said'), said.slice(0, 5).join(', '));
}

function show(rack) {
  newest = rack;
  newestAt = performance.now();
  showHeader(rack);
  showTiles(rack);
  showRacks(rack);
  showLists(rack);
  announce(rack);
  showLink();
}

function showLink() {
  const sinceMs = performance.now() - newestAt;
  const isLost = newest !== undefined && sinceMs > STALE_MS;
  const state = newest === undefined ? 'waiting' : isLost ? 'lost' : 'live';
  at('link').dataset.state = state;
  say(at('link-text'), { waiting: 'Connecting', lost: 'Not live', live: 'Live' }[state]);
  document.body.classList.toggle('stale', isLost);
  at('stale').hidden = !isLost;
  if (isLost) say(at('stale'), 'No news from the service: the numbers below are of ' + clockText(newest.at) + ' UTC and no longer live. Trying again.');
}

function follow(waitMs) {
  const source = new EventSource('/v1/live');
  source.addEventListener('rack', (event) => { waitMs = 1000; show(JSON.parse(event.data)); });
  source.addEventListener('error', () => {
    // A lost connection is taken up by the browser itself; a refusal is not, so we ask again, ever slower.
    if (source.readyState !== EventSource.CLOSED) return;
    source.close();
    setTimeout(() => { follow(Math.min(waitMs * 2, 15000)); }, waitMs);
  });
}

setInterval(showLink, 1000);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const part of racks.values()) for (const row of part.nodes.rows.values()) row.redraw();
});
follow(1000);
`;
