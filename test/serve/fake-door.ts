// Nodes, trackers and jobs for tests of the HTTP face: a node n1 that draws 1000 W at its meter, n2 with chips and a model
// alone, n3 of which nothing is known; a clock set by hand, and a book in memory that can be made to fail.
import { randomUUID } from 'node:crypto';
import type { EdgeEnergy, EnergyCurve } from '../../src/align/energy-curve.ts';
import { fitClaims } from '../../src/calibrate/claims/claim-fit.ts';
import type { StoredStatement } from '../../src/ledger/ledger.ts';
import type { CorrectionModel } from '../../src/quantity/correction.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { durationNs, instantNs, type InstantNs } from '../../src/quantity/time.ts';
import { joules, microjoules } from '../../src/quantity/units.ts';
import type { ActivityDoor } from '../../src/serve/activity/activity-door.ts';
import { Activity } from '../../src/serve/activity/activity.ts';
import type { ActivityRecordJson } from '../../src/serve/activity/records.ts';

export const START_NS = instantNs(1_782_900_000_000_000_000n); // 2026-07-01T10:00:00Z

/** A straight curve between two instants. */
export function evenCurve(
  powerW: number,
  fromNs: InstantNs,
  untilNs: () => InstantNs,
): EnergyCurve {
  const at = (atNs: InstantNs): EdgeEnergy | undefined => {
    if (atNs < fromNs || atNs > untilNs()) return undefined;
    const energyUj = microjoules(BigInt(Math.round((Number(atNs - fromNs) / 1e9) * powerW * 1e6)));
    const anchor = { atNs, energyUj };
    return {
      energyUj,
      stretch: 0,
      before: anchor,
      after: anchor,
      edgeJ: joules(3),
      resolutionJ: joules(0),
      hole: undefined,
      method: 'register',
    };
  };
  return {
    energyAt: at,
    awaitsShape: () => false,
    provisionalAt: () => undefined,
    breakWithin: () => undefined,
    holeWithin: () => false,
    firstAnchor: () => ({ atNs: fromNs, energyUj: microjoules(0n) }),
    lastAnchor: () => ({ atNs: untilNs(), energyUj: microjoules(0n) }),
    latestReadNs: () => untilNs(),
    prune: () => undefined,
  };
}

/** wall = 1.25 x + 300 W over package and board. */
export function nodeModel(): CorrectionModel {
  const metered = [100, 400, 900, 1300, 120, 410, 880, 1290].map((gpuW, index) => ({
    claim: {
      tracker: 'codecarbon',
      run: String(index),
      application: ['a', 'b', 'c', 'd'][index % 4] ?? '',
      fromNs: instantNs(START_NS - BigInt(10_000 - 1000 * index) * 1_000_000_000n),
      untilNs: instantNs(START_NS - BigInt(9400 - 1000 * index) * 1_000_000_000n),
      measured: new Map([
        ['cpu', { energyJ: joules(100 * 600), stepS: 0 }],
        ['gpu', { energyJ: joules(gpuW * 600), stepS: 0 }],
      ] as const),
      repairs: [],
    },
    wallJ: 600 * (1.25 * (gpuW + 100) + 300),
  }));
  const model = fitClaims(metered, { node: 'n2', fittedAtNs: START_NS });
  if (isRefusal(model)) throw new Error(model.because);
  const [term] = model.terms;
  if (!term) throw new Error('no term');
  return { ...model, terms: [{ ...term, sources: ['rapl:package-0', 'nvml:a'] }] };
}

export interface FakeDoor extends ActivityDoor {
  readonly records: ActivityRecordJson[];
  nowS: number;
  isFull: boolean;
  readonly statements: StoredStatement[];
}

/** `nowS` counts from START_NS. */
export function fakeDoor(): FakeDoor {
  const records: ActivityRecordJson[] = [];
  const statements: StoredStatement[] = [];
  const model = nodeModel();
  const now = (): InstantNs => instantNs(START_NS + BigInt(Math.round(door.nowS * 1e9)));
  const door: FakeDoor = {
    records,
    statements,
    nowS: 0,
    isFull: false,
    newId: () => randomUUID(),
    leafOf: () => undefined,
    activity: new Activity((record) => {
      if (door.isFull) return Promise.reject(new Error('ENOSPC'));
      records.push(record);
      return Promise.resolve();
    }),
    sources: {
      interval: durationNs(900_000_000_000n),
      statements: {
        between: (fromNs, untilNs) =>
          statements.filter(({ statement: { startNs } }) => startNs >= fromNs && startNs < untilNs),
      },
      nowNs: now,
      sight: (node) => {
        const nothing = { feeds: [], chips: new Map(), model: undefined, waitingFor: 'a meter' };
        switch (node) {
          case 'n1':
            return {
              ...nothing,
              feeds: [{ curve: evenCurve(1000, START_NS, now), systematicRatio: 0.005 }],
              periodS: 1,
            };
          case 'n2':
            return {
              ...nothing,
              waitingFor: '',
              model,
              chips: new Map([
                ['rapl:package-0', evenCurve(100, START_NS, now)],
                ['nvml:a', evenCurve(500, START_NS, now)],
              ]),
              periodS: 2,
            };
          case 'n5':
            return {
              ...nothing,
              waitingFor: '',
              model,
              chips: new Map([
                ['rapl:package-0', evenCurve(100, START_NS, now)],
                ['nvml:a', evenCurve(110, START_NS, now)],
              ]),
              periodS: 2,
            };
          case 'n4': {
            const chips = door.sources.sight('n2');
            const curve = { ...evenCurve(1050, START_NS, now) };
            const coarse = (atNs: InstantNs): EdgeEnergy | undefined => {
              const edge = evenCurve(1050, START_NS, now).energyAt(atNs);
              return edge && { ...edge, edgeJ: joules(36_000) };
            };
            const feeds = [{ curve: { ...curve, energyAt: coarse }, systematicRatio: 0.005 }];
            return chips && { ...chips, feeds };
          }
          case 'n3':
            return { ...nothing, periodS: 1 };
          default:
            return undefined;
        }
      },
    },
  };
  return door;
}
