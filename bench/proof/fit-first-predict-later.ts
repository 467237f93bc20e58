// A model fitted on the first runs of a recording, or on the first half of a single run, predicts the energy of the rest.
// Wall energy of the rest is the recorded meter's own: mean of its samples over the time that the chips cover.
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { runTrueup } from '../../test/journey/stack.ts';

export interface LaterPart {
  readonly what: string;
  /** Predicted over measured energy of the later part, minus 1, in per cent. */
  readonly error_percent: number;
  /** Expanded uncertainty that the model states for it, per cent of the energy. */
  readonly u_percent: number;
}

interface Part {
  readonly folder: string;
  readonly name: string;
}

export async function fitFirstPredictLater(
  set: string,
  data: string,
  scratch: string,
): Promise<LaterPart> {
  const { first, later, what } = await split(set, data, scratch);
  const model = join(scratch, 'model.json');
  const fitted = await runTrueup(
    'calibrate',
    'fit',
    ...first.map(({ folder }) => folder),
    '--model',
    model,
  );
  if (fitted.code !== 0) throw new Error(`calibrate fit: ${fitted.lines.join('\n')}`);
  let predictedWh = 0;
  let measuredWh = 0;
  let uWh = 0;
  for (const { folder, name } of later) {
    const out = join(scratch, `${name}.csv`);
    const chips = join(folder, 'chips.csv.gz');
    const applied = await runTrueup(
      'calibrate',
      'apply',
      '--model',
      model,
      '--chips',
      chips,
      '--every',
      '60',
      '--out',
      out,
    );
    if (applied.code !== 0) throw new Error(`calibrate apply: ${applied.lines.join('\n')}`);
    const meter = await wallPower(set, join(folder, 'meter.csv.gz'));
    for (const row of (await readFile(out, 'utf8')).trim().split('\n').slice(1)) {
      const [start = '', duration = '', energy = '', u = '', quality = ''] = row.split(',');
      if (quality !== 'derived') continue;
      const fromS = Date.parse(start) / 1000;
      const wallWh = meter(fromS, fromS + Number(duration));
      if (wallWh === undefined) continue;
      predictedWh += Number(energy);
      measuredWh += wallWh;
      uWh += Number(u);
    }
  }
  return {
    what,
    error_percent: 100 * (predictedWh / measuredWh - 1),
    u_percent: (100 * uWh) / measuredWh,
  };
}

/** Run folders of the first and the later part; a single run is cut in half, at a whole minute. */
async function split(
  set: string,
  data: string,
  scratch: string,
): Promise<{ first: Part[]; later: Part[]; what: string }> {
  const runs = (await readdir(data, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, folder: join(data, name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (runs.length > 1) {
    const firstCount = Math.ceil((runs.length * 2) / 3);
    return {
      first: runs.slice(0, firstCount),
      later: runs.slice(firstCount),
      what: `fitted on the first ${String(firstCount)} runs, energy of the later ${String(runs.length - firstCount)}`,
    };
  }
  const [run] = runs;
  if (!run) throw new Error(`${set} has no runs`);
  const halves = await Promise.all(
    ['first', 'later'].map((name) => halfOf(run.folder, data, scratch, name)),
  );
  const [first, later] = halves;
  if (!first || !later) throw new Error('a run has two halves');
  return {
    first: [first],
    later: [later],
    what: 'fitted on the first half of the run, energy of the second',
  };
}

async function halfOf(run: string, data: string, scratch: string, name: string): Promise<Part> {
  const folder = join(scratch, 'halves', name, name);
  await mkdir(folder, { recursive: true });
  await copyFile(join(data, 'set.json'), join(scratch, 'halves', name, 'set.json'));
  const chips = gunzipSync(await readFile(join(run, 'chips.csv.gz')))
    .toString()
    .split('\n');
  const stamps = chips
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => Date.parse(line.slice(0, 23) + 'Z'));
  const cutMs =
    Math.floor((Math.min(...[stamps[0] ?? 0]) + (stamps.at(-1) ?? 0)) / 2 / 60_000) * 60_000;
  for (const file of ['chips.csv.gz', 'meter.csv.gz']) {
    const [header = '', ...lines] = gunzipSync(await readFile(join(run, file)))
      .toString()
      .split('\n');
    const kept = lines.filter(
      (line) => line !== '' && Date.parse(line.slice(0, 23) + 'Z') < cutMs === (name === 'first'),
    );
    await writeFile(join(folder, file), gzipSync([header, ...kept, ''].join('\n')));
  }
  return { name, folder };
}

/** Energy of the wall between two instants (s since 1970), Wh: all wall sources, each value held until the next. */
async function wallPower(
  set: string,
  file: string,
): Promise<(fromS: number, untilS: number) => number | undefined> {
  const sources = new Map<string, { atS: number[]; powerW: number[] }>();
  for (const line of gunzipSync(await readFile(file))
    .toString()
    .split('\n')
    .slice(1)) {
    const [time = '', source = '', quantity = '', value = ''] = line.split(',');
    if (quantity !== 'power_w' || !(set === 'ac922-pdu' ? /^outlet-/ : /^wall$/).test(source))
      continue;
    const known = sources.get(source) ?? { atS: [], powerW: [] };
    known.atS.push(Date.parse(time.replace(/(\.\d{3})\d*Z$/, '$1Z')) / 1000);
    known.powerW.push(Number(value));
    sources.set(source, known);
  }
  return (fromS, untilS) => {
    let energyWh = 0;
    for (const { atS, powerW } of sources.values()) {
      // A value is the mean of what ended at its stamp, so it counts for the time before it.
      const inside = atS.flatMap((at, i) => (at > fromS && at <= untilS ? [powerW[i] ?? 0] : []));
      if (
        inside.length === 0 ||
        (atS[0] ?? untilS) > fromS + 10 ||
        (atS.at(-1) ?? fromS) < untilS - 10
      )
        return undefined;
      const mean = inside.reduce((sum, next) => sum + next, 0) / inside.length;
      energyWh += (mean * (untilS - fromS)) / 3600;
    }
    return sources.size === 0 ? undefined : energyWh;
  };
}
