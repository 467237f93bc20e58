// What the metrics of the field's exporters mean as chip counters, each with its trap: domains that contain others, one board
// told once per instance, values that say "none", units that are not what they are called. What is not known here is not read.
import { noReadings, type ChipReadings } from '../chip-reader.ts';
import { samplesOf, wholeOf, type Sample } from './exposition-text.ts';

/** Blank values of DCGM: 64-bit integers from here on, and one double. */
const DCGM_BLANK_MJ = 9_223_372_036_854_775_000n;
const DCGM_BLANK_W = 140_737_488_355_000;
/** All ones in µW, and its thousandfold: what hwmon prints where a supply said nothing. */
const HWMON_BLANK_W = 4_294;
/** 2^32 counts of 61 µJ, as the kernel prints it for packages of servers. */
const RAPL_RANGE_UJ = 262_143_328_850n;

type Take = (samples: readonly Sample[], into: ChipReadings) => void;

/** By the metric that tells an exporter; several may answer on one address. */
const EXPORTERS: Readonly<
  Record<string, { readonly names: readonly string[]; readonly take: Take }>
> = {
  'node_exporter RAPL': {
    names: [
      'node_rapl_package_joules_total',
      'node_rapl_dram_joules_total',
      'node_rapl_psys_joules_total',
      'node_rapl_joules_total',
      'ceems_rapl_package_joules_total',
      'ceems_rapl_dram_joules_total',
    ],
    take: takeRapl,
  },
  'node_exporter hwmon': {
    names: ['node_hwmon_power_average_watt'],
    take: (samples, { gauges }) => {
      for (const { labels, digits } of samples) {
        const powerW = Number(digits);
        const chip = labels.get('chip') ?? '';
        if (!/power_meter|ACPI000D/i.test(chip) || !(powerW >= 0 && powerW < HWMON_BLANK_W))
          continue;
        gauges.push({ source: `hwmon:platform-${nameOf(chip)}`, powerW });
      }
    },
  },
  dcgm: {
    names: ['DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION', 'DCGM_FI_DEV_POWER_USAGE'],
    take: takeDcgm,
  },
  nvidia_gpu_exporter: {
    names: [
      'nvidia_smi_energy_joules_total',
      'nvidia_smi_power_draw_instant_watts',
      'nvidia_smi_power_draw_watts',
    ],
    take: takeNvidiaSmi,
  },
  'kepler 0.10 and later': {
    names: ['kepler_node_cpu_joules_total', 'kepler_node_gpu_joules_total'],
    take: takeKepler,
  },
  'kepler to 0.9': {
    names: ['kepler_node_package_joules_total', 'kepler_node_dram_joules_total'],
    take: takeOldKepler,
  },
  scaphandre: {
    names: ['scaph_socket_energy_microjoules', 'scaph_domain_energy_microjoules'],
    take: (samples, { counters }) => {
      // The host's own metric is psys where there is one, and the sum of these where there is none.
      for (const { name, labels, digits } of samples) {
        const isDram = name === 'scaph_domain_energy_microjoules';
        if (isDram && labels.get('domain_name') !== 'dram') continue;
        const count = wholeOf(digits, 0);
        const source = `rapl:${isDram ? 'dram' : 'package'}-${labels.get('socket_id') ?? '0'}`;
        const maxCount = isDram ? undefined : RAPL_RANGE_UJ;
        if (count !== undefined) counters.push({ source, unit: 'uJ', count, maxCount });
      }
    },
  },
  ipmi_exporter: {
    names: ['ipmi_dcmi_power_consumption_watts'],
    take: (samples, { gauges }) => {
      for (const { digits } of samples) {
        const powerW = Number(digits);
        if (powerW > 0 && powerW < 1e6) gauges.push({ source: 'hwmon:platform-dcmi', powerW });
      }
    },
  },
  'ROCm device-metrics-exporter': {
    names: ['gpu_energy_consumed'],
    take: (samples, { counters }) => {
      for (const { labels, digits } of samples) {
        // Partitions share a board; the first has its counter, the others say 0.
        if ((labels.get('gpu_partition_id') ?? '0') !== '0') continue;
        const count = wholeOf(digits, 0);
        const board = nameOf(labels.get('serial_number') ?? labels.get('gpu_id') ?? '');
        if (count === undefined || board === '') continue;
        counters.push({ source: `rocm:${board}`, unit: 'uJ', count, maxCount: undefined });
      }
    },
  },
};

const EPOCHS = ['node_boot_time_seconds', 'process_start_time_seconds'];
const WANTED: ReadonlySet<string> = new Set(Object.values(EXPORTERS).flatMap(({ names }) => names));

/** Chip readings in the text of one scrape, and which exporters were recognised. A source that two of them tell counts once. */
export function readScrape(text: string): {
  readonly readings: ChipReadings;
  readonly exporters: readonly string[];
} {
  const samples = samplesOf(text, (name) => WANTED.has(name) || EPOCHS.includes(name));
  const readings = noReadings();
  // The boot of the node, else the start of an exporter that may count by itself.
  const epoch = EPOCHS.map((name) => samples.find((each) => each.name === name)?.digits).find(
    (digits) => digits !== undefined,
  );
  if (epoch !== undefined) readings.epochs.push(epoch);
  const exporters: string[] = [];
  for (const [exporter, { names, take }] of Object.entries(EXPORTERS)) {
    const own = samples.filter(({ name }) => names.includes(name));
    if (own.length === 0) continue;
    const found = noReadings();
    take(own, found);
    const known = new Set(readings.counters.map(({ source }) => source));
    readings.counters.push(...firstOf(found.counters).filter(({ source }) => !known.has(source)));
    const seen = new Set(readings.gauges.map(({ source }) => source));
    readings.gauges.push(...firstOf(found.gauges).filter(({ source }) => !seen.has(source)));
    if (found.counters.length + found.gauges.length > 0) exporters.push(exporter);
  }
  return { readings, exporters };
}

/** One reading per source: what comes twice in a message is refused as a whole. */
function firstOf<Of extends { readonly source: string }>(list: readonly Of[]): readonly Of[] {
  return [...new Map([...list].reverse().map((each) => [each.source, each])).values()].reverse();
}

/** Labels of others as a part of a name: no blanks, no slashes, not long. */
const nameOf = (text: string): string => text.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 64);

const PLACE = /intel-rapl:(\d+)(?::\d+)?$/;

function takeRapl(samples: readonly Sample[], { counters }: ChipReadings): void {
  const zoneOf = ({ name, labels }: Sample): string =>
    labels.get('rapl_zone') ?? /_rapl_(\w+?)_joules/.exec(name)?.[1] ?? '';
  const placeOf = ({ labels }: Sample): string | undefined =>
    PLACE.exec(labels.get('path') ?? '')?.[1];
  const numbers = new Map<string, string>();
  for (const sample of samples) {
    const place = placeOf(sample);
    // Paths of intel-rapl-mmio are a second view of the same package.
    if (place === undefined || !/^package/.test(zoneOf(sample))) continue;
    const number = sample.labels.get('index') ?? place;
    numbers.set(place, number);
    const count = wholeOf(sample.digits, 6);
    if (count === undefined) continue;
    // Restarts at 0 behind its range, which Prometheus takes for a reset; here it is unwrapped.
    counters.push({ source: `rapl:package-${number}`, unit: 'uJ', count, maxCount: RAPL_RANGE_UJ });
  }
  for (const sample of samples) {
    const place = placeOf(sample);
    const count = wholeOf(sample.digits, 6);
    if (place === undefined || count === undefined || zoneOf(sample) !== 'dram') continue;
    // The range of memory is that of packages on some machines and a quarter on others: a wrap stays a gap.
    const source = `rapl:dram-${numbers.get(place) ?? place}`;
    counters.push({ source, unit: 'uJ', count, maxCount: undefined });
  }
}

function takeDcgm(samples: readonly Sample[], { counters, gauges }: ChipReadings): void {
  const energies = new Map<string, bigint>();
  const powers = new Map<string, number>();
  for (const { name, labels, digits } of samples) {
    const uuid = nameOf(labels.get('uuid') ?? '');
    if (uuid === '') continue;
    // With MIG each instance repeats the whole board: the largest is the board, their sum is none.
    if (name.endsWith('_ENERGY_CONSUMPTION')) {
      const count = wholeOf(digits, 0);
      if (count === undefined || count >= DCGM_BLANK_MJ) continue;
      const known = energies.get(uuid);
      if (known === undefined || count > known) energies.set(uuid, count);
    } else {
      const powerW = Number(digits);
      if (!(powerW >= 0 && powerW < DCGM_BLANK_W)) continue;
      powers.set(uuid, Math.max(powers.get(uuid) ?? 0, powerW));
    }
  }
  for (const [uuid, count] of energies) {
    counters.push({ source: `nvml:${uuid}`, unit: 'mJ', count, maxCount: undefined });
  }
  // It reads each 30 s unless told otherwise: beside a counter such power shapes nothing.
  for (const [uuid, powerW] of powers) {
    if (!energies.has(uuid)) gauges.push({ source: `nvml:${uuid}`, powerW });
  }
}

function takeNvidiaSmi(samples: readonly Sample[], { counters, gauges }: ChipReadings): void {
  const sourceOf = (uuid: string): string =>
    `nvml:${uuid.startsWith('GPU-') ? '' : 'GPU-'}${nameOf(uuid)}`;
  for (const { name, labels, digits } of samples) {
    const uuid = labels.get('uuid') ?? '';
    if (uuid === '') continue;
    const source = sourceOf(uuid);
    if (name === 'nvidia_smi_energy_joules_total') {
      const count = wholeOf(digits, 3);
      if (count !== undefined) counters.push({ source, unit: 'mJ', count, maxCount: undefined });
      continue;
    }
    const powerW = Number(digits);
    if (name === 'nvidia_smi_power_draw_instant_watts' && powerW >= 0)
      gauges.push({ source, powerW });
  }
  for (const { name, labels, digits } of samples) {
    const source = sourceOf(labels.get('uuid') ?? '');
    const powerW = Number(digits);
    if (name !== 'nvidia_smi_power_draw_watts' || !(powerW >= 0)) continue;
    if (!gauges.some((gauge) => gauge.source === source)) gauges.push({ source, powerW });
  }
}

function takeKepler(samples: readonly Sample[], { counters }: ChipReadings): void {
  for (const { name, labels, digits } of samples) {
    const count = wholeOf(digits, 6);
    if (count === undefined) continue;
    if (name === 'kepler_node_gpu_joules_total') {
      const uuid = nameOf(labels.get('gpu_uuid') ?? '');
      const mj = wholeOf(digits, 3);
      if (labels.get('vendor') !== 'nvidia' || uuid === '' || mj === undefined) continue;
      counters.push({ source: `nvml:${uuid}`, unit: 'mJ', count: mj, maxCount: undefined });
      continue;
    }
    // psys contains the package; cores lie inside of it.
    const kind = /^(package|dram)/.exec(labels.get('zone') ?? '')?.[1];
    const place = PLACE.exec(labels.get('path') ?? '')?.[1] ?? '0';
    // Kepler has unwrapped it already: a fall is a restart.
    if (kind !== undefined)
      counters.push({ source: `rapl:${kind}-${place}`, unit: 'uJ', count, maxCount: undefined });
  }
}

function takeOldKepler(samples: readonly Sample[], { counters }: ChipReadings): void {
  const sums = new Map<string, bigint>();
  for (const { name, labels, digits } of samples) {
    const count = wholeOf(digits, 6);
    // Without a sensor it prints what a regression thinks: no counter.
    if (count === undefined || !/rapl/i.test(labels.get('source') ?? '')) continue;
    const kind = name.includes('_dram_') ? 'dram' : 'package';
    const source = `rapl:${kind}-${nameOf(labels.get('package') ?? '0')}`;
    // Idle and dynamic are the parts of one counter.
    sums.set(source, (sums.get(source) ?? 0n) + count);
  }
  for (const [source, count] of sums)
    counters.push({ source, unit: 'uJ', count, maxCount: undefined });
}
