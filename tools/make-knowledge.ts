// Makes the tables of the metrological core from the knowledge in calibration/: the YAML is what people read, cite and
// mend; pure rooms read no files, and their check sum shall cover every limit that enters an uncertainty. A test
// compares what lies in src/ with what this prints (decision 0024).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');

/** A table of src/: where it lies, what it is made from, its types, and which parts of the document go in. */
interface Table {
  readonly path: string;
  readonly from: string;
  readonly says: string;
  readonly imports?: string;
  readonly parts: readonly Part[];
}
interface Part {
  readonly name: string;
  readonly type: string;
  readonly of: (document: Node) => unknown;
}
type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function at(document: Node, ...path: readonly string[]): Node {
  let node = document;
  for (const key of path) {
    const next = node[key];
    if (!isNode(next)) throw new Error(`the YAML lacks ${path.join('/')}`);
    node = next;
  }
  return node;
}

/** Of each entry only these keys: words, sources and checks stay in the YAML. */
const only =
  (...keys: readonly string[]) =>
  (entries: Node): Node =>
    Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [
        name,
        Object.fromEntries(
          keys.flatMap((key) => (isNode(entry) && key in entry ? [[key, entry[key]]] : [])),
        ),
      ]),
    );

const TABLES: readonly Table[] = [
  {
    path: 'src/quantity/accuracy-table.ts',
    from: 'accuracy-classes.yaml',
    says: 'Limits of error of meters and current transformers by class, load, power factor and temperature.',
    imports: `import type { AccuracyScheme, TransformerScheme } from './accuracy-promise.ts';`,
    parts: [
      {
        name: 'ACCURACY_SCHEMES',
        type: `Readonly<Record<string, AccuracyScheme>>`,
        of: (document) =>
          only(
            'promise',
            'verified',
            'temperature_cel',
            'most_load_ratio',
            'classes',
          )(at(document, 'schemes')),
      },
      {
        name: 'CURRENT_TRANSFORMERS',
        type: 'TransformerScheme',
        of: (document) => {
          const { most_load_ratio, normal_pf_ratio, normal_load_ratio, classes } = at(
            document,
            'current_transformers',
          );
          return { most_load_ratio, normal_pf_ratio, normal_load_ratio, classes };
        },
      },
      {
        name: 'NORMAL_TEMPERATURE_CEL',
        type: 'readonly [number, number]',
        of: (document) => at(document, 'normal_conditions')['temperature_cel'],
      },
      {
        name: 'UNSTATED_LIMIT_PERCENT',
        type: '',
        of: (document) => document['unstated_limit_percent'],
      },
    ],
  },
  {
    path: 'src/calibrate/knowledge/sensor-table.ts',
    from: 'sensors.yaml',
    says: 'What physics and published comparisons say of chip sensors before any evidence.',
    parts: [
      {
        name: 'GAIN_PRIORS',
        type: '',
        of: (document) =>
          only('lower_ratio', 'mean_ratio', 'sd_ratio')(at(document, 'gain_priors')),
      },
      {
        name: 'RAPL_RANGES_J',
        type: 'readonly number[]',
        of: (document) =>
          Object.values(at(document, 'rapl_counters'))
            .map((counter) => (isNode(counter) ? Number(counter['range_j']) : NaN))
            .sort((a, b) => a - b),
      },
    ],
  },
  {
    path: 'src/calibrate/knowledge/supply-table.ts',
    from: 'supplies.yaml',
    says: 'Least efficiency of power supplies by class, in per cent by per cent of the rated load.',
    parts: [
      {
        name: 'SUPPLY_CLASSES',
        type: `Readonly<Record<string, Readonly<Record<string, number>>>>`,
        of: (document) =>
          Object.fromEntries(
            Object.entries(at(document, 'classes')).map(([name, entry]) => [
              name,
              isNode(entry) ? entry['efficiency_percent'] : {},
            ]),
          ),
      },
      {
        name: 'BEST_EFFICIENCY_PERCENT',
        type: '',
        of: (document) => at(document, 'best_efficiency')['percent'],
      },
    ],
  },
  {
    path: 'src/calibrate/knowledge/gate-table.ts',
    from: 'gates.yaml',
    says: 'Limits of the gates between a fit and an accepted model, and what to do about each.',
    parts: [
      {
        name: 'GATE_LIMITS',
        type: '',
        of: (document) => only('limit', 'unit', 'says', 'remedy')(at(document, 'gates')),
      },
      {
        name: 'ASHRAE_PERCENT',
        type: '',
        of: (document) =>
          Object.fromEntries(
            Object.entries(at(document, 'ashrae'))
              .filter(([key]) => key.endsWith('_percent'))
              .map(([key, limit]) => [key.slice(0, -'_percent'.length), limit]),
          ),
      },
    ],
  },
];

const camel = (key: string): string =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function camelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelled);
  if (!isNode(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [camel(key), camelled(each)]),
  );
}

/** Paths below the root and the texts that belong there. */
export async function knowledgeTables(): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { path, from, says, imports, parts } of TABLES) {
    const document: unknown = parse(readFileSync(join(ROOT, 'calibration', from), 'utf8'));
    if (!isNode(document)) throw new Error(`${from} is no map`);
    const lines = [
      `// ${says}`,
      `// Made from calibration/${from} by tools/make-knowledge.ts, where each figure has its source: change it there.`,
      imports ?? '',
      '',
    ];
    for (const { name, type, of } of parts) {
      const typed = type === '' ? '' : `: ${type}`;
      const fixed = type === '' ? ' as const' : '';
      lines.push(
        `export const ${name}${typed} = ${JSON.stringify(camelled(of(document)))}${fixed};`,
        '',
      );
    }
    const style = { parser: 'typescript', printWidth: 100, singleQuote: true } as const;
    texts.set(path, await format(lines.join('\n'), { ...style, trailingComma: 'all' }));
  }
  return texts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await knowledgeTables()) writeFileSync(join(ROOT, path), text);
}
