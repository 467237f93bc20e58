// A settlement as one printable page: every line with its uncertainty, where the numbers come from, and how to check them.
// Nothing is loaded from elsewhere, and the same settlement gives the same bytes.
import { QUALITY_CODES } from './quality-codes.ts';
import type { LineJson } from './settlement-json.ts';
import { escapeXml } from './xml-text.ts';

export interface StatementPage {
  readonly document: LineJson;
  readonly lines: readonly LineJson[];
  /** Undefined shows all accounts. */
  readonly account: string | undefined;
  readonly origin: string;
  readonly leaf: number;
  /** Name of the file that has the proof, beside the page. */
  readonly proofFile: string;
}

const said = (line: LineJson, name: string): string => {
  const found = line[name];
  return typeof found === 'string' || typeof found === 'number' ? escapeXml(String(found)) : '';
};

const STYLE = `body{font:11pt/1.4 serif;max-width:60em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;width:100%;margin:1em 0;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #999;padding:.2em .5em;text-align:left}td.n,th.n{text-align:right}
.hash{font-family:monospace;font-size:9pt;overflow-wrap:anywhere}.warning{border:2px solid;padding:.5em}
@media print{body{margin:0}}`;

const row = (cells: readonly string[], numbersFrom: number, tag: 'td' | 'th' = 'td'): string =>
  `<tr>${cells.map((cell, at) => `<${tag}${at >= numbersFrom ? ' class="n"' : ''}>${cell}</${tag}>`).join('')}</tr>\n`;

const COLUMNS = ['line', 'meter', 'time of use', 'kWh or kW', 'U (95 %)', 'price', 'amount'];

function lineRow(line: LineJson): string {
  const cells = (name: string, quantity: string, uncertainty: string): readonly string[] => [
    name,
    said(line, 'meter'),
    said(line, 'bucket'),
    quantity,
    uncertainty,
    said(line, 'price'),
    said(line, 'amount'),
  ];
  switch (line['line']) {
    case 'energy':
      return row(cells('energy', said(line, 'kwh'), `± ${said(line, 'u_kwh')}`), 3);
    case 'uplift':
      return row(cells(`uplift × ${said(line, 'factor')}`, said(line, 'kwh'), 'by agreement'), 3);
    case 'demand':
      return row(
        cells(
          `peak, 15 min from ${said(line, 'start')}`,
          said(line, 'kw'),
          `± ${said(line, 'u_w')} W`,
        ),
        3,
      );
    case 'remainder':
      return row(cells('rounding, exact', `${said(line, 'energy_uj')} µJ`, ''), 3);
    case 'difference':
      return row(
        cells(`difference of ${said(line, 'of')}`, said(line, 'kwh') || said(line, 'kw'), ''),
        3,
      );
    case 'total': {
      const name = `<strong>total ${said(line, 'currency')}</strong>`;
      const u = `± ${said(line, 'u_kwh')} (k = ${said(line, 'k')}, ν = ${said(line, 'dof')})`;
      return row(cells(name, `<strong>${said(line, 'kwh')}</strong>`, u), 3);
    }
    default:
      return '';
  }
}

function qualityRows(total: LineJson): string {
  const shares = total['quality_uj'];
  if (typeof shares !== 'object' || shares === null) return '';
  return Object.entries(shares)
    .map(([quality, energyUj]) => {
      const codes = Object.entries(QUALITY_CODES).find(([word]) => word === quality)?.[1];
      const espi = codes?.espiCode === undefined ? '' : String(codes.espiCode);
      return row([escapeXml(quality), espi, codes?.aemo ?? '', escapeXml(String(energyUj))], 3);
    })
    .join('');
}

function accountSection(account: string, lines: readonly LineJson[]): string {
  const own = lines.filter((line) => line['account'] === account);
  const total = own.find(({ line }) => line === 'total');
  return `<h2>${escapeXml(account)}</h2>
<table>${row(COLUMNS, 3, 'th')}${own.map(lineRow).join('')}</table>
${total ? `<table>${row(['quality', 'ESPI', 'AEMO', 'µJ'], 3, 'th')}${qualityRows(total)}</table>` : ''}
`;
}

function meterTable(lines: readonly LineJson[], meters: ReadonlySet<string>): string {
  const rows = lines
    .filter((line) => line['line'] === 'meter' && meters.has(String(line['meter'])))
    .map((line) =>
      row(
        [
          said(line, 'meter'),
          `${said(line, 'certificate')} ${said(line, 'certificate_id')}`,
          `<span class="hash">${said(line, 'statements_sha256')}</span>`,
          `${said(line, 'settled')} of ${said(line, 'expected')}`,
          said(line, 'measured_uj'),
        ],
        3,
      ),
    );
  const head = ['meter', 'certificate', 'SHA-256 over its statements', 'intervals', 'µJ'];
  return `<table>${row(head, 3, 'th')}${rows.join('')}</table>`;
}

export function statementHtml(page: StatementPage): string {
  const { document, lines, account } = page;
  const accounts = [
    ...new Set(
      lines.flatMap((line) => (typeof line['account'] === 'string' ? line['account'] : [])),
    ),
  ]
    .filter((id) => account === undefined || id === account)
    .sort();
  const meters = new Set(
    lines
      .filter((line) => accounts.includes(String(line['account'])))
      .map((line) => String(line['meter'])),
  );
  const title = `${said(document, 'settlement')}, ${said(document, 'from')} to ${said(document, 'until')}`;
  const warnings = [
    ...(document['rehearsal'] === true
      ? ['REHEARSAL: no number of this page may be billed or cited.']
      : []),
    ...(document['standing'] === 'final'
      ? []
      : ['Provisional: a gate of completeness or of unaccounted energy did not let it pass.']),
    ...(said(document, 'supersedes') === ''
      ? []
      : [`Replaces an earlier version by a difference: ${said(document, 'reason')}`]),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head><body>
<h1>${title}</h1>
<p>Site ${said(document, 'site')}, version ${said(document, 'version')}, ${said(document, 'standing')}; civil time ${said(document, 'zone')}, instants UTC.</p>
${warnings.map((text) => `<p class="warning">${text}</p>\n`).join('')}${accounts.map((id) => accountSection(id, lines)).join('')}
<h2>Meters</h2>
${meterTable(lines, meters)}
<p>Energy is exact in microjoules; kWh, kW and money are rounded once per line, half to even. U is expanded for 95.45 %. A meter without a
valid certificate is stated by its accuracy class. This is no legal-metrology approval, and no accuracy beyond that of the meters.</p>
<h2>Proof</h2>
<p>Leaf ${String(page.leaf)} of the log <span class="hash">${escapeXml(page.origin)}</span>; root of the lines
<span class="hash">${said(document, 'lines_root')}</span>; core <span class="hash">${said(document, 'core')}</span>.
The proof is <a href="${escapeXml(page.proofFile)}">${escapeXml(page.proofFile)}</a>; check it without us:</p>
<pre>trueup ledger verify ${escapeXml(page.proofFile)} --policy policy</pre>
</body></html>
`;
}
