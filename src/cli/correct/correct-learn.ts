// `trueup correct learn TRACKER FILE... --meter METER.csv --out M.json`: how far this tracker is from the wall on this
// node, from claims during which a meter ran.
import { sumOf, type EnergySeries } from '../../align/energy-series.ts';
import { fitClaims, meteredClaims, wholeClaims } from '../../calibrate/claims/claim-fit.ts';
import { encodeModelSet } from '../../calibrate/model-set.ts';
import type { Clock } from '../../quantity/clock.ts';
import { isRefusal, SiteFault } from '../../quantity/fault.ts';
import { byMachine, seriesOf, wallParts } from '../calibrate/sources.ts';
import { EXIT, readArguments, type Terminal, UsageError } from '../command.ts';
import { readReadings } from '../calibrate/run-folder.ts';
import { readTrackerFiles, TRACKER_OPTIONS, trackerOf, writeResult } from './tracker-files.ts';

export const LEARN_USAGE =
  'trueup correct learn TRACKER FILE... --meter METER.csv[.gz] --out M.json [--node NAME] [--zone Area/City] [--pue P] [--step S] [--json]';

/** Runs the command; exit codes 0 done, 1 the data is wrong, 3 refused by a gate. */
export async function learn(
  argv: string[],
  terminal: Terminal,
  clock: Pick<Clock, 'nowNs'>,
): Promise<number> {
  const { values, positionals } = readArguments({
    args: argv,
    allowPositionals: true,
    options: {
      ...TRACKER_OPTIONS,
      meter: { type: 'string' },
      node: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [word, ...paths] = positionals;
  const tracker = trackerOf(word);
  const { meter, out, node = '' } = values;
  if (paths.length === 0) throw new UsageError('no file is named');
  if (meter === undefined) throw new UsageError('--meter METER.csv is missing');
  if (out === undefined) throw new UsageError('--out M.json is missing');
  const entries = readTrackerFiles(tracker, paths, values).flatMap(({ path, reading }) => {
    const refusals = isRefusal(reading) ? [reading] : reading.claims.filter(isRefusal);
    for (const { code, because } of refusals) {
      terminal.err(`passed over: ${path}: ${code}: ${because}`);
    }
    return isRefusal(reading) ? [] : reading.claims;
  });
  const claims = wholeClaims(entries);
  const wall = await wallOf(meter, node);
  const metered = meteredClaims(claims, wall);
  const model = fitClaims(metered, { node, fittedAtNs: clock.nowNs() });
  if (isRefusal(model)) {
    terminal.err(`refused: ${model.code}: ${model.because}; ${model.remedy}`);
    return EXIT.refused;
  }
  writeResult(
    out,
    `${JSON.stringify(encodeModelSet({ models: [model], unmetered: undefined }), null, 1)}\n`,
  );
  const [term] = model.terms;
  const summary = {
    out,
    model: model.id,
    claims_count: claims.length,
    metered_count: metered.length,
    gain_ratio: term?.gainRatio ?? 0,
    intercept_w: model.interceptW,
    gap_ratio: model.gapRatio,
    standing: model.standing,
    open: model.open,
  };
  if (values.json) terminal.out(JSON.stringify(summary));
  else {
    terminal.out(
      `${out}: wall = ${summary.gain_ratio.toFixed(3)} x claimed + ${Number(model.interceptW).toFixed(1)} W, from ${metered.length} of ${claims.length} claims, ${model.standing}`,
    );
    for (const gate of model.open) terminal.out(`open   ${gate}`);
  }
  return EXIT.done;
}

/** The node's wall as one series: all feeds of the file. */
async function wallOf(path: string, node: string): Promise<EnergySeries> {
  const machines = byMachine(await readReadings(path));
  const parts = machines.get(node) ?? machines.get('');
  if (!parts) {
    throw new SiteFault({
      where: path,
      what: `has no meter of ${node === '' ? 'a node without a name' : node}`,
      remedy: `choose one with --node: ${[...machines.keys()].slice(0, 20).join(', ')}`,
    });
  }
  const [first, ...others] = wallParts([...parts.keys()], undefined).flatMap((source) => {
    const samples = parts.get(source);
    const built = samples && seriesOf(source, samples, 'end', undefined, 'meter');
    return built ? [built.series] : [];
  });
  if (first) return sumOf([first, ...others]);
  throw new SiteFault({
    where: path,
    what: 'has neither power_w nor energy_j of a meter',
    remedy: 'write time,source,quantity,value',
  });
}
