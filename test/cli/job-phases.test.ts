// What ran on a node, out of its jobs: one name at a time, or none.
import { expect, test } from 'vitest';
import { jobPhases } from '../../src/cli/running-site/job-phases.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { Activity } from '../../src/serve/activity/activity.ts';

const S = 1_000_000_000n;
const atNs = (second: number): string => String(BigInt(second) * S);

async function phasesOf(
  jobs: readonly { name: string; from: number; until?: number; nodes?: readonly string[] }[],
  sinceS = 0,
): Promise<readonly [string, number, number][]> {
  const activity = new Activity(() => Promise.resolve());
  for (const [index, { name, from, until, nodes = ['n1'] }] of jobs.entries()) {
    const job = `j${String(index)}`;
    await activity.add({ kind: 'job', job, name, nodes: [...nodes], at_ns: atNs(from) });
    if (until !== undefined) await activity.add({ kind: 'end', job, at_ns: atNs(until) });
  }
  return jobPhases(activity, 'n1', instantNs(BigInt(sinceS) * S), instantNs(1000n * S)).map(
    (phase) => [phase.application, Number(phase.fromNs / S), Number(phase.untilNs / S)],
  );
}

test('one job after the other, the last still running', async () => {
  const jobs = [
    { name: 'train', from: 100, until: 200 },
    { name: 'serve', from: 300 },
  ];
  expect(await phasesOf(jobs)).toEqual([
    ['train', 100, 200],
    ['serve', 300, 1000],
  ]);
});

test('a time that two kinds of work share belongs to none, that of two jobs of one kind to it', async () => {
  const jobs = [
    { name: 'train', from: 100, until: 300 },
    { name: 'serve', from: 200, until: 400 },
    { name: 'serve', from: 350, until: 500 },
  ];
  expect(await phasesOf(jobs)).toEqual([
    ['train', 100, 200],
    ['serve', 300, 350],
    ['serve', 350, 400],
    ['serve', 400, 500],
  ]);
});

test('jobs of other nodes, of long ago, without length or of tomorrow are none of this node now', async () => {
  const jobs = [
    { name: 'elsewhere', from: 100, until: 300, nodes: ['n2', 'n3'] },
    { name: 'old', from: 100, until: 200 },
    { name: 'nothing', from: 600, until: 600 },
    { name: 'backwards', from: 700, until: 650 },
    { name: 'tomorrow', from: 2000 },
    { name: 'here', from: 700, until: 800, nodes: ['n2', 'n1'] },
  ];
  expect(await phasesOf(jobs, 250)).toEqual([['here', 700, 800]]);
});
