// The files of the rack page. Ours are text modules, so that the compiler carries them into dist; the plot library comes
// from its package as it was published. All are read once at start: nothing of a request ever names a path.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { FORMAT_SCRIPT } from './page/format-script.ts';
import { NODE_ROW_SCRIPT } from './page/node-row-script.ts';
import { PAGE } from './page/page.ts';
import { PLOT_SCRIPT } from './page/plot-script.ts';
import { RACK_SCRIPT } from './page/rack-script.ts';
import { ROWS_SCRIPT } from './page/rows-script.ts';
import { STYLE } from './page/style.ts';

export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly text: string;
  readonly etag: string;
}

const require = createRequire(import.meta.url);

/** The page and its parts, with the path each is served at. */
export function pageFiles(): readonly PageFile[] {
  const html = 'text/html; charset=utf-8';
  const script = 'text/javascript; charset=utf-8';
  const style = 'text/css; charset=utf-8';
  return [
    file('/', html, PAGE),
    file('/assets/style.css', style, STYLE),
    file('/assets/format.js', script, FORMAT_SCRIPT),
    file('/assets/rows.js', script, ROWS_SCRIPT),
    file('/assets/node-row.js', script, NODE_ROW_SCRIPT),
    file('/assets/plot.js', script, PLOT_SCRIPT),
    file('/assets/rack.js', script, RACK_SCRIPT),
    file('/assets/uplot.js', script, fromPackage('uplot/dist/uPlot.iife.min.js')),
    file('/assets/uplot.css', style, fromPackage('uplot/dist/uPlot.min.css')),
  ];
}

const file = (path: string, type: string, text: string): PageFile => ({
  path,
  type,
  text,
  etag: `"${createHash('sha256').update(text).digest('hex').slice(0, 24)}"`,
});

const fromPackage = (specifier: string): string => readFileSync(require.resolve(specifier), 'utf8');

/** The version in package.json, which lies two folders up both in src and in dist. */
export function packageVersion(): string {
  const parsed: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) {
    return String(parsed.version);
  }
  throw new Error('package.json names no version');
}
