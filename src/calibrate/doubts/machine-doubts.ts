// Sources over the machines of one type: all of them must have the same ones, since they share the terms of a model. What
// is one sensor twice, or a sum, on any machine is left out on all; a machine with a dead sensor of its own is left out.
import type { Doubt } from './doubts.ts';
import type { RunEvidence } from '../evidence-rows.ts';
import { judgeSources } from './source-doubts.ts';

type Machines = ReadonlyMap<string, readonly RunEvidence[]>;

export interface JudgedMachines {
  readonly machines: Machines;
  readonly doubts: readonly Doubt[];
}

/** Judges the chip sources of all machines; `declared` sources are known not to be sums of others. */
export function judgeMachines(machines: Machines, declared: ReadonlySet<string>): JudgedMachines {
  const doubts: Doubt[] = [];
  const left = new Set<string>();
  const deadOn = new Map<string, Set<string>>();
  for (const [machine, runs] of machines) {
    const judged = judgeSources(
      runs.map((run) => run.chips),
      declared,
    );
    for (const doubt of judged.doubts) {
      const named = { ...doubt, source: `${machine === '' ? '' : `${machine}/`}${doubt.source}` };
      doubts.push(named);
      if (doubt.code !== 'dead') left.add(doubt.source);
      else deadOn.set(doubt.source, (deadOn.get(doubt.source) ?? new Set()).add(machine));
    }
  }
  const without = new Set<string>();
  for (const [source, dead] of deadOn) {
    if (dead.size === machines.size) left.add(source);
    else for (const machine of dead) without.add(machine);
  }
  const kept = [...machines].filter(([machine]) => !without.has(machine));
  const isEveryOneDead = (runs: readonly RunEvidence[]): boolean =>
    runs.every((run) => [...run.chips.keys()].every((source) => left.has(source)));
  const strip = (run: RunEvidence): RunEvidence => ({
    ...run,
    chips: new Map([...run.chips].filter(([source]) => !left.has(source))),
  });
  return {
    // Where nothing but dead sensors is left, the fit itself refuses: there is nothing to strip to.
    machines: new Map(
      kept.map(([machine, runs]) => [machine, isEveryOneDead(runs) ? runs : runs.map(strip)]),
    ),
    doubts,
  };
}
