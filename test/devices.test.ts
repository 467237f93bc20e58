// Every device profile proves itself: schema, house rules, vectors through real frames, and vectors that somebody else's
// code made. Also: the schema file that editors use is fresh.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { decodeExchange } from '../src/decode/decode-exchange.ts';
import { UNIT_UJ, decimalFraction } from '../src/decode/exact.ts';
import { planGets, UPTIME } from '../src/decode/plan-gets.ts';
import { planReads } from '../src/decode/plan-reads.ts';
import { ENERGY_UNITS } from '../src/decode/profile-words.ts';
import { isHttpJson, isScpi, isSnmp, parseProfile, type Profile } from '../src/decode/profile.ts';
import { qualityTierOf } from '../src/decode/quality-tier.ts';
import type { Exchange } from '../src/quantity/exchange.ts';
import { GAUGE_UNITS, type Observation } from '../src/quantity/observation.ts';
import { profileSchemaText, PROFILE_SCHEMA_PATH } from '../tools/make-profile-schema.ts';
import {
  answered,
  answeredObjects,
  bytesOf,
  exchangeOf,
  mqtt,
  pushed,
  registersOf,
  type ModbusForm,
} from './decode/exchanges.ts';
import { findPython, testWith } from './real-programs.ts';

const FOLDER = join(import.meta.dirname, '../devices');
const FILES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);
const profileOf = (name: string): Profile =>
  parseProfile(parse(readFileSync(join(FOLDER, name), 'utf8')), name);
type Vector = Profile['vectors'][number];

/** What a decoder makes of a vector, as vectors say it: `12 W`, `12 uJ`, `gap decode.sentinel`. */
function decoded(profile: Profile, vector: Vector, form: ModbusForm): Map<string, string> {
  const unit = 7;
  const observations =
    'objects' in vector
      ? decodedObjects(profile, vector)
      : 'registers' in vector
        ? planReads(profile).flatMap((read) =>
            decodeExchange(profile, answered(form, unit, read, registersOf(vector.registers)), {
              id: 'm1',
              unit,
              topic: '',
            }),
          )
        : 'payload' in vector
          ? decodeExchange(profile, told(profile, topicOf(vector), vector.payload), {
              id: 'm1',
              unit,
              topic: vector.suffix === '' ? topicOf(vector) : 'prefix',
            })
          : 'reply' in vector
            ? decodeExchange(profile, answeredLine(profile, vector.reply), {
                id: 'm1',
                unit,
                topic: '',
              })
            : decodeExchange(profile, pushed(profile, vector), { id: 'm1', unit, topic: '' });
  return new Map(observations.map((each) => [nameOf(each), outcomeOf(each)]));
}

/** A payload under its topic, or the body under its path. */
const told = (profile: Profile, topic: string, payload: string): Exchange =>
  isHttpJson(profile) ? exchangeOf('http', bytesOf(topic), bytesOf(payload)) : mqtt(topic, payload);

function answeredLine(profile: Profile, reply: string): Exchange {
  if (!isScpi(profile)) throw new Error('only SCPI answers in lines');
  return exchangeOf('scpi', bytesOf(profile.speaks.ask), bytesOf(`${reply}\n`));
}

/** Objects that the vector does not name are not there, but for the time since the agent started. */
function decodedObjects(
  profile: Profile,
  { instrument, objects }: Extract<Vector, { objects: object }>,
): readonly Observation[] {
  if (!isSnmp(profile)) throw new Error('only SNMP has objects');
  return planGets(profile, instrument).flatMap((get) => {
    const exchange = answeredObjects(get, { [UPTIME]: 'timeticks 4711', ...objects });
    return decodeExchange(profile, exchange, { id: 'm1', unit: 1, topic: '', part: instrument });
  });
}

const topicOf = (vector: { suffix: string }): string =>
  vector.suffix === '' ? 'trueup/1/site/gpu-01/chips' : `prefix/${vector.suffix}`;

const nameOf = ({ component, channel }: Observation): string =>
  component === '' ? channel : `${component} ${channel}`;

function outcomeOf(observation: Observation): string {
  switch (observation.kind) {
    case 'gap':
      return `gap ${observation.fault}`;
    case 'counter':
      return `${observation.energyUj.toString()} uJ`;
    case 'gauge':
      return `${String(observation.reading)} ${GAUGE_UNITS[observation.channel]}`;
  }
}

/** An expectation in the units that outcomes are in: energy in exact µJ. */
function canonical(said: string): string {
  const [amount = '', unit = ''] = said.split(' ');
  const energyUnit = ENERGY_UNITS.find((known) => known === unit);
  if (energyUnit === undefined) return said;
  const { numerator, denominator } = decimalFraction(amount)!;
  const scaledUj = numerator * UNIT_UJ[energyUnit];
  expect(scaledUj % denominator, `${said} is no whole number of uJ`).toBe(0n);
  return `${(scaledUj / denominator).toString()} uJ`;
}

describe.each(FILES)('%s', (name) => {
  const profile = profileOf(name);

  test('is named like its id and lies in a folder of its kind', () => {
    expect(basename(name)).toBe(`${profile.id}.yaml`);
    expect(['meters', 'pdus', 'plugs', 'analyzers', 'chips', 'trackers']).toContain(
      name.split('/')[0],
    );
  });

  test.each(profile.vectors.map((vector) => [vector.name, vector] as const))(
    'vector: %s',
    (_, vector) => {
      for (const form of ['modbus-tcp', 'modbus-rtu'] as const) {
        const outcomes = decoded(profile, vector, form);
        const expected = Object.entries(vector.expect);
        expect(expected.length).toBeGreaterThan(0);
        for (const [channel, said] of expected)
          expect(outcomes.get(channel), channel).toBe(canonical(said));
      }
    },
  );

  test('has no trailing warnings in its YAML, and a comment line that names the schema', () => {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    expect(parseDocument(text).warnings).toEqual([]);
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../profile.schema.json');
  });
});

test('the profiles that the main job promises are there, with the evidence they claim', () => {
  const tiers = Object.fromEntries(
    FILES.map((name) => [profileOf(name).id, qualityTierOf(profileOf(name))]),
  );
  expect(tiers).toMatchObject({
    'eastron-sdm120': 'drafted',
    'eastron-sdm630': 'drafted',
    'schneider-iem3155': 'drafted',
    'abb-b23': 'drafted',
    'janitza-umg604': 'drafted',
    'siemens-pac2200': 'drafted',
    'siemens-pac3200': 'drafted',
    'shelly-gen2-switch': 'captured',
    'shelly-pro-3em': 'captured',
    'tasmota-energy': 'documented',
    'node-rapl-nvml': 'drafted',
    'raritan-px': 'drafted',
    'apc-rpdu2': 'drafted',
    'eaton-epdu': 'documented',
    'vertiv-geist': 'drafted',
    'gude-pdu835x': 'drafted',
    'enlogic-pdu2': 'drafted',
    'panduit-g5': 'drafted',
  });
});

test('profile.schema.json is fresh (npx tsx tools/make-profile-schema.ts)', () => {
  expect(JSON.parse(readFileSync(PROFILE_SCHEMA_PATH, 'utf8'))).toEqual(
    JSON.parse(profileSchemaText()),
  );
});

testWith({ python3: findPython() })('derived vectors are those of the independent encoder', () => {
  const script = join(import.meta.dirname, 'independent/encode.py');
  const made = JSON.parse(
    execFileSync(findPython() ?? '', [script], { encoding: 'utf8', maxBuffer: 2 ** 24 }),
  ) as { profiles: Record<string, Vector[]> };
  const derived = Object.fromEntries(
    FILES.map((name) => {
      const { id, vectors } = profileOf(name);
      const derivedOnes = (vectors as Vector[]).filter(({ origin }) => origin === 'derived');
      return [id, derivedOnes] as const;
    }).filter(([, vectors]) => vectors.length > 0),
  );
  expect(derived).toEqual(made.profiles);
});
