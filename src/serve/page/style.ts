// How the rack page looks: quiet surfaces, one hue per curve, figures in columns that do not jump. Light and dark by the
// reader's system; below 760 px each row of a table becomes a card.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f3f5f8; --card: #ffffff; --ink: #16202d; --soft: #566476; --line: #e2e7ee; --hover: #f7f9fc;
  --wall: #1f5fd0; --corrected: #0b7f64; --chip: #c2610c;
  --good: #0b7f64; --good-ground: #e3f4ef; --note: #8a5a00; --note-ground: #fdf1d8;
  --bad: #b3261e; --bad-ground: #fce8e6; --calm: #47566a; --calm-ground: #eaeef4;
  --act: #6b3fa0; --act-ground: #f0e8fa;
  --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 4px 16px rgb(20 30 50 / 4%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1319; --card: #161d26; --ink: #e6ecf3; --soft: #97a6b8; --line: #26303c; --hover: #1a222d;
    --wall: #6ea8ff; --corrected: #45cfa9; --chip: #f0a35c;
    --good: #5fd9b6; --good-ground: #113229; --note: #f0c060; --note-ground: #35290f;
    --bad: #ff8f86; --bad-ground: #3d1a18; --calm: #a9b8ca; --calm-ground: #232d3a;
    --act: #c9a6f5; --act-ground: #2d2140; --shadow: none;
  }
}
* { box-sizing: border-box; margin: 0; }
html { -webkit-text-size-adjust: 100%; }
body { background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
[hidden] { display: none !important; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
a { color: var(--wall); text-underline-offset: 2px; }
abbr[title] { text-decoration: none; cursor: help; border-bottom: 1px dotted color-mix(in srgb, var(--soft) 60%, transparent); }
:focus-visible { outline: 2px solid var(--wall); outline-offset: 2px; border-radius: 4px; }

.top { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: 6px 16px; padding: 12px clamp(14px, 3vw, 32px); background: color-mix(in srgb, var(--card) 92%, transparent); backdrop-filter: blur(8px); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 10px; margin-right: auto; min-width: 0; }
.brand svg { width: 22px; height: 22px; flex: none; }
.brand path { fill: none; stroke: var(--wall); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
h1 { font-size: 17px; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
#site { font-weight: 400; color: var(--soft); margin-left: 4px; }
.clock { color: var(--soft); white-space: nowrap; }
.link { display: flex; align-items: center; gap: 7px; font-size: 13px; color: var(--soft); }
.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--soft); }
.link[data-state="live"] .dot { background: var(--good); }
.link[data-state="lost"] .dot { background: var(--bad); }
.link[data-state="lost"] { color: var(--bad); font-weight: 600; }
.rehearsal { padding: 3px 11px; border-radius: 99px; background: var(--act-ground); color: var(--act); font-size: 13px; border: 1px dashed currentColor; white-space: nowrap; }
.rehearsal b { letter-spacing: 0.06em; }
.banner { padding: 10px clamp(14px, 3vw, 32px); background: var(--bad-ground); color: var(--bad); font-weight: 550; }
.stale main { opacity: 0.55; filter: grayscale(0.6); }

main { max-width: 1320px; margin: 0 auto; padding: 20px clamp(12px, 3vw, 32px) 8px; display: grid; gap: 18px; }
#racks { display: grid; gap: 18px; }
#racks:empty { display: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 16px 0 6px; min-width: 0; overflow: hidden; }
.empty { color: var(--soft); text-align: center; padding: 48px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 13px 16px; display: flex; flex-direction: column; min-width: 0; }
.tile dt { font-size: 13px; color: var(--soft); }
.tile dd { font-size: 26px; font-weight: 620; letter-spacing: -0.02em; line-height: 1.25; white-space: nowrap; }
.tile dd.note { font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--soft); white-space: normal; line-height: 1.4; }
.tile dd .unit { font-size: 15px; font-weight: 450; color: var(--soft); letter-spacing: 0; }

.title { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 14px; padding: 0 18px 8px; }
.title p { color: var(--soft); font-size: 13px; }
h2 { font-size: 16px; font-weight: 640; letter-spacing: -0.01em; overflow-wrap: anywhere; }
.title .key { margin-left: auto; display: flex; gap: 14px; }
.key span::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; background: var(--soft); }
.key .wall::before { background: var(--wall); } .key .corrected::before { background: var(--corrected); } .key .chip::before { background: var(--chip); }

table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: 9px 10px; vertical-align: middle; font-weight: 400; }
th:first-child, td:first-child { padding-left: 18px; } th:last-child, td:last-child { padding-right: 18px; }
thead th { font-size: 12.5px; color: var(--soft); padding-top: 4px; padding-bottom: 6px; white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
.unit { color: var(--soft); font-size: 0.82em; font-weight: 400; }
.number.unknown, .nodes td.number.unknown, .unknown { color: var(--soft); font-weight: 400; }
.unknown + .bar { visibility: hidden; }
small { display: block; font-size: 12.5px; color: var(--soft); }
.nodes { table-layout: fixed; }
.nodes .name { width: 19%; } .nodes th.curve { width: 21%; } .nodes th.number { width: 9.5%; } .nodes th.number:nth-child(6) { width: 14%; }
.nodes td.number { font-size: 17px; }
.nodes .wall { color: var(--wall); font-weight: 620; } .nodes .chip { color: var(--chip); } .nodes .corrected { color: var(--corrected); }
.corrected .u { display: block; font-size: 13px; color: var(--soft); }
.node:hover { background: var(--hover); }
.node button { all: unset; cursor: pointer; display: inline-flex; align-items: center; gap: 8px; max-width: 100%; font-weight: 600; overflow-wrap: anywhere; }
.node button:focus-visible { outline: 2px solid var(--wall); outline-offset: 3px; border-radius: 4px; }
.node button::before { content: ""; flex: none; width: 7px; height: 7px; border-right: 2px solid var(--soft); border-bottom: 2px solid var(--soft); transform: rotate(-45deg); transition: transform 0.15s; }
.node button[aria-expanded="true"]::before { transform: rotate(45deg) translate(-1px, -1px); }
.node .kind { padding-left: 17px; overflow-wrap: anywhere; }
.spark { height: 46px; min-width: 0; }
.bar { display: block; margin: 4px 0 0 auto; width: 100%; max-width: 76px; height: 4px; border-radius: 2px; background: var(--calm-ground); overflow: hidden; }
.bar i { display: block; height: 100%; width: 0; background: var(--soft); border-radius: 2px; }
.badge { display: inline-flex; align-items: center; gap: 6px; padding: 2px 10px 2px 8px; border-radius: 99px; font-size: 13px; background: var(--calm-ground); color: var(--calm); white-space: nowrap; }
.badge::before { content: attr(data-mark); content: attr(data-mark) / ""; font-size: 11px; line-height: 1; }
.badge[data-tone="good"] { background: var(--good-ground); color: var(--good); }
.badge[data-tone="note"] { background: var(--note-ground); color: var(--note); }
.badge[data-tone="bad"] { background: var(--bad-ground); color: var(--bad); }
.state .why { margin-top: 3px; line-height: 1.35; }
.detail, .detail:hover { background: var(--hover); }
tr.detail { border-top: 0; }
.detail td { padding: 6px 18px 16px; }
.large { min-height: 226px; }
.detail dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px 24px; margin-top: 10px; font-size: 14px; }
.detail dt { color: var(--soft); font-size: 12.5px; } .detail dd { overflow-wrap: anywhere; }
.points { margin-top: 10px; }
.points thead tr { border-top: 1px solid var(--line); } .points thead th { padding-top: 10px; }
.plain td { font-size: 14px; padding-top: 6px; padding-bottom: 6px; overflow-wrap: anywhere; }
.plain td.number, .settled td:first-child { overflow-wrap: normal; white-space: nowrap; }

.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 18px; align-items: start; }
.list { list-style: none; padding: 0; }
.list li { display: grid; grid-template-columns: 1fr auto; gap: 0 12px; padding: 9px 18px; border-top: 1px solid var(--line); }
.list small { grid-column: 1 / -1; overflow-wrap: anywhere; } .list .trouble { color: var(--bad); }
footer { max-width: 1320px; margin: 0 auto; padding: 14px clamp(12px, 3vw, 32px) 40px; display: flex; flex-wrap: wrap; gap: 12px 24px; justify-content: space-between; color: var(--soft); font-size: 14px; }
footer details { flex: 1 1 320px; } summary { cursor: pointer; width: fit-content; } footer nav { display: flex; gap: 16px; }
.words { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin-top: 10px; max-width: 820px; }
.words dt { color: var(--ink); } .words dd { min-width: 0; }

.uplot, .u-wrap { font-family: inherit; }
.u-legend.u-inline { color: var(--soft); font-size: 13px; width: auto; text-align: left; margin: 2px 0 0 58px; }
.u-legend tbody tr { border: 0; } .u-legend .u-series > th, .u-legend .u-series > td { padding: 2px 3px; } .u-legend .u-series { margin-right: 16px; } .u-legend .u-edge { display: none; } .u-legend th { font-weight: 450; } .u-legend .u-value { color: var(--ink); min-width: 4.6em; display: inline-block; }
.u-hz .u-cursor-x, .u-hz .u-cursor-y { border-color: var(--soft); }

@media (max-width: 1000px) and (min-width: 761px) {
  .nodes th.curve, .nodes td.curve { display: none; } .nodes .name { width: 24%; } .nodes th.number { width: 12%; } .nodes th.number:nth-child(6) { width: 17%; }
}
@media (max-width: 760px) {
  .top { padding-top: 10px; padding-bottom: 10px; }
  .tiles { grid-template-columns: 1fr 1fr; } .tile dd { font-size: 21px; } .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .title .key { margin-left: 0; width: 100%; padding-top: 4px; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody { display: block; }
  .node { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 14px; padding: 12px 16px; }
  .node > * , .node > *:first-child, .node > *:last-child { padding: 0; width: auto; }
  .nodes .name { grid-column: 1; width: auto; } .node .state { grid-column: 1 / -1; } .node .curve { grid-column: 1 / -1; }
  .node td.number { text-align: left; } .bar { margin-left: 0; }
  .node td.number::before, .plain td[data-title]::before { content: attr(data-title); display: block; font-size: 12.5px; color: var(--soft); font-weight: 400; }
  .detail, .detail td { display: block; } .detail td { padding: 4px 16px 16px; }
  .plain tr { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 14px; padding: 11px 16px; }
  .plain td, .plain th, .plain td:first-child, .plain td:last-child { padding: 0; text-align: left; }
  .plain td.wide, .plain td.state { grid-column: 1 / -1; } .plain td.wide { font-weight: 600; }
  .u-legend.u-inline { margin-left: 0; } .settled td:first-child { white-space: normal; }
  .list li { padding: 9px 16px; } .title { padding: 0 16px 8px; }
  .words { grid-template-columns: 1fr; } .words dd { margin-bottom: 6px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
