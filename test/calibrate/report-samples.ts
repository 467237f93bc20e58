// Model files to draw: fitted on made-up nodes, and bent by tests into what a hostile or damaged file may hold.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calibrate } from '../../src/cli/calibrate/calibrate.ts';
import { formatInstant, instantNs } from '../../src/quantity/time.ts';
import { PLAIN, sampleNode, type NodeTruth } from './synthetic-node.ts';

/** 2023-11-14T22:13:00Z. */
const START_S = 1_699_999_980;

export type Document = Record<string, unknown>;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...argv: string[]): Promise<Ran> {
  const said = { out: '', err: '' };
  const code = await calibrate(
    argv,
    { out: (line) => (said.out += `${line}\n`), err: (line) => (said.err += `${line}\n`) },
    { nowNs: () => instantNs(1_700_100_000_000_000_000n) },
  );
  return { code, ...said };
}

/** Writes a run folder of made-up nodes; the machine's name stands before the slash where there are several. */
export function writeRun(
  path: string,
  nodes: readonly { readonly name: string; readonly factor: number; readonly truth: NodeTruth }[],
  startS = START_S,
): string {
  mkdirSync(path, { recursive: true });
  const lines = { meter: ['time,source,quantity,value'], chips: ['time,source,quantity,value'] };
  for (const { name, factor, truth } of nodes) {
    const prefix = name === '' ? '' : `${name}/`;
    const samples = sampleNode(truth);
    samples.atS.forEach((atS, row) => {
      const at = formatInstant(instantNs(BigInt(startS + atS) * 1_000_000_000n));
      lines.meter.push(`${at},${prefix}wall,power_w,${(factor * samples.wallW[row]!).toFixed(3)}`);
      for (const [source, powersW] of samples.chipsW) {
        lines.chips.push(`${at},${prefix}${source},power_w,${powersW[row]!.toFixed(3)}`);
      }
    });
  }
  writeFileSync(join(path, 'meter.csv'), `${lines.meter.join('\n')}\n`);
  writeFileSync(join(path, 'chips.csv'), `${lines.chips.join('\n')}\n`);
  return path;
}

/** A model of one node from two runs on two days, with two applications named. */
export async function fitOne(folder: string, ...more: string[]): Promise<string> {
  const paths = [0, 1].map((day) =>
    writeRun(
      join(folder, `day-${day}`),
      [{ name: '', factor: 1, truth: { ...PLAIN, seconds: 1500, seed: 41 + day } }],
      START_S + day * 86_400,
    ),
  );
  const at = (day: number, afterS: number): string =>
    formatInstant(instantNs(BigInt(START_S + day * 86_400 + afterS) * 1_000_000_000n));
  const phases = [0, 1].flatMap((day) => [
    `day-${day},${at(day, 0)},${at(day, 700)},first`,
    `day-${day},${at(day, 720)},${at(day, 1490)},second`,
  ]);
  writeFileSync(join(folder, 'phases.csv'), `run,start,end,application\n${phases.join('\n')}\n`);
  const model = join(folder, 'one.json');
  const ran = await run('fit', ...paths, '--model', model, '--node', 'node7', ...more);
  if (ran.code !== 0) throw new Error(ran.err);
  return model;
}

/** A model of a type from three nodes. */
export async function fitType(folder: string): Promise<string> {
  const nodes = [0.99, 1, 1.01].map((factor, index) => ({
    name: `node-0${index}`,
    factor,
    truth: { ...PLAIN, seconds: 600, seed: 60 + index },
  }));
  const model = join(folder, 'type.json');
  const path = writeRun(join(folder, 'fleet'), nodes);
  const ran = await run('fit', path, '--model', model, '--node', 'a type');
  if (ran.code !== 0) throw new Error(ran.err);
  return model;
}

export const documentOf = (path: string): Document =>
  JSON.parse(readFileSync(path, 'utf8')) as Document;

export function writeDocument(path: string, document: unknown): string {
  writeFileSync(path, JSON.stringify(document));
  return path;
}

const VOID = new Set(['meta', 'line', 'path', 'rect', 'br']);

/** Elements of a page in order, with their attributes; throws where they are not nested as HTML asks. */
export function elementsOf(page: string): { name: string; attributes: Map<string, string> }[] {
  const body = page.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  const open: string[] = [];
  const elements: { name: string; attributes: Map<string, string> }[] = [];
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z0-9:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/g;
  let text = '';
  let last = 0;
  for (const match of body.matchAll(tag)) {
    const [whole, closes, name = '', attributes = '', alone] = match;
    text += body.slice(last, match.index);
    last = match.index + whole.length;
    if (closes === '/') {
      const opened = open.pop();
      if (opened !== name) throw new Error(`</${name}> closes <${opened ?? 'nothing'}>`);
      continue;
    }
    const pairs = [...attributes.matchAll(/([a-zA-Z0-9:-]+)(?:="([^"]*)")?/g)];
    elements.push({ name, attributes: new Map(pairs.map(([, key = '', to = '']) => [key, to])) });
    if (alone !== '/' && !VOID.has(name)) open.push(name);
  }
  text += body.slice(last);
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  if (/[<>]/.test(text)) throw new Error(`a bare bracket: ${/.{0,20}[<>].{0,20}/.exec(text)?.[0]}`);
  return elements;
}
