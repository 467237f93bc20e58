// What a push to a Pushgateway says of energy. CodeCarbon pushes what it used since the push before; Zeus and Scaphandre push
// counters, of which the rise since the push before counts. The first push of a counter is where it begins.
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? +(-?[0-9.eE+-]+|NaN|[+-]Inf)(?: +-?\d+)?$/;
/** kWh and J alike: far above what any node uses between two pushes, and above a counter of its life. */
const MOST = 1e15;
const KWH_J = 3.6e6;

export interface PushedEnergy {
  readonly tracker: 'codecarbon' | 'zeus' | 'scaphandre';
  /** Of all chips but the boards, memory that was measured included. */
  readonly cpuKwh: number;
  readonly gpuKwh: number;
  /** Made up by the tracker. */
  readonly ramKwh: number;
  /** Over which time, where the push says it. */
  readonly durationS: number | undefined;
}

interface Sample {
  readonly name: string;
  readonly series: string;
  readonly reading: number;
}

/** Counters of one group of pushes, by series. */
export type Counters = Map<string, number>;

/** Counters as Zeus (histogram or counter) and Scaphandre name them, in joules. */
const COUNTERS: readonly {
  readonly tracker: 'zeus' | 'scaphandre';
  readonly pattern: RegExp;
  readonly kind: 'cpu' | 'gpu';
  readonly unitJ: number;
}[] = [
  {
    tracker: 'zeus',
    pattern: /^energy_monitor_gpu_energy_joules_(?:sum|total)$/,
    kind: 'gpu',
    unitJ: 1,
  },
  {
    tracker: 'zeus',
    pattern: /^energy_monitor_(?:cpu|dram)_energy_joules_(?:sum|total)$/,
    kind: 'cpu',
    unitJ: 1,
  },
  { tracker: 'scaphandre', pattern: /^scaph_host_energy_microjoules$/, kind: 'cpu', unitJ: 1e-6 },
];

/** undefined where nothing in it is the energy of a tracker that is known here. `counters` are those of its group, and go on. */
export function pushedEnergy(text: string, counters: Counters): PushedEnergy | undefined {
  const samples = samplesOf(text);
  const sum = (name: string): number | undefined => {
    const own = samples.filter((each) => each.name === name);
    return own.length === 0 ? undefined : own.reduce((total, { reading }) => total + reading, 0);
  };
  const cpuKwh = sum('codecarbon_cpu_energy');
  const gpuKwh = sum('codecarbon_gpu_energy');
  if (cpuKwh !== undefined || gpuKwh !== undefined) {
    return {
      tracker: 'codecarbon',
      cpuKwh: cpuKwh ?? 0,
      gpuKwh: gpuKwh ?? 0,
      ramKwh: sum('codecarbon_ram_energy') ?? 0,
      durationS: sum('codecarbon_duration') ?? 0,
    };
  }
  return risen(samples, counters);
}

function risen(samples: readonly Sample[], counters: Counters): PushedEnergy | undefined {
  let tracker: PushedEnergy['tracker'] | undefined;
  const risenJ = { cpu: 0, gpu: 0 };
  for (const { name, series, reading } of samples) {
    const counter = COUNTERS.find(({ pattern }) => pattern.test(name));
    if (!counter) continue;
    tracker = counter.tracker;
    const last = counters.get(series);
    counters.set(series, reading);
    // A counter that fell began anew: what it counted since then is all that is known.
    if (last !== undefined) {
      risenJ[counter.kind] += (reading >= last ? reading - last : reading) * counter.unitJ;
    }
  }
  if (tracker === undefined) return undefined;
  return {
    tracker,
    cpuKwh: risenJ.cpu / KWH_J,
    gpuKwh: risenJ.gpu / KWH_J,
    ramKwh: 0,
    durationS: undefined,
  };
}

/** What is no finite number is no sample. */
function samplesOf(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line): Sample[] => {
    const match = SAMPLE.exec(line.trim());
    const reading = Number(match?.[3]);
    if (match?.[1] === undefined || !Number.isFinite(reading) || Math.abs(reading) > MOST)
      return [];
    return [{ name: match[1], series: `${match[1]}${match[2] ?? ''}`, reading }];
  });
}
