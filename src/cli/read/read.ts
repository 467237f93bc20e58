// `trueup read`: a meter, now, without a site file. What it prints is what the service would decode, byte for byte.
import { decodeExchange } from '../../decode/decode-exchange.ts';
import type { Profile } from '../../decode/profile.ts';
import { wireTasks } from '../../decode/wire-tasks.ts';
import type { Exchange } from '../../quantity/exchange.ts';
import { FAULT_CODES } from '../../quantity/fault.ts';
import { formatKwh, kwhOf } from '../../quantity/format.ts';
import { PART_NAMES, type Instrument, type PartNumbers, type Wire } from '../../quantity/site.ts';
import { GAUGE_UNITS, type Observation } from '../../quantity/observation.ts';
import { formatInstant, fromSeconds } from '../../quantity/time.ts';
import { openWire } from '../../transport/transports.ts';
import { isAbandoned, questionsCount } from './ask-round.ts';
import { type Command, EXIT, jsonLine, readArguments, UsageError } from '../command.ts';
import { loadProfiles } from '../site/load-profiles.ts';
import { systemClock, systemTimers } from '../system-clock.ts';
import { parseWire, WIRE_FORMS } from '../site/wire-address.ts';

export const READ: Command = {
  about: 'read a meter now, without a site file',
  help: `trueup read - read a meter now, without a site file

usage: trueup read WIRE PROFILE [--unit N] [--outlet N] [--every SECONDS] [--count N] [--json]
       trueup read --profiles

  WIRE         ${WIRE_FORMS.join('\n               ')}
  PROFILE      a device profile, such as eastron-sdm120; "trueup read --profiles" lists them
  --unit N     Modbus unit id [1]
  --outlet N, --inlet N, --phase N, --pdu N
               SNMP: the part of the PDU, and the unit in a daisy chain [1]
  --every S    seconds between two readings [1]
  --count N    end after this many readings; 0 goes on for ever [1]
  --json       one JSON object per line: {source, channel, value, unit, not_before, not_after, raw}
               or {source, channel, gap, not_before, not_after} with the fault code in "gap"

examples: trueup read modbus-tcp://10.0.7.20:502 schneider-iem3155 --unit 3
          trueup read "modbus-rtu:/dev/ttyUSB0?baud=9600&parity=none" eastron-sdm120 --every 5 --count 0
          trueup read "snmp://10.0.7.21?version=2c&community_env=PDU_COMMUNITY" raritan-px --outlet 3

Exit code 4 where nothing at all could be read.`,
  run: async (argv, terminal) => {
    const { values, positionals } = readArguments({
      args: argv,
      allowPositionals: true,
      options: {
        unit: { type: 'string', default: '1' },
        pdu: { type: 'string' },
        inlet: { type: 'string' },
        outlet: { type: 'string' },
        phase: { type: 'string' },
        every: { type: 'string', default: '1' },
        count: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        profiles: { type: 'boolean', default: false },
      },
    });
    const profiles = loadProfiles();
    if (values.profiles) {
      for (const { profile } of profiles.values()) {
        terminal.out(`${profile.id.padEnd(28)} ${profile.brand} ${profile.model}`);
      }
      return EXIT.done;
    }
    const [wireText, profileId, ...surplus] = positionals;
    if (wireText === undefined || profileId === undefined || surplus.length > 0) {
      throw new UsageError('it takes a WIRE and a PROFILE');
    }
    const profile = profiles.get(profileId)?.profile;
    if (!profile) {
      throw new UsageError(
        `there is no profile "${profileId}"; "trueup read --profiles" lists them`,
      );
    }
    const { wire, topic } = parseWire(wireText);
    const instrument: Instrument = {
      id: profileId,
      profile: profileId,
      wire: 'wire',
      unit: wholeNumberOf(values.unit, '--unit', 0, 255),
      topic,
      ...(wire.transport === 'snmp' ? { part: partNumbers(values) } : {}),
      poll: fromSeconds(numberOf(values.every, '--every', 0.05, 86_400)),
      serial: undefined,
    };
    const count = wholeNumberOf(values.count, '--count', 0, Number.MAX_SAFE_INTEGER);
    const print = values.json
      ? (exchange: Exchange, observation: Observation) => {
          terminal.out(jsonLine(observationJson(exchange, observation)));
        }
      : (_exchange: Exchange, observation: Observation) => {
          terminal.out(observationText(observation));
        };
    return readMeter(wire, profile, instrument, count, print, terminal.err);
  },
};

/** Reads until `count` rounds are done or a signal comes. A round brings every channel of the profile: a reading or a gap. */
async function readMeter(
  wire: Wire,
  profile: Profile,
  instrument: Instrument,
  count: number,
  print: (exchange: Exchange, observation: Observation) => void,
  complain: (trouble: string) => void,
): Promise<number> {
  let rounds = 0;
  let inRound = 0;
  const shown = new Set<string>();
  let good = 0;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  process.once('SIGINT', () => {
    finish();
  });
  process.once('SIGTERM', () => {
    finish();
  });
  const tasks = wireTasks(instrument.wire, wire, [{ instrument, profile }]);
  const [device] = tasks.devices;
  const perRound = device === undefined ? 1 : questionsCount(device);
  const endRound = (): void => {
    rounds += 1;
    inRound = 0;
    shown.clear();
    if (rounds === count) finish();
  };
  const deliver = (exchange: Exchange): Promise<void> => {
    if (count > 0 && rounds >= count) return Promise.resolve();
    inRound += 1;
    const abandoned = isAbandoned(exchange);
    // The wire does not ask for the rest where the device is gone: then it is a gap like what was asked for.
    const told = abandoned ? { ...exchange, request: NOTHING_ASKED } : exchange;
    for (const observation of decodeExchange(profile, told, instrument)) {
      if (abandoned && shown.has(observation.channel)) continue;
      shown.add(observation.channel);
      if (observation.kind !== 'gap') good += 1;
      print(exchange, observation);
    }
    if (abandoned || inRound >= perRound) endRound();
    return Promise.resolve();
  };
  const clock = systemClock();
  const open = await openWire(instrument.wire, wire, tasks, {
    clock,
    timers: systemTimers,
    deliver,
  });
  await done;
  const { trouble } = open.health();
  await open.close();
  if (good === 0 && trouble !== '') complain(trouble);
  return good > 0 ? EXIT.done : EXIT.unreachable;
}

/** A request that names no registers: its fault is a gap of every channel. */
const NOTHING_ASKED = new Uint8Array();

const window = (observation: Observation): { not_before: string; not_after: string } => ({
  not_before: formatInstant(observation.window.notBeforeNs),
  not_after: formatInstant(observation.window.notAfterNs),
});

const nameOf = (observation: Observation): string =>
  observation.component === ''
    ? observation.source
    : `${observation.source}/${observation.component}`;

function observationJson(exchange: Exchange, observation: Observation): Record<string, unknown> {
  const head = { source: nameOf(observation), channel: observation.channel };
  const raw = Buffer.from(exchange.reply).toString('hex');
  switch (observation.kind) {
    case 'counter':
      return {
        ...head,
        value: kwhOf(observation.energyUj),
        unit: 'kWh',
        ...window(observation),
        raw,
      };
    case 'gauge':
      return {
        ...head,
        value: observation.reading,
        unit: GAUGE_UNITS[observation.channel],
        ...window(observation),
        raw,
      };
    case 'gap':
      return { ...head, gap: observation.fault, ...window(observation) };
  }
}

function observationText(observation: Observation): string {
  const at = formatInstant(observation.window.notAfterNs);
  const head = `${at}  ${nameOf(observation)}  ${observation.channel.padEnd(18)}`;
  switch (observation.kind) {
    case 'counter':
      return `${head} ${formatKwh(observation.energyUj)} kWh`;
    case 'gauge':
      return `${head} ${observation.reading.toString()} ${GAUGE_UNITS[observation.channel]}`;
    case 'gap':
      return `${head} no value: ${observation.fault} - ${FAULT_CODES[observation.fault]}`;
  }
}

/** What was given of `--pdu`, `--inlet`, `--outlet` and `--phase`. */
function partNumbers(given: Readonly<Partial<Record<string, unknown>>>): PartNumbers {
  const numbers = PART_NAMES.flatMap((name) => {
    const said = given[name];
    return typeof said === 'string'
      ? [[name, wholeNumberOf(said, `--${name}`, 0, 0xffff_ffff)] as const]
      : [];
  });
  return Object.fromEntries(numbers);
}

function wholeNumberOf(text: string, option: string, least: number, most: number): number {
  const number = numberOf(text, option, least, most);
  if (Number.isInteger(number)) return number;
  throw new UsageError(`${option} takes a whole number`);
}

function numberOf(text: string, option: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number >= least && number <= most)
    return number;
  throw new UsageError(`${option} takes a number from ${least.toString()} to ${most.toString()}`);
}
