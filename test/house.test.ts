// The house checks itself: rooms, names, sizes, first lines, words. Each rule is also broken on purpose, since a check
// that cannot go red is no check.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import { MAY_USE } from '../.dependency-cruiser.js';
import { FAULT_CODES } from '../src/quantity/fault.ts';

const root = join(import.meta.dirname, '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');

interface Cruise {
  summary: { totalCruised: number; violations: { rule: { name: string } }[] };
  modules: { source: string }[];
}

function cruise(folder: string): Cruise {
  const { stdout } = spawnSync(
    join(root, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.js', '--output-type', 'json', 'src'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout) as Cruise;
}

describe('rooms', () => {
  const planted = mkdtempSync(join(tmpdir(), 'trueup-rooms-'));
  afterAll(() => {
    rmSync(planted, { recursive: true });
  });

  test('no import goes the wrong way, and every file was looked at', { timeout: 120_000 }, () => {
    const { summary, modules } = cruise(root);
    expect(summary.violations).toEqual([]);
    const cruised = modules.map(({ source }) => source).filter((name) => name.startsWith('src/'));
    expect(cruised.sort()).toEqual(sources.map((name) => `src/${name}`));
  });

  test('every rule catches a violation that was planted for it', { timeout: 120_000 }, () => {
    cpSync(join(root, 'src'), join(planted, 'src'), { recursive: true });
    for (const name of ['.dependency-cruiser.js', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, name), join(planted, name));
    }
    symlinkSync(join(root, 'node_modules'), join(planted, 'node_modules'));
    const plant = (path: string, text: string): void => {
      mkdirSync(join(planted, 'src', path, '..'), { recursive: true });
      writeFileSync(join(planted, 'src', path), text);
    };
    for (const room of Object.keys(MAY_USE)) {
      plant(`${room}/planted-room.ts`, `import '../main.ts';\nexport const planted = 1;\n`);
    }
    plant('calibrate/planted-pure.ts', `import 'node:fs';\n`);
    plant('decode/profile.ts', `import 'yaml';\n`);
    plant(
      'decode/planted-transport.ts',
      `import { TRANSPORTS } from '../transport/transports.ts';\nexport const planted = TRANSPORTS;\n`,
    );
    plant('settle/planted-cycle-a.ts', `import './planted-cycle-b.ts';\n`);
    plant('settle/planted-cycle-b.ts', `import './planted-cycle-a.ts';\n`);
    plant('serve/planted-missing.ts', `import 'no-such-package';\n`);
    const caught = new Set(cruise(planted).summary.violations.map(({ rule }) => rule.name));
    expect([...caught].sort()).toEqual(
      [
        ...Object.keys(MAY_USE).map((room) => `rooms-${room}`),
        'decode-takes-types-from-transport',
        'every-import-resolves',
        'no-cycles',
        'pure-profile',
        'pure-rooms',
      ].sort(),
    );
  });

  test('the README shows the same table', () => {
    const rows = [...read('README.md').matchAll(/^\| `(\w+)` \|[^|]*\| ([^|]*) \|$/gm)];
    const shown = Object.fromEntries(
      rows.map(([, room = '', uses = '']) => [
        room,
        uses === 'nothing' ? [] : uses.split(',').map((name) => name.replace('(types)', '').trim()),
      ]),
    );
    for (const [room, allowed] of Object.entries(MAY_USE)) {
      expect(shown[room], `README row of ${room}`).toEqual(allowed);
    }
  });
});

describe('doors', () => {
  test.each([
    ['Date.now()', 'no-restricted-properties'],
    ['performance.now()', 'no-restricted-properties'],
    ['Math.random()', 'no-restricted-properties'],
    ["process.env['HOME']", 'no-restricted-properties'],
    ['setTimeout(() => undefined, 1)', 'no-restricted-globals'],
    ['setInterval(() => undefined, 1)', 'no-restricted-globals'],
    ['Promise.resolve(1)', '@typescript-eslint/no-floating-promises'],
  ])('lint refuses %s in src', { timeout: 120_000 }, async (code, rule) => {
    const eslint = new ESLint({ cwd: root });
    const [result] = await eslint.lintText(`${code};\n`, {
      filePath: join(root, 'src/quantity/units.ts'),
    });
    expect(result?.messages.map(({ ruleId }) => ruleId)).toContain(rule);
  });
});

/** What breaks the house rules in one file: no opening comment, too long, a banned name, a number without a unit. */
function faultsOf(path: string, text: string): string[] {
  const lines = text.split('\n');
  const opening = lines.slice(lines[0]?.startsWith('#!') ? 1 : 0);
  const commentCount = opening.findIndex((line) => !line.startsWith('//'));
  const faults: string[] = [];
  // A contract is its comment: it may take the room it needs.
  const mostCount = opening[0]?.startsWith('// The contract of') ? 20 : 4;
  if (commentCount < 1 || commentCount > mostCount)
    faults.push('it does not open with 1 to 4 lines that say what it is for');
  if (lines.length > 401) faults.push('it is longer than 400 lines');
  if (BANNED.test(basename(path))) faults.push('its name says nothing');
  if (/\b(TODO|FIXME|XXX)\b/.test(text)) faults.push('something was left to do');
  for (const name of unitlessNumbers(path, text)) faults.push(`${name} is a number without a unit`);
  return faults;
}

const BANNED =
  /(^|-)(utils?|helpers?|common|misc|manager|handler|service|base|data|info|core)(-|\.|$)/;
const UNIT =
  /(Uj|J|W|W2|V|A|Hz|Va|Ns|Ms|S|S2|Wh|Kwh|Cel|Ratio|Ppm|Count|Index|Bytes|Bits|Percent|Px|Days|UKwh|Hex)$/;
/** Numbers that are what their name says: a place in a log, a version, a port, a weight; or in a unit that is data. */
const PLAIN =
  /^(base|line|run|fold|weight|width|yy|resolution|leaf|version|port|unit|seed|position|size|from|until|end|next|number|tier|code|dof|baud|address|count|index|k|x|y|reading|packetId|length|stretch|sealedUntil|stopBits|p50|p99|max)$|(Leaf|Line|Code|Port|Version|Dof|Position|Address|Offset|Seed|Id|Level)$/;

/** Exported interface properties and constants of type number whose names do not say the unit. */
function unitlessNumbers(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const judge = (name: string): void => {
    if (
      !UNIT.test(name) &&
      !PLAIN.test(name) &&
      !/_(MS|S|NS|W|J|UJ|RATIO|COUNT|BYTES|PPM|INTERVALS|HZ|KWH|AT|UNSYNC|PX)$/.test(name)
    ) {
      found.push(name);
    }
  };
  for (const statement of file.statements) {
    const exported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!exported) continue;
    if (ts.isInterfaceDeclaration(statement)) {
      for (const member of statement.members) {
        if (ts.isPropertySignature(member) && member.type?.kind === ts.SyntaxKind.NumberKeyword) {
          judge(member.name.getText());
        }
      }
    }
  }
  return found;
}

describe('files', () => {
  test.each(sources)('src/%s keeps the house rules', (name) => {
    expect(faultsOf(name, read('src', name))).toEqual([]);
  });

  test('the rules can go red', () => {
    expect(
      faultsOf('quantity/utils.ts', 'export interface Reading { power: number }\n// TODO\n'),
    ).toEqual([
      'it does not open with 1 to 4 lines that say what it is for',
      'its name says nothing',
      'something was left to do',
      'power is a number without a unit',
    ]);
    expect(faultsOf('a.ts', `// A.\n${'\n'.repeat(401)}`)).toEqual(['it is longer than 400 lines']);
  });
});

test('docs/faults.md explains every fault code, and no other', () => {
  const explained = [...read('docs/faults.md').matchAll(/^### `([a-z.-]+)`$/gm)].map(
    ([, code]) => code,
  );
  expect(explained.sort()).toEqual(Object.keys(FAULT_CODES).sort());
});

test('what npm packs is what runs, and nothing else', () => {
  const listed = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as { files: { path: string }[] }[];
  const paths = listed[0]?.files.map(({ path }) => path) ?? [];
  expect(paths).toContain('dist/cli/trueup.js');
  expect(paths).toContain('devices/meters/eastron-sdm120.yaml');
  expect(paths.filter((path) => /^(test|bench|\.ci|node_modules)\//.test(path))).toEqual([]);
});
