// The Prometheus text format, version 0.0.4: families with one HELP and one TYPE each, escaped labels, no timestamps.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Decimal text, or a finite number. Left out by whoever does not know it: there is no 0 or NaN for that. */
  readonly reading: number | string;
}

export interface Family {
  /** Ends in `_total` exactly where `type` is counter; the unit comes before that. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly series: readonly Series[];
}

/** One scrape. A family without series is left out whole. */
export const expositionText = (families: readonly Family[]): string =>
  families
    .filter(({ series }) => series.length > 0)
    .map(
      ({ name, type, help, series }) =>
        `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n` +
        series.map(({ labels, reading }) => `${name}${labelText(labels)} ${reading}\n`).join(''),
    )
    .join('');

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

// A lone carriage return would end the line for some scrapers, and the format has no escape for it.
const escapeLabel = (text: string): string =>
  escapeHelp(text).replaceAll('"', '\\"').replaceAll('\r', ' ');
