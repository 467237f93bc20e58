// The contract of `trueup calibrate report`: one page that stands alone, whatever the model file holds; what the file does
// not say is said to be missing; a file that is wrong is refused with its field and exit code 1, wrong usage with 2.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  documentOf,
  elementsOf,
  fitOne,
  fitType,
  run,
  writeDocument,
  type Document,
} from './report-samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'trueup-report-'));
const out = join(folder, 'report.html');
let one = '';
let type = '';
beforeAll(async () => {
  one = await fitOne(folder, '--meter-class', '0.5');
  type = await fitType(folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The page of a document, as text without tags, and as it is. */
async function pageOf(document: unknown): Promise<{ page: string; text: string }> {
  const model = writeDocument(join(folder, 'bent.json'), document);
  const ran = await run('report', '--model', model, '--out', out);
  expect(ran.code, ran.err).toBe(0);
  const page = readFileSync(out, 'utf8');
  const text = page
    .replace(/<style>[^<]*<\/style>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
  return { page, text };
}

const modelOf = (document: Document): Document => (document['models'] as Document[])[0]!;
const figuresOf = (document: Document): Document => (document['figures'] as Document[])[0]!;

describe('the page of one node', () => {
  test('is well-formed, stands alone and asks for nothing', async () => {
    const { page } = await pageOf(documentOf(one));
    const elements = elementsOf(page);
    const names = elements.map((each) => each.name);
    expect(names.filter((name) => name === 'h1')).toHaveLength(1);
    expect(names).not.toContain('script');
    expect(names).not.toContain('link');
    expect(names).not.toContain('img');
    for (const { name, attributes } of elements) {
      for (const [key, to] of attributes) {
        expect(key, `<${name}>`).not.toMatch(/^on|^src$|^href$/);
        expect(to).not.toMatch(/https?:|javascript:|url\(/);
      }
    }
    expect(page).not.toMatch(/@import|url\(/);
    const policy = elements.find((each) => each.attributes.has('http-equiv'))!.attributes;
    expect(policy.get('content')).toBe(
      'default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;',
    );
    const plots = elements.filter((each) => each.attributes.get('class') === 'plot');
    // Fit, over time, by application, by run, coverage, search of the offset, offset over time; and predicted against
    // metered where several gains share the power.
    const severalGains = (modelOf(documentOf(one))['terms'] as unknown[]).length > 1;
    expect(plots).toHaveLength(severalGains ? 8 : 7);
    for (const { attributes } of plots) {
      expect(Number(attributes.get('width'))).toBeGreaterThan(100);
      expect(Number(attributes.get('height'))).toBeGreaterThan(50);
    }
    for (const { name, attributes } of elements) {
      if (!['path', 'line', 'rect', 'text'].includes(name)) continue;
      for (const [key, to] of attributes) {
        expect(to, `${name} ${key}`).not.toMatch(/NaN|Infinity|undefined|null|e[+-]\d/);
      }
    }
  });

  test('says what the model file says', async () => {
    const document = documentOf(one);
    const model = modelOf(document);
    const { text } = await pageOf(document);
    expect(text).toContain(`model ${String(model['id'])}`);
    expect(text).toContain('2023-11-14 22:13:');
    expect(text).toContain(`${(100 * Number(model['gap_ratio'])).toFixed(1)} %`);
    expect(text).toContain('limit of error, as stated at the fit');
    expect(text).toContain('This model is');
    expect(text).toMatch(/first, second/);
    expect(text).toContain(`trueup calibrate fit ${join(folder, 'day-0')}`);
    // What sha256sum would print of the evidence.
    for (const path of ['day-0/meter.csv', 'day-1/chips.csv']) {
      const hash = createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest('hex');
      expect(text).toContain(`${path} ${hash}`);
    }
    for (const word of ['gap', 'gain', 'base power', 'u and U', 'gate'])
      expect(text).toContain(word);
    expect(text).not.toMatch(/\bNaN\b|\bundefined\b|\bInfinity\b|\[object/);
    // What this version does not know is said, not left out.
    expect(text).toMatch(/configuration of the node not in this model/);
  });

  test('is the same, byte for byte, for the same file', async () => {
    const first = (await pageOf(documentOf(one))).page;
    expect((await pageOf(documentOf(one))).page).toBe(first);
  });

  test('without figures says of every plot that it is missing, and how to get it', async () => {
    const bare = documentOf(one);
    delete bare['figures'];
    const { page, text } = await pageOf(bare);
    expect(elementsOf(page).filter((each) => each.attributes.get('class') === 'plot')).toEqual([]);
    const missing = [
      'Wall against chip power',
      'Errors over time',
      'Errors by application',
      'Errors by run',
      'The coverage of U',
      'The residual over the offset',
      'The offset over time',
      'The uncertainty budget',
      'Where the fit comes from',
    ];
    for (const what of missing) expect(text).toContain(`${what}: not in this model.`);
    const ran = await run('report', '--model', join(folder, 'bent.json'), '--out', out);
    expect(ran.err).toContain('fit again with trueup calibrate fit');
    // A single model, as the ledger has it, is drawn too.
    const alone = await pageOf(modelOf(documentOf(one)));
    expect(alone.text).toContain('node7');
  });

  test('a model that is not accepted says which gates are open and what to do', async () => {
    const document = documentOf(one);
    Object.assign(modelOf(document), {
      standing: 'provisional',
      open: [
        'alignment: no <load> edge; run a staircase',
        'held-back energy: off by 1.40 %, allowed 1.00 %; meter for another day',
        'something new; do <this>',
      ],
    });
    const { text } = await pageOf(document);
    expect(text).toContain('This model is provisional');
    expect(text).toMatch(/clocks aligned no edge shows it .* ○ open/);
    expect(text).toMatch(/time with both instruments 50 min at least 30 min ✓ passed/);
    expect(text).toContain('energy of what was held back: meter for another day.');
    expect(text).toContain('something new: do &lt;this&gt;.');
    Object.assign(modelOf(document), { standing: 'refused' });
    expect((await pageOf(document)).text).toContain('Its own evidence speaks against it');
  });

  test('a rehearsal is labelled where nobody can miss it', async () => {
    writeFileSync(join(folder, 'set.json'), '{"rehearsed": true}');
    const model = await fitOne(folder);
    rmSync(join(folder, 'set.json'));
    const { page, text } = await pageOf(documentOf(model));
    expect(text).toContain('REHEARSAL.');
    expect(page).toContain('<title>REHEARSAL · ');
    expect((await pageOf(documentOf(type))).text).not.toContain('REHEARSAL');
  });
});

describe('hostile files', () => {
  const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}'&`;

  test('names are text, whatever they look like, and however long', async () => {
    const document = documentOf(one);
    const figures = figuresOf(document);
    const model = modelOf(document);
    Object.assign(model, { node: EVIL, open: [EVIL], standing: 'provisional' });
    (model['terms'] as Document[])[0]!['name'] = EVIL;
    (model['terms'] as Document[])[0]!['sources'] = [EVIL, 'x'.repeat(5000)];
    (model['detail'] as Document)['chip_stamp'] = EVIL;
    (model['detail'] as Document)['meter_sources'] = [EVIL];
    for (const list of ['runs', 'applications']) {
      for (const each of (figures[list] as { kept: Document[] }).kept)
        each['name'] = EVIL.repeat(9);
    }
    (figures['evidence'] as Document)['applications'] = [EVIL, EVIL];
    const provenance = figures['provenance'] as Document;
    Object.assign(provenance, { argv: ['fit', EVIL, 'x'.repeat(9000)], version: EVIL });
    (provenance['files'] as Document[])[0]!['name'] = EVIL;
    (provenance['files'] as Document[])[0]!['sha256'] = EVIL;
    for (const trace of (figures['alignment'] as { traces: Document[] }).traces)
      trace['run'] = EVIL;
    const { page } = await pageOf(document);
    const names = elementsOf(page).map((each) => each.name);
    expect(names).not.toContain('script');
    expect(names).not.toContain('img');
    expect(page).not.toContain('\u{202e}');
    expect(page.length).toBeLessThan(400_000);
  });

  test('what is no model file is refused with exit code 1 and a reason', async () => {
    const bad = join(folder, 'bad.json');
    const refused = async (text: string, says: string | RegExp): Promise<void> => {
      writeFileSync(bad, text);
      const ran = await run('report', '--model', bad, '--out', join(folder, 'never.html'));
      expect(ran.code, text.slice(0, 40)).toBe(1);
      expect(ran.err).toMatch(says);
      expect(ran.out).toBe('');
    };
    await refused('', /no readable JSON/);
    await refused('{"format": NaN}', /no readable JSON/);
    await refused('null', /no JSON object/);
    await refused('{"format": "something/1"}', /is not trueup-correction\/1/);
    const whole = documentOf(one);
    await refused(JSON.stringify({ ...whole, models: [] }), /models/);
    await refused(JSON.stringify({ ...whole, figures: 7 }), /figures/);
    const torn = JSON.stringify(whole);
    await refused(torn.slice(0, torn.length / 2), /no readable JSON/);
    await refused(
      torn.replace(/"meter_w":\[[\d.]+/, '"meter_w":[1e999'),
      /figures\/0\/scatter\/meter_w/,
    );
    await refused(
      torn.replace('trueup-fit-figures/1', 'trueup-fit-figures/9'),
      /is not trueup-fit-figures\/1/,
    );
    await refused('['.repeat(100_000), /no readable JSON/);
    expect((await run('report', '--model', join(folder, 'none.json'), '--out', out)).code).toBe(1);
    expect((await run('report', '--model', folder, '--out', out)).code).toBe(1);
  });

  test('a file of half a gigabyte is refused before it is read', async () => {
    const huge = join(folder, 'huge.json');
    closeSync(openSync(huge, 'w'));
    truncateSync(huge, 500 * 1024 * 1024);
    const ran = await run('report', '--model', huge, '--out', out);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('larger than 64 MiB');
  });

  test('wrong usage and places that cannot be written to exit with 2', async () => {
    expect((await run('report')).code).toBe(2);
    expect((await run('report', '--model', one)).code).toBe(2);
    expect((await run('report', '--model', one, '--out', out, '--what')).code).toBe(2);
    const self = await run('report', '--model', one, '--out', join(folder, '.', 'one.json'));
    expect(self.code).toBe(2);
    expect(documentOf(one)['format']).toMatch(/^trueup-/);
    const nowhere = await run('report', '--model', one, '--out', join(folder, 'absent', 'r.html'));
    expect(nowhere.code).toBe(2);
    expect(nowhere.err).toContain('r.html');
    const told = await run('report', '--model', one, '--out', out, '--json');
    expect(JSON.parse(told.out)).toMatchObject({ out, models_count: 1, figures_count: 1 });
  });
});

describe('the page of a type', () => {
  test('has its nodes first, with their factors, and one section for the type', async () => {
    const { page, text } = await pageOf(documentOf(type));
    expect(text).toMatch(/node type, 3 metered nodes/);
    expect(text).toMatch(/Nodes[^]*node-00 0\.9[^]*node-02 1\.0[^]*Standing/);
    expect(elementsOf(page).filter((each) => each.name === 'article')).toHaveLength(1);
  });

  test('of a thousand nodes stays a page', async () => {
    const document = documentOf(type);
    const [model] = document['models'] as Document[];
    document['models'] = Array.from({ length: 1000 }, (_, index) => ({
      ...model,
      node: `node-${index}`,
      id: index.toString(16).padStart(16, '0'),
    }));
    const figures = figuresOf(document);
    const [kept] = (figures['nodes'] as { kept: Document[] }).kept;
    figures['nodes'] = {
      count: 1000,
      kept: Array.from({ length: 1000 }, (_, index) => ({
        ...kept,
        name: `node-${index}`,
        error_ratio: Math.sin(index) / 100,
      })),
    };
    const { page, text } = await pageOf(document);
    elementsOf(page);
    expect(page.length).toBeLessThan(500_000);
    expect(text).toContain('60 of 1000 nodes');
  });

  test('many models without a type are drawn up to a bound, and the rest is told', async () => {
    const document = documentOf(one);
    const model = modelOf(document);
    document['models'] = Array.from({ length: 40 }, (_, index) => ({
      ...model,
      node: `n${index}`,
    }));
    const { page, text } = await pageOf(document);
    expect(elementsOf(page).filter((each) => each.name === 'article')).toHaveLength(12);
    expect(text).toContain('28 more models');
  });
});
