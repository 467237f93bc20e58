// The report in a real browser: it loads from a file without a word of complaint, runs nothing, every plot has a size, no
// text of a plot is cut or lies over another, and it prints.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { findProgram, testWith } from '../real-programs.ts';
import {
  documentOf,
  fitOne,
  fitType,
  run,
  writeDocument,
  type Document,
} from './report-samples.ts';

const program = findProgram('chromium');
const testPage = testWith({ chromium: program });
const folder = mkdtempSync(join(tmpdir(), 'trueup-report-page-'));
const pages = {
  one: join(folder, 'one.html'),
  type: join(folder, 'type.html'),
  evil: join(folder, 'evil.html'),
};
let browser: Browser | undefined;

beforeAll(async () => {
  if (program === undefined) return;
  const one = await fitOne(folder);
  const type = await fitType(folder);
  const evil = documentOf(one);
  (evil['models'] as Document[])[0]!['node'] =
    '</title></style></h1><script>document.title = "run"</script><svg onload="alert(1)">';
  const bent = writeDocument(join(folder, 'evil.json'), evil);
  for (const [model, out] of [
    [one, pages.one],
    [type, pages.type],
    [bent, pages.evil],
  ] as const) {
    const ran = await run('report', '--model', model, '--out', out);
    if (ran.code !== 0) throw new Error(ran.err);
  }
  browser = await chromium.launch({
    executablePath: program,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  readonly complaints: string[];
  readonly asked: string[];
}

async function open(
  path: string,
  width = 900,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Opened> {
  const page = await browser!.newPage({ viewport: { width, height: 900 }, colorScheme });
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(pathToFileURL(path).href);
  return { page, complaints, asked };
}

/** Texts of plots that leave their plot by more than 2 px, or lie over one another. Runs in the browser. */
const TROUBLES = `[...document.querySelectorAll('svg.plot')].flatMap((plot) => {
  const paper = plot.getBoundingClientRect();
  const texts = [...plot.querySelectorAll('text')].filter((each) => each.textContent !== '');
  const boxes = texts.map((each) => each.getBoundingClientRect());
  return boxes.flatMap((a, index) => {
    const cut = a.left < paper.left - 2 || a.right > paper.right + 2 || a.top < paper.top - 2 || a.bottom > paper.bottom + 2;
    const over = boxes.slice(index + 1).flatMap((b, other) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      return wide > 1 && high > 3 ? [texts[index].textContent + ' over ' + texts[index + 1 + other].textContent] : [];
    });
    return [...(cut ? ['cut: ' + texts[index].textContent] : []), ...over];
  });
})`;
const SIZES = `[...document.querySelectorAll('svg')].map((each) => {
  const { width, height } = each.getBoundingClientRect();
  return { width, height };
})`;
const INK_AND_GROUND = `(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))`;
const WIDTH = 'document.documentElement.scrollWidth';

describe('the report', () => {
  testPage.each(['one', 'type'] as const)(
    'of %s loads, complains of nothing and shows every plot',
    async (name) => {
      const { page, complaints, asked } = await open(pages[name]);
      const sizes = await page.evaluate<{ width: number; height: number }[]>(SIZES);
      expect(sizes.length).toBeGreaterThan(10);
      for (const size of sizes) {
        expect(size.width).toBeGreaterThan(10);
        expect(size.height).toBeGreaterThan(8);
      }
      expect(await page.evaluate(TROUBLES)).toEqual([]);
      expect(await page.evaluate(WIDTH)).toBeLessThanOrEqual(900);
      expect(complaints).toEqual([]);
      expect(asked).toHaveLength(1);
      await page.close();
    },
  );

  testPage('prints on A4', async () => {
    const { page } = await open(pages.one);
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const sheets = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? [];
    expect(sheets.length).toBeGreaterThanOrEqual(1);
    expect(sheets.length).toBeLessThan(20);
    const [, width = '', height = ''] =
      /\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/.exec(pdf.toString('latin1')) ?? [];
    // 210 mm by 297 mm in points.
    expect(Math.abs(Number(width) - 595.3)).toBeLessThan(2);
    expect(Math.abs(Number(height) - 841.9)).toBeLessThan(2);
    await page.close();
  });

  testPage('is legible in the dark, on paper and on a phone', async () => {
    const inkAndGround = (page: Page): Promise<string[]> => page.evaluate(INK_AND_GROUND);
    const light = await open(pages.one);
    const dark = await open(pages.one, 390, 'dark');
    const onScreen = await inkAndGround(light.page);
    expect(await inkAndGround(dark.page)).not.toEqual(onScreen);
    await dark.page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await inkAndGround(dark.page)).toEqual(onScreen);
    await dark.page.emulateMedia({ media: 'screen' });
    expect(await dark.page.evaluate(WIDTH)).toBeLessThanOrEqual(390);
    await light.page.close();
    await dark.page.close();
  });

  testPage('runs nothing that a name holds', async () => {
    const { page, complaints } = await open(pages.evil);
    expect(await page.title()).toContain('<script>');
    expect(await page.locator('h1').innerText()).toContain('</title>');
    expect(await page.evaluate('document.scripts.length')).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
