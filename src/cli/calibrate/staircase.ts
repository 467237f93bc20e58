// `trueup calibrate staircase`: loads this machine in steps while its meter and chips are recorded, so that a fit sees every
// level of every component. It says what it does and how long it takes, and writes what ran when for the recording.
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Clock } from '../../quantity/clock.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { formatInstant, instantNs, parseDuration, toSeconds } from '../../quantity/time.ts';
import type { Output } from './fit-summary.ts';
import { StaircaseLoad } from './staircase-load.ts';
import {
  applicationOf,
  COMPONENTS,
  spanText,
  staircasePlan,
  stepText,
  type Component,
  type Step,
} from './staircase-plan.ts';
import { systemTimers } from '../system-clock.ts';

export const STAIRCASE_USAGE =
  "trueup calibrate staircase [--steps 5] [--hold 60s] [--components cpu,memory] [--command 'PROGRAM {percent}'] [--out DIR] [--run NAME] [--dry-run] [--json]";

interface StaircaseOptions {
  readonly plan: readonly Step[];
  readonly command: string | undefined;
  readonly out: string;
  readonly run: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

type Now = Pick<Clock, 'nowNs'>;

/** Runs the command; exit codes 0 done (also when it was ended early), 1 the load failed, 2 usage. */
export async function calibrateStaircase(
  argv: readonly string[],
  io: Output,
  clock: Now,
): Promise<number> {
  let options: StaircaseOptions;
  try {
    options = parse(argv);
  } catch (problem) {
    io.err(problem instanceof SiteFault ? problem.message : sayOf(problem));
    io.err(`usage: ${STAIRCASE_USAGE}`);
    return 2;
  }
  const totalS = options.plan.reduce((sum, step) => sum + step.holdS, 0);
  if (options.dryRun) {
    tellPlan(options, totalS, io);
    return 0;
  }
  const stamp = formatInstant(clock.nowNs()).slice(0, 19).replaceAll(/[-:]/g, '');
  const run = options.run ?? `staircase-${stamp}Z`;
  const folder = join(options.out, run);
  const path = join(folder, 'phases.csv');
  if (existsSync(path)) {
    io.err(`${path} exists: name another run with --run, or another folder with --out`);
    return 2;
  }
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, 'run,start,end,application\n');
  } catch (problem) {
    io.err(`${path}: ${sayOf(problem)}`);
    return 2;
  }
  return climb({ ...options, run }, totalS, path, io, clock);
}

const sayOf = (problem: unknown): string =>
  problem instanceof Error ? problem.message : String(problem);

function parse(argv: readonly string[]): StaircaseOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      steps: { type: 'string', default: '5' },
      hold: { type: 'string', default: '60s' },
      components: { type: 'string', default: 'cpu,memory' },
      command: { type: 'string' },
      out: { type: 'string', default: '.' },
      run: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const stepsCount = Number(values.steps);
  if (!Number.isInteger(stepsCount) || stepsCount < 1 || stepsCount > 20) {
    throw new Error('--steps is a whole number from 1 to 20');
  }
  const holdS = toSeconds(parseDuration(values.hold, '--hold'));
  if (!(holdS >= 1 && holdS <= 3600))
    throw new Error('--hold is a time from 1s to 1h, such as 60s');
  if (values.run !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(values.run)) {
    throw new Error('--run is a name of letters, digits, dots and dashes');
  }
  const named = values.components.split(',').filter((name) => name !== '');
  const components: Component[] = named.map((name) => {
    const known = COMPONENTS.find((each) => each === name.trim());
    if (!known) throw new Error(`--components knows ${COMPONENTS.join(' and ')}, not "${name}"`);
    return known;
  });
  if (values.command !== undefined) {
    if (!values.command.includes('{percent}')) {
      throw new Error("--command holds {percent}, such as 'my_gpu_burn {percent}'");
    }
    components.push('command');
  }
  if (components.length === 0) throw new Error('there is nothing to load: name --components');
  return {
    plan: staircasePlan([...new Set(components)], stepsCount, holdS),
    command: values.command,
    out: values.out,
    run: values.run,
    dryRun: values['dry-run'],
    json: values.json,
  };
}

function tellPlan({ plan, json }: StaircaseOptions, totalS: number, io: Output): void {
  if (json) {
    io.out(
      JSON.stringify({
        total_s: totalS,
        steps: plan.map(({ component, loadPercent, holdS }) => ({
          component: component ?? 'idle',
          percent: loadPercent,
          hold_s: holdS,
        })),
      }),
    );
    return;
  }
  plan.forEach((step, index) => {
    io.out(`${String(index + 1).padStart(3)}  ${stepText(step).padEnd(14)}${spanText(step.holdS)}`);
  });
  io.out(`${plan.length} steps, ${spanText(totalS)} in all; nothing was loaded`);
}

async function climb(
  options: StaircaseOptions & { readonly run: string },
  totalS: number,
  path: string,
  io: Output,
  clock: Now,
): Promise<number> {
  const { plan, run, json } = options;
  const trouble: { what: string | undefined } = { what: undefined };
  const ending = new AbortController();
  const stop = (): void => {
    ending.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const load = new StaircaseLoad(options.command, (what) => {
    trouble.what = what;
    stop();
  });
  let doneCount = 0;
  try {
    io.err(`${plan.length} steps, ${spanText(totalS)} on ${load.coresCount} cores; Ctrl-C ends it`);
    io.err('record the meter and the chips of this machine meanwhile');
    let leftS = totalS;
    for (const [index, step] of plan.entries()) {
      const startNs = clock.nowNs();
      const endsNs = instantNs(startNs + BigInt(Math.round(leftS * 1e9)));
      io.err(
        `step ${index + 1} of ${plan.length}: ${stepText(step)}, ${spanText(leftS)} left, ends ${formatInstant(endsNs).slice(11, 19)} UTC`,
      );
      load.set(step);
      await pause(step.holdS, ending.signal);
      leftS -= step.holdS;
      if (ending.signal.aborted && trouble.what !== undefined) break;
      const endNs = clock.nowNs();
      const row = [run, formatInstant(startNs), formatInstant(endNs), applicationOf(step)];
      appendFileSync(path, `${row.join(',')}\n`);
      if (ending.signal.aborted) break;
      doneCount = index + 1;
    }
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
    await load.end();
  }
  if (trouble.what !== undefined) {
    io.err(`stopped: ${trouble.what}; what ran before is in ${path}`);
    return 1;
  }
  const complete = doneCount === plan.length;
  if (json) {
    io.out(JSON.stringify({ phases: path, run, steps_count: doneCount, complete }));
    return 0;
  }
  io.out(`${complete ? 'done' : 'ended early'}: ${doneCount} of ${plan.length} steps, ${path}`);
  io.out(`Put meter.csv and chips.csv of this time beside it, then:`);
  io.out(`  trueup calibrate fit ${join(options.out, run)} --model node.json`);
  return 0;
}

/** Resolves after the time, or when it is ended. */
function pause(spanS: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = systemTimers.after(spanS * 1000, resolve);
    signal.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}
