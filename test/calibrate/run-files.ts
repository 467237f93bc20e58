// Recordings as a user has them, in a folder of their own, and `trueup calibrate` run on them as a person would.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrate } from '../../src/cli/calibrate/calibrate.ts';
import { formatInstant, instantNs } from '../../src/quantity/time.ts';

/** 2023-11-14T22:13:00Z, a whole minute. */
const START_S = 1_699_999_980;
export const stampOf = (atS: number): string =>
  formatInstant(instantNs(BigInt(Math.round((START_S + atS) * 1e3)) * 1_000_000n));

export type Columns = ReadonlyMap<string, ArrayLike<number>>;

export interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The first model as `--json` tells it. */
  readonly model: {
    readonly standing: string;
    readonly open: readonly string[];
    readonly notes: readonly string[];
    readonly intercept_w: number;
    readonly gains: Readonly<Record<string, number>>;
  };
}

export class RunFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'trueup-bad-input-'));
  #count = 0;

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  linesOf(atS: ArrayLike<number>, columns: Columns, quantity = 'power_w'): string[] {
    return Array.from(atS).flatMap((each, row) =>
      [...columns].map(([name, w]) => `${stampOf(each)},${name},${quantity},${String(w[row])}`),
    );
  }

  file(name: string, lines: readonly string[]): string {
    const path = join(this.folder, name);
    writeFileSync(path, `time,source,quantity,value\n${lines.join('\n')}\n`);
    return path;
  }

  run(meter: readonly string[] | undefined, chips: readonly string[]): string {
    const name = `run-${(this.#count++).toString()}`;
    mkdirSync(join(this.folder, name));
    if (meter) this.file(`${name}/meter.csv`, meter);
    this.file(`${name}/chips.csv`, chips);
    return join(this.folder, name);
  }

  async calibrate(...argv: readonly string[]): Promise<Told> {
    const out: string[] = [];
    const err: string[] = [];
    const code = await calibrate(
      argv,
      { out: (line) => void out.push(line), err: (line) => void err.push(line) },
      { nowNs: () => instantNs(1_700_100_000_000_000_000n) },
    );
    const last = out.at(-1) ?? '';
    const told = last.startsWith('{') ? (JSON.parse(last) as { models?: Told['model'][] }) : {};
    const model = told.models?.[0] ?? {
      standing: 'none',
      open: [],
      notes: [],
      intercept_w: Number.NaN,
      gains: {},
    };
    return { code, out: out.join('\n'), err: err.join('\n'), model };
  }

  fit(...argv: readonly string[]): Promise<Told> {
    return this.calibrate('fit', ...argv, '--model', join(this.folder, 'model.json'), '--json');
  }

  rows(name: string): Record<string, string>[] {
    const [header = '', ...lines] = readFileSync(join(this.folder, name), 'utf8')
      .trimEnd()
      .split('\n');
    const names = header.split(',');
    return lines.map((line) => {
      const fields = line.split(',');
      return Object.fromEntries(names.map((each, index) => [each, fields[index] ?? '']));
    });
  }
}
