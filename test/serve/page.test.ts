// The rack page in a real browser: it shows what the rack says, follows it, says so when it cannot, and takes nothing a
// name says for markup.
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { systemClock, systemTimers } from '../../src/cli/system-clock.ts';
import { watts } from '../../src/quantity/units.ts';
import { startServer } from '../../src/serve/server.ts';
import { findProgram, freePort, testWith } from '../real-programs.ts';
import { FakeRack, accepted, lost, snapshotOf } from './fake-rack.ts';
import { afterwards } from './test-app.ts';

const program = findProgram('chromium');
const testPage = testWith({ chromium: program });
let browser: Browser | undefined;

beforeAll(async () => {
  if (program === undefined) return;
  browser = await chromium.launch({
    executablePath: program,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});
afterAll(async () => {
  await browser?.close();
});

async function openPage(
  live = new FakeRack(),
  look: { width?: number; colorScheme?: 'light' | 'dark'; port?: number } = {},
) {
  const server = await startServer({
    host: '127.0.0.1',
    port: look.port ?? 0,
    live,
    clock: systemClock(),
    timers: systemTimers,
  });
  afterwards(() => server.close());
  const page = await browser!.newPage({
    viewport: { width: look.width ?? 1280, height: 900 },
    colorScheme: look.colorScheme ?? 'light',
  });
  afterwards(() => page.close());
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(server.url);
  await page.waitForSelector('.node, #empty:not([hidden])');
  return { live, server, page, complaints, asked };
}

const rowOf = (page: Page, node: string) => page.locator('tr.node', { hasText: node });
const textOf = async (page: Page, node: string, cell: string) =>
  (await rowOf(page, node).locator(`td.${cell}`).innerText()).replaceAll(/\s+/g, ' ').trim();

describe('the rack page', () => {
  testPage('shows what the rack says, and why it does not where it does not', async () => {
    const { page, complaints, asked, server } = await openPage();
    // Rows and head are drawn one after the other.
    await expect.poll(() => page.locator('h1').innerText()).toMatch(/Trueup\s+hall-2/);
    expect(await page.locator('#rehearsal').innerText()).toBe('REHEARSAL 10× · seed 7');
    expect(await page.title()).toContain('REHEARSAL');
    expect(await page.locator('#clock').innerText()).toBe('2026-01-31 11:02:05 UTC');
    expect(await textOf(page, 'gpu-01', 'wall')).toBe('3210 W');
    expect(await textOf(page, 'gpu-01', 'chip')).toBe('2205 W');
    expect(await textOf(page, 'gpu-01', 'gap')).toBe('31.3 %');
    expect(await textOf(page, 'gpu-01', 'corrected')).toBe('3198 W ± 41.3 W');
    expect(await textOf(page, 'gpu-02', 'state')).toBe(
      'provisional provisional model, 2 gates still open',
    );
    expect(await textOf(page, 'cpu-03', 'state')).toContain('14 of 30 intervals');
    const wall = rowOf(page, 'cpu-04').locator('td.wall');
    expect(await wall.innerText()).toMatch(/^—/);
    expect(await wall.getAttribute('title')).toBe(
      'Not known: No complete reply came before the deadline.',
    );
    // One node is unknown, so the sum of all is: half a sum would be a wrong number.
    expect(await page.locator('.tile', { hasText: 'Nodes at the wall' }).innerText()).toMatch(
      /—[^]*1 of 4 nodes unknown/,
    );
    expect(await page.locator('.points tbody tr').count()).toBe(4);
    expect(await page.locator('#settled tr').count()).toBe(3);
    expect(await page.locator('#settled tr').nth(2).innerText()).toMatch(/26\.75[^]*0\.31/);
    expect(await page.locator('#settled tr').nth(0).innerText()).toMatch(/—[^]*missing/);
    expect(await page.locator('#wires').innerText()).toContain('No answer from m4');
    expect(await page.locator('#sinks').innerText()).toMatch(/1\s237 leaves/);
    expect(await page.locator('body').innerText()).not.toMatch(/NaN|undefined|null|Infinity/);
    expect(complaints).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual(
      [],
    );
  });

  testPage('follows each refresh: numbers, words, rows that come and go', async () => {
    const { live, page, complaints } = await openPage();
    live.refresh({
      nodes: [
        { ...accepted, wallW: watts(12_345) },
        { ...lost, node: 'cpu-99' },
      ],
    });
    await page.waitForSelector('tr.node:has-text("cpu-99")');
    expect(await textOf(page, 'gpu-01', 'wall')).toBe('12.35 kW');
    expect(await page.locator('tr.node').count()).toBe(2);
    live.refresh({
      nodes: [{ ...accepted, quality: 'missing', wallW: undefined, trouble: 'transport.crc' }],
    });
    await page.waitForSelector('tr.node:has-text("check sum")');
    expect(await textOf(page, 'gpu-01', 'wall')).toMatch(/^—/);
    // A change of state is read out; numbers are not.
    expect(await page.locator('#said').innerText()).toBe('node gpu-01 is missing');
    expect(complaints).toEqual([]);
  });

  testPage('opens a node: curves with what was before the page, model and totals', async () => {
    const live = new FakeRack();
    const { page, complaints } = await openPage(live);
    for (let index = 0; index < 5; index += 1) live.refresh();
    await page.locator('tr.node button', { hasText: 'gpu-01' }).click();
    const detail = page.locator('tr.detail');
    await detail.locator('canvas').waitFor();
    expect(await detail.innerText()).toContain('34.294 kWh');
    expect(await detail.innerText()).toContain('c0ffee5eedc0ffee5eed');
    expect(await rowOf(page, 'gpu-01').locator('canvas').count()).toBe(1);
    // Something is drawn: pixels that are not transparent.
    const inked = await page.evaluate<boolean>(`(() => {
      const canvas = document.querySelector('tr.detail canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((part, index) => index % 4 === 3 && part > 0);
    })()`);
    expect(inked).toBe(true);
    expect(await page.locator('button[aria-expanded="true"]').count()).toBe(1);
    await page.locator('tr.node button', { hasText: 'gpu-01' }).press('Enter');
    expect(await page.locator('tr.detail').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  testPage('says that it is not live when the stream is lost, and recovers by itself', async () => {
    const live = new FakeRack();
    const port = await freePort();
    const { page, server } = await openPage(live, { port });
    await server.close();
    await page.waitForSelector('#stale:not([hidden])', { timeout: 15_000 });
    expect(await page.locator('#stale').innerText()).toContain('are of 11:02:05 UTC and no longer');
    expect(await page.locator('#link').innerText()).toBe('Not live');
    const again = await startServer({
      host: '127.0.0.1',
      port,
      live,
      clock: systemClock(),
      timers: systemTimers,
    });
    afterwards(() => again.close());
    await page.waitForSelector('#link[data-state="live"]', { timeout: 15_000 });
    expect(await page.locator('#stale').isVisible()).toBe(false);
  });

  testPage('dark or light, wide or narrow: legible and without sideways scrolling', async () => {
    const groundOf = (page: Page) =>
      page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await openPage(new FakeRack(), { width: 390 });
    const dark = await openPage(new FakeRack(), { width: 390, colorScheme: 'dark' });
    expect(await groundOf(light.page)).not.toBe(await groundOf(dark.page));
    for (const { page } of [light, dark]) {
      for (const width of [320, 390, 768, 1280, 2000]) {
        await page.setViewportSize({ width, height: 800 });
        const excess = await page.evaluate<number>(
          'document.documentElement.scrollWidth - innerWidth',
        );
        expect(excess).toBeLessThanOrEqual(0);
        expect(await page.locator('#rehearsal').isVisible()).toBe(true);
      }
    }
    // A table is still a table where it looks like cards.
    expect(await light.page.getByRole('table', { name: 'Nodes of rack r7' }).count()).toBe(1);
    expect(await light.page.getByRole('rowheader', { name: /gpu-01/ }).count()).toBe(1);
  });

  testPage('no name becomes markup; a real rack carries no rehearsal label', async () => {
    const bad = '<img src=x onerror="document.title=`owned`">';
    const live = new FakeRack(
      snapshotOf({
        site: bad,
        rehearsal: undefined,
        nodes: [{ ...accepted, node: bad, rack: bad, type: bad }],
      }),
    );
    const { page, complaints } = await openPage(live);
    expect(await page.locator('#site').innerText()).toBe(bad);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('#rehearsal').isVisible()).toBe(false);
    expect(await page.title()).not.toContain('REHEARSAL');
    expect(complaints).toEqual([]);
  });

  testPage('an empty site says so', async () => {
    const live = new FakeRack(
      snapshotOf({ nodes: [], points: [], wires: [], sinks: [], settled: [] }),
    );
    const { page, complaints } = await openPage(live);
    await page.waitForSelector('#link[data-state="live"]');
    expect(await page.locator('#empty').innerText()).toContain('no nodes and no metered points');
    expect(complaints).toEqual([]);
  });
});
