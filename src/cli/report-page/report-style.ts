// How the report looks: calm type in one column that fits A4, colours that those who confuse red and green can tell apart
// (after Okabe and Ito), shapes beside colours, light or dark by the reader's system, and always light on paper.

export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1a212b; --soft: #5b6675; --line: #d9dfe7; --faint: #eef1f5; --panel: #f6f8fa;
  --s0: #0072b2; --s1: #d98200; --s2: #009e73; --s3: #c8451b; --s4: #8e5fb0; --s5: #4a5565;
  --model: #c8451b; --band: #0072b2; --band-strength: 0.13; --valid: #009e73;
  --good: #00674b; --good-ground: #e2f3ed; --note: #7a4f00; --note-ground: #fcefd6; --bad: #a32a12; --bad-ground: #fbe7e1; --act: #6b3fa0; --act-ground: #f0e8fa;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #11161d; --ink: #e4eaf1; --soft: #9aa7b6; --line: #2c3643; --faint: #1c242e; --panel: #171e27;
    --s0: #56b4e9; --s1: #f0ad3d; --s2: #35c79d; --s3: #ff8a5c; --s4: #c79be6; --s5: #b3bfcc;
    --model: #ff8a5c; --band: #56b4e9; --band-strength: 0.2; --valid: #35c79d;
    --good: #5fd9b6; --good-ground: #10332a; --note: #f0c060; --note-ground: #38290c; --bad: #ff9d80; --bad-ground: #3d1d14; --act: #c9a6f5; --act-ground: #2d2140;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 800px; padding: 36px 40px 60px; background: var(--ground); color: var(--ink); font: 15px/1.55 "Source Sans 3", "Source Sans Pro", "Noto Sans", system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums lining-nums; }
article { counter-reset: section; }
article + article { margin-top: 72px; border-top: 2px solid var(--ink); padding-top: 36px; }
p { margin: 0 0 12px; }
code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", monospace; font-size: 0.86em; }
code { overflow-wrap: anywhere; }
pre { margin: 0 0 14px; padding: 10px 14px; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.kicker { margin: 0 0 2px; color: var(--soft); font-size: 13px; letter-spacing: 0.02em; }
h1 { margin: 0 0 8px; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em; overflow-wrap: anywhere; }
.meta { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; color: var(--soft); font-size: 13.5px; margin-bottom: 18px; }
.badge { padding: 1px 11px; border-radius: 99px; font-weight: 600; font-size: 13px; }
.badge.audit, .badge.accepted { background: var(--good-ground); color: var(--good); }
.badge.provisional { background: var(--note-ground); color: var(--note); }
.badge.refused { background: var(--bad-ground); color: var(--bad); }
.rehearsal { padding: 10px 14px; border: 1px dashed var(--act); border-radius: 6px; background: var(--act-ground); color: var(--act); }
.lead { font-size: 17px; line-height: 1.5; margin-bottom: 20px; text-wrap: pretty; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0; margin: 0 0 8px; border: 1px solid var(--line); border-radius: 8px; }
.tiles > div { padding: 12px 14px; min-width: 0; }
.tiles > div + div { border-left: 1px solid var(--line); }
.tiles dt { font-size: 12.5px; color: var(--soft); }
.tiles dd { margin: 2px 0 0; font-size: 20px; white-space: nowrap; line-height: 1.25; font-weight: 620; letter-spacing: -0.01em; }
.tiles dd.note { white-space: normal; font-size: 12.5px; line-height: 1.4; font-weight: 400; letter-spacing: 0; color: var(--soft); }
.tiles .absent { font-size: 14px; font-weight: 400; }
section { margin-top: 38px; counter-increment: section; }
h2 { margin: 0 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); font-size: 19px; line-height: 1.3; font-weight: 640; letter-spacing: -0.01em; }
h2::before { content: counter(section); display: inline-block; min-width: 1.75em; color: var(--soft); font-weight: 400; }
h3 { margin: 24px 0 6px; font-size: 15px; font-weight: 640; }
.note, figcaption { color: var(--soft); font-size: 13px; line-height: 1.5; }
.absent { color: var(--soft); font-style: italic; }
.absent.box { padding: 10px 14px; border: 1px dashed var(--line); border-radius: 6px; font-size: 13.5px; }
.equation { margin: 14px 0 16px; padding: 14px 18px; background: var(--panel); border-radius: 8px; font-family: "STIX Two Text", "Source Serif 4", Cambria, Georgia, "Noto Serif", "DejaVu Serif", serif; font-size: 20px; text-align: center; overflow-wrap: anywhere; }
.equation span { white-space: nowrap; }
.equation sub { font-size: 0.62em; }
sub, sup { line-height: 0; }
.open { margin: 0 0 12px; padding-left: 20px; } .open li { overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: 0 0 12px; font-size: 13.5px; line-height: 1.45; }
th, td { padding: 6px 10px 6px 0; text-align: left; vertical-align: top; font-weight: 400; border-bottom: 1px solid var(--faint); overflow-wrap: break-word; }
.name, .facts td { overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: 12.5px; border-bottom-color: var(--line); vertical-align: bottom; overflow-wrap: normal; }
.facts th { width: 190px; color: var(--soft); overflow-wrap: normal; }
.number { text-align: right; padding-left: 6px; overflow-wrap: normal; }
td.number { white-space: nowrap; }
.number .absent { white-space: normal; font-size: 12px; }
td .note { font-size: 12.5px; line-height: 1.4; display: block; }
.state { white-space: nowrap; } .state.passed { color: var(--good); } .state.open { color: var(--note); font-weight: 600; }
.hash { font-size: 10.5px; }
.wide { overflow-x: auto; }
.wide td .note { min-width: 150px; }
figure { margin: 6px 0 18px; }
figcaption { margin-top: 4px; text-wrap: pretty; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin-bottom: 4px; color: var(--ink); font-size: 12.5px; }
.legend > span { display: inline-flex; align-items: center; gap: 5px; overflow-wrap: anywhere; }
.swatch { width: 20px; height: 12px; flex: none; }
.plot { display: block; width: 100%; height: auto; overflow: visible; }
.beside { display: grid; grid-template-columns: 400px 1fr; gap: 12px 30px; align-items: start; }
.beside > * { min-width: 0; }
.plot text { font-size: 12px; fill: var(--soft); }
.plot .names text { fill: var(--ink); font-size: 12.5px; }
.plot .row { fill: var(--ink); font-size: 12px; }
.plot .quiet { font-size: 11px; }
.grid line { stroke: var(--faint); stroke-width: 1; }
.frame line { stroke: var(--line); stroke-width: 1; }
.point { stroke: none; fill-opacity: 0.78; }
.point.s0 { fill: var(--s0); } .point.s1 { fill: var(--s1); } .point.s2 { fill: var(--s2); } .point.s3 { fill: var(--s3); } .point.s4 { fill: var(--s4); } .point.s5 { fill: var(--s5); }
.point.unnamed { fill: var(--soft); fill-opacity: 0.4; }
.model { fill: none; stroke: var(--model); stroke-width: 2; stroke-linejoin: round; }
.extrapolated { fill: none; stroke: var(--model); stroke-width: 1.5; stroke-dasharray: 4 4; }
.trail { fill: none; stroke: var(--soft); stroke-width: 1; stroke-opacity: 0.55; stroke-linejoin: round; }
.band { fill: var(--band); fill-opacity: var(--band-strength); stroke: none; }
.bar { fill: var(--s0); } .bar.out { fill: var(--s3); }
.valid { fill: var(--valid); fill-opacity: 0.06; stroke: none; }
.zero { stroke: var(--ink); stroke-width: 1; stroke-opacity: 0.55; }
.found { stroke: var(--s3); stroke-width: 1.3; stroke-dasharray: 5 3; }
.seam { stroke: var(--line); stroke-width: 1; stroke-dasharray: 2 3; }
.day { stroke: var(--soft); stroke-width: 1; stroke-opacity: 0.6; }
.whisker { stroke: var(--s0); stroke-width: 1; stroke-opacity: 0.7; }
.words { display: grid; grid-template-columns: 150px 1fr; gap: 6px 18px; margin: 0; font-size: 13.5px; }
.words dt { font-weight: 600; } .words dd { margin: 0; }
footer { margin-top: 44px; padding-top: 12px; border-top: 1px solid var(--line); color: var(--soft); font-size: 12.5px; }
@media screen and (max-width: 700px) {
  body { padding: 20px 16px 40px; }
  .tiles { grid-template-columns: 1fr 1fr; } .tiles > div:nth-child(3) { border-left: 0; } .tiles > div:nth-child(n + 3) { border-top: 1px solid var(--line); }
  .beside { grid-template-columns: 1fr; }
  .facts th { width: 120px; }
  .words { grid-template-columns: 1fr; gap: 0; } .words dd { margin-bottom: 8px; }
}
@page { size: A4; margin: 17mm 16mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9px sans-serif; color: #5b6675; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  section { margin-top: 24px; }
  table { font-size: 9.4pt; } th, td { padding-top: 4px; padding-bottom: 4px; }
  footer { margin-top: 20px; break-inside: avoid; break-before: avoid; }
  .wide.short, .facts, figure, tr, .tiles, .equation, pre, .rehearsal { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
  article + article { break-before: page; }
  .beside { grid-template-columns: 350px 1fr; }
}
`;
