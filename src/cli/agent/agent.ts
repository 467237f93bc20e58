// `trueup agent`: a node's chip counters, read and sent. It loads nothing but what it needs, since it runs beside other
// people's jobs.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '../../agent/agent.ts';
import { noReadings, type ChipReader, type Say } from '../../agent/chip-reader.ts';
import { openHwmon } from '../../agent/hwmon.ts';
import { openNvml } from '../../agent/nvml.ts';
import { loadNvml } from '../../agent/nvml-library.ts';
import { openPowercap, textOf } from '../../agent/powercap.ts';
import { openScrape } from '../../agent/scrape/scrape-reader.ts';
import type { Sender } from '../../agent/sender.ts';
import { Spool, spoolFolder } from '../../agent/spool.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { parseDuration, toMs } from '../../quantity/time.ts';
import { agentUnit } from './agent-unit.ts';
import { type Command, EXIT, readArguments, type Terminal, UsageError } from '../command.ts';
import { environmentVariable } from '../environment.ts';
import { hostClock } from '../host-clock.ts';
import { systemClock, systemTimers } from '../system-clock.ts';

const MIB_BYTES = 1024 * 1024;

export const AGENT: Command = {
  about: "read this node's chip counters and send them",
  help: `trueup agent - read this node's chip counters and send them, until stopped (Ctrl-C)

usage: trueup agent --to URL --site NAME [--node NAME] [--every 1s] [--spool DIR] [--redfish URL] [--json]
       trueup agent --once
       trueup agent --unit

  --to URL       mqtt://broker:1883 or mqtts:// (topic trueup/1/SITE/NODE/chips, QoS 1), or the service itself:
                 http://service:8080 or https://
  --site NAME    the site as its file names it; needed for MQTT
  --node NAME    the node as the site file names it [this host's name]
  --every 1s     how often; 100ms at the least
  --spool DIR    where messages wait while nobody answers, for days [./trueup-spool]
  --spool-mib N  how much they may take there; the oldest hour is given up first [1024]
  --ca FILE      the certificate authority of a TLS target
  --once         read once, print it and what cannot be read with what would allow it, and end; 1 where nothing can
  --unit         print a systemd unit that may read RAPL without being root
  --scrape URL   read a Prometheus exporter of the node in place of its own files; may be given several times: DCGM,
                 nvidia_gpu_exporter, node_exporter (rapl, hwmon), Kepler, Scaphandre, IPMI, ROCm, CEEMS
  --redfish URL  the BMC of the node, https://bmc.example.org: its power is telemetry beside the chips, read about each 5 s
  --redfish-ca FILE  the certificate of the BMC, which is its own as a rule, or of who signed it
  --root DIR     where /sys and /proc are seen, for containers [/]
  --nvml PATH    the NVIDIA library [libnvidia-ml.so.1]

It reads RAPL packages and memory (powercap; AMD also by hwmon), the energy counters of NVIDIA boards, and power meters of the board. It
sends counters, never averages: a message that is lost costs the shape of the load, no energy.
TRUEUP_MQTT_USERNAME, TRUEUP_MQTT_PASSWORD, TRUEUP_TOKEN, TRUEUP_REDFISH_USERNAME and TRUEUP_REDFISH_PASSWORD are read from
the environment.

examples: trueup agent --once
          trueup agent --to mqtts://mqtt.example.org:8883 --site berlin-1 --node gpu-01 --spool /var/lib/trueup-agent
          trueup agent --to http://service:8080 --node gpu-07 --every 5s --scrape http://gpu-07:9100/metrics --scrape http://gpu-07:9400/metrics
          trueup agent --unit > /etc/systemd/system/trueup-agent.service`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        to: { type: 'string' },
        site: { type: 'string' },
        node: { type: 'string', default: hostname().split('.')[0] ?? 'node' },
        every: { type: 'string', default: '1s' },
        spool: { type: 'string', default: './trueup-spool' },
        'spool-mib': { type: 'string', default: '1024' },
        ca: { type: 'string' },
        scrape: { type: 'string', multiple: true, default: [] },
        redfish: { type: 'string' },
        'redfish-ca': { type: 'string' },
        once: { type: 'boolean', default: false },
        unit: { type: 'boolean', default: false },
        root: { type: 'string', default: '/' },
        nvml: { type: 'string', default: 'libnvidia-ml.so.1' },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.unit) {
      for (const line of agentUnit()) terminal.out(line);
      return EXIT.done;
    }
    const say = sayOnce(terminal, values.json);
    const readers: ChipReader[] =
      values.scrape.length > 0
        ? values.scrape.map((text) => openScrape(webUrl(text, '--scrape'), say))
        : openReaders(values.root, values.nvml, say);
    if (values.redfish !== undefined) {
      readers.push(await redfishReader(values.redfish, values['redfish-ca'], say));
    }
    if (values.once) return showOnce(readers, terminal, values.json);
    return run(values, readers, say, terminal);
  },
};

interface Wanted {
  readonly to?: string | undefined;
  readonly site?: string | undefined;
  readonly node: string;
  readonly every: string;
  readonly spool: string;
  readonly 'spool-mib': string;
  readonly ca?: string | undefined;
  readonly root: string;
}

async function run(
  values: Wanted,
  readers: readonly ChipReader[],
  say: Say,
  terminal: Terminal,
): Promise<number> {
  const { to, node } = values;
  if (to === undefined) throw new UsageError('--to URL is missing');
  const periodMs = toMs(parseDuration(values.every, '--every'));
  if (!(periodMs >= 100 && periodMs <= 60_000)) {
    throw new UsageError('--every takes 100ms to 60s: a RAPL counter must be read before it wraps');
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(node)) {
    throw new UsageError(`--node ${node} is no name of a node`);
  }
  const spoolMib = Number(values['spool-mib']);
  if (!(spoolMib >= 8 && spoolMib <= 1_048_576))
    throw new UsageError('--spool-mib takes 8 and more');
  const bootId = textOf(join(values.root, 'proc/sys/kernel/random/boot_id'));
  if (bootId === undefined) {
    throw new SiteFault({
      where: join(values.root, 'proc/sys/kernel/random/boot_id'),
      what: 'cannot be read, so a restart of this node could not be told',
      remedy: 'run the agent on Linux with /proc, or name its place with --root',
    });
  }
  const spool = openSpool(spoolFolder(values.spool, `${to} ${node}`), spoolMib, say);
  const sender = await openSender(values, to);
  for (const { what, remedy } of readers.flatMap((reader) => reader.obstacles)) {
    terminal.err(`cannot read  ${what}: ${remedy}`);
  }
  const sources = readers.flatMap((reader) => reader.sources);
  if (sources.length === 0) terminal.err('there is nothing to read yet; it is looked for again');
  terminal.err(`reading  ${sources.join(' ')}`);
  terminal.err(`sending to  ${to} as ${node}, every ${values.every}`);
  const agent = startAgent({
    identity: { node, bootId },
    readers,
    sender,
    spool,
    clock: systemClock(),
    clockState: hostClock(),
    timers: systemTimers,
    periodMs,
    say,
  });
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => {
      resolve();
    });
    process.once('SIGTERM', () => {
      resolve();
    });
  });
  await agent.stop();
  terminal.err(`stopped  ${agent.sentCount()} messages were sent`);
  return EXIT.done;
}

function openReaders(root: string, nvml: string, say: Say): ChipReader[] {
  const powercap = openPowercap(root);
  const clock = systemClock();
  const monotonicNs = (): bigint => clock.monotonicNs();
  return [
    powercap,
    openHwmon(root, powercap.sources),
    openNvml({ library: loadNvml(nvml), monotonicNs, say }),
  ];
}

function webUrl(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new UsageError(`${option} ${text} is no http:// or https:// address`);
}

/** Loaded only where a BMC is given. */
async function redfishReader(text: string, ca: string | undefined, say: Say): Promise<ChipReader> {
  const url = webUrl(text, '--redfish');
  const { openRedfish } = await import('../../agent/redfish.ts');
  const clock = systemClock();
  return openRedfish({
    url,
    username: environmentVariable('TRUEUP_REDFISH_USERNAME'),
    password: environmentVariable('TRUEUP_REDFISH_PASSWORD'),
    ca: ca === undefined ? undefined : readCa(ca, '--redfish-ca'),
    monotonicNs: () => clock.monotonicNs(),
    say,
  });
}

async function showOnce(
  readers: readonly ChipReader[],
  terminal: Terminal,
  json: boolean,
): Promise<number> {
  const readings = noReadings();
  for (const reader of readers) await reader.read(readings);
  const obstacles = readers.flatMap((reader) => reader.obstacles);
  for (const reader of readers) reader.close();
  if (json) {
    terminal.out(
      JSON.stringify({
        counters: readings.counters.map(({ source, unit, count, maxCount }) => ({
          source,
          unit,
          value: count.toString(),
          max: maxCount?.toString(),
        })),
        gauges: readings.gauges.map(({ source, powerW }) => ({ source, power_w: powerW })),
        obstacles,
      }),
    );
  } else {
    for (const { source, unit, count } of readings.counters) {
      terminal.out(`${source.padEnd(48)} ${count.toString().padStart(20)} ${unit}`);
    }
    for (const { source, powerW } of readings.gauges) {
      terminal.out(`${source.padEnd(48)} ${powerW.toFixed(1).padStart(20)} W`);
    }
    for (const { what, remedy } of obstacles) terminal.out(`cannot read  ${what}\n  ${remedy}`);
  }
  return readings.counters.length + readings.gauges.length > 0 ? EXIT.done : EXIT.wrong;
}

function openSpool(folder: string, spoolMib: number, say: Say): Spool {
  try {
    return new Spool({ folder, maxBytes: spoolMib * MIB_BYTES, say });
  } catch (cause) {
    throw new SiteFault(
      { where: folder, what: 'cannot be made', remedy: 'choose another place with --spool' },
      { cause },
    );
  }
}

/** Only the library of the target that is used is loaded. */
async function openSender(values: Wanted, to: string): Promise<Sender> {
  const url = URL.canParse(to) ? new URL(to) : undefined;
  const ca = values.ca === undefined ? undefined : readCa(values.ca, '--ca');
  switch (url?.protocol) {
    case 'http:':
    case 'https:': {
      const { httpSender } = await import('../../agent/http-sender.ts');
      return httpSender({ url, ca, token: environmentVariable('TRUEUP_TOKEN') });
    }
    case 'mqtt:':
    case 'mqtts:': {
      if (values.site === undefined) throw new UsageError('--site NAME is missing');
      const { mqttSender } = await import('../../agent/mqtt-sender.ts');
      return mqttSender({
        url: to,
        topic: `trueup/1/${values.site}/${values.node}/chips`,
        clientId: `trueup-agent-${values.node}`,
        username: environmentVariable('TRUEUP_MQTT_USERNAME'),
        password: environmentVariable('TRUEUP_MQTT_PASSWORD'),
        ca,
        timers: systemTimers,
      });
    }
    default:
      throw new UsageError(`--to ${to} is neither mqtt://, mqtts://, http:// nor https://`);
  }
}

function readCa(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SiteFault(
      { where: path, what: 'cannot be read', remedy: `give the PEM file with ${option}` },
      { cause },
    );
  }
}

/** The same words are said once an hour at most: a device that stays dead does not fill a journal. */
function sayOnce(terminal: Terminal, json: boolean): Say {
  const saidNs = new Map<string, bigint>();
  const clock = systemClock();
  return (line) => {
    const nowNs = clock.monotonicNs();
    if (nowNs - (saidNs.get(line) ?? -HOUR_NS) < HOUR_NS) return;
    saidNs.set(line, nowNs);
    terminal.err(json ? JSON.stringify({ note: line }) : line);
  };
}
const HOUR_NS = 3_600_000_000_000n;
