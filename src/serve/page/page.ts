// The rack page as served at `/`: a skeleton in words that stand on their own; rack.js fills it from the live stream.
// Tables keep their roles on a phone, where the style lays each row out as a card.

const head = (title: string, tip: string, name: string): string =>
  `<th role="columnheader" scope="col" class="${name}"><abbr title="${tip}">${title}</abbr></th>`;

const TIPS = {
  node: 'A machine whose chips report their own energy. Open it for its curves, its model and its totals.',
  wall: 'Power at the wall meters that feed this node: what the electricity bill sees.',
  chip: 'Power that the chips of this node report themselves: what software trackers see.',
  gap: 'What the chips do not see, as a share of the wall: 1 - chip / wall.',
  corrected:
    'Chip power carried to the wall by the fitted model, with its expanded uncertainty at 95 % coverage.',
  quality: 'How far the number may be believed. The words are explained at the foot of the page.',
} as const;

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Trueup</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 12h4l3-9 3 6h4' fill='none' stroke='%231f6feb' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/assets/uplot.css">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/uplot.js" defer></script>
<script src="/assets/rack.js" type="module"></script>
</head>
<body>
<header class="top">
  <div class="brand"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 12h4l3-9 3 6h4"/></svg><h1>Trueup <span id="site"></span></h1></div>
  <p id="rehearsal" class="rehearsal" hidden></p>
  <p class="clock"><time id="clock" title="Civil time of the newest refresh, UTC">—</time></p>
  <p id="link" class="link" data-state="waiting"><span class="dot" aria-hidden="true"></span><span id="link-text">Connecting</span></p>
</header>
<p id="stale" class="banner" role="alert" hidden></p>
<p id="said" class="unseen" role="status" aria-live="polite"></p>
<noscript><p class="banner">This page needs JavaScript to follow the rack. The same numbers are at <a href="/v1/rack">/v1/rack</a> and <a href="/metrics">/metrics</a>.</p></noscript>
<main>
  <dl id="tiles" class="tiles" aria-label="All racks"></dl>
  <p id="empty" class="empty">Waiting for the first refresh.</p>
  <div id="racks"></div>
  <section id="settled-part" class="card" hidden>
    <div class="title"><h2>Settled energy</h2><p>Newest interval statements in the ledger: these do not change; a correction is a new version.</p></div>
    <table role="table" class="plain settled">
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col">Interval (UTC)</th>
        <th role="columnheader" scope="col">Point</th>
        <th role="columnheader" scope="col"><abbr title="metered: by the wall meter; chip: as the chips report; corrected: chips carried to the wall; allocated: a share of a shared meter">Kind</abbr></th>
        <th role="columnheader" scope="col" class="number">Energy</th>
        <th role="columnheader" scope="col" class="number"><abbr title="Expanded uncertainty, 95 % coverage">± U</abbr></th>
        <th role="columnheader" scope="col">Quality</th>
        <th role="columnheader" scope="col" class="number"><abbr title="1, then one more with every re-settlement">Version</abbr></th>
        <th role="columnheader" scope="col" class="number"><abbr title="Its place in the Merkle log: what a proof refers to">Leaf</abbr></th>
      </tr></thead>
      <tbody role="rowgroup" id="settled"></tbody>
    </table>
  </section>
  <div class="pair">
    <section id="wires-part" class="card" hidden>
      <div class="title"><h2>Wires</h2><p>Where readings come in.</p></div>
      <ul id="wires" class="list"></ul>
    </section>
    <section id="sinks-part" class="card" hidden>
      <div class="title"><h2>Sinks and ledger</h2><p>Where settled energy is kept and goes.</p></div>
      <ul id="sinks" class="list"></ul>
    </section>
  </div>
</main>
<footer>
  <details>
    <summary>What the words mean</summary>
    <dl class="words">
      <dt>Wall</dt><dd>${TIPS.wall}</dd>
      <dt>Chip</dt><dd>${TIPS.chip}</dd>
      <dt>Gap</dt><dd>${TIPS.gap}</dd>
      <dt>Corrected ± U</dt><dd>${TIPS.corrected}</dd>
      <dt>actual</dt><dd>Read from a meter at the wall.</dd>
      <dt>verified</dt><dd>Actual, and checked against a second instrument.</dd>
      <dt>derived</dt><dd>Chips corrected by an accepted model. Never called actual.</dd>
      <dt>provisional</dt><dd>A model that has not passed all its gates, or an interval that waits for a reading behind it.</dd>
      <dt>scaled, interpolated, like-day</dt><dd>Estimates that fill a hole, by the method named.</dd>
      <dt>partial</dt><dd>Readings cover a part of the time only.</dd>
      <dt>missing, refused</dt><dd>There is no number, and the reason is stated. A dash is never a zero.</dd>
    </dl>
  </details>
  <nav aria-label="For programs"><a href="/v1/rack">Snapshot</a> <a href="/metrics">Metrics</a> <a href="/health">Health</a> <a href="/openapi.json">API</a></nav>
</footer>

<template id="rack-template">
  <section class="card rack">
    <div class="title"><h2></h2><p class="sum"></p>
      <p class="key" aria-hidden="true"><span class="wall">Wall</span><span class="corrected">Corrected</span><span class="chip">Chip</span></p></div>
    <table role="table" class="nodes">
      <thead role="rowgroup"><tr role="row">
        ${head('Node', TIPS.node, 'name')}
        <th role="columnheader" scope="col" class="curve">Last 10 min</th>
        ${head('Wall', TIPS.wall, 'number')}
        ${head('Chip', TIPS.chip, 'number')}
        ${head('Gap', TIPS.gap, 'number')}
        ${head('Corrected ± U', TIPS.corrected, 'number')}
        ${head('Quality', TIPS.quality, 'state')}
      </tr></thead>
      <tbody role="rowgroup"></tbody>
    </table>
    <table role="table" class="plain points">
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" scope="col">Metered point</th>
        <th role="columnheader" scope="col" class="number"><abbr title="${TIPS.wall.replace('this node', 'what hangs on this point')}">Wall</abbr></th>
        <th role="columnheader" scope="col" class="number"><abbr title="Since the last good reading">Age</abbr></th>
        <th role="columnheader" scope="col">Meter</th>
        <th role="columnheader" scope="col"><abbr title="The device profile by which its registers are read">Profile</abbr></th>
        <th role="columnheader" scope="col">Quality</th>
      </tr></thead>
      <tbody role="rowgroup"></tbody>
    </table>
  </section>
</template>
<template id="node-template">
  <tr role="row" class="node">
    <th role="rowheader" scope="row" class="name"><button type="button" aria-expanded="false"><span class="label"></span></button><small class="kind"></small></th>
    <td role="cell" class="curve"><div class="spark"></div></td>
    <td role="cell" class="number wall" data-title="Wall"></td>
    <td role="cell" class="number chip" data-title="Chip"></td>
    <td role="cell" class="number gap" data-title="Gap"><span class="figure"></span><span class="bar" aria-hidden="true"><i></i></span></td>
    <td role="cell" class="number corrected" data-title="Corrected ± U"></td>
    <td role="cell" class="state"><span class="badge"></span><small class="why"></small></td>
  </tr>
</template>
<template id="detail-template">
  <tr role="row" class="detail"><td role="cell" colspan="7"><div class="large"></div><dl></dl></td></tr>
</template>
</body>
</html>
`;
