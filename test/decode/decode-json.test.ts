// MQTT payloads: what is missing, null, retained, stamped, or not what the profile says.
import { describe, expect, test } from 'vitest';
import { decodeExchange } from '../../src/decode/decode-exchange.ts';
import { utcInstant } from '../../src/decode/device-time.ts';
import { isMqttJson } from '../../src/decode/profile.ts';
import { topicsOf } from '../../src/decode/topics.ts';
import { mqtt, RECEIVED_NS } from './exchanges.ts';
import { deviceProfile } from './profiles.ts';

const shelly = deviceProfile('plugs/shelly-gen2-switch');
const tasmota = deviceProfile('plugs/tasmota-energy');
const retained = { flags: { retained: true, redelivered: false, packetId: 0 } };
const instrument = { id: 'm1', unit: 1, topic: 'plug' };
const rpc = (ts: number): string =>
  JSON.stringify({ params: { ts, 'switch:0': { apower: 5, aenergy: { total: 1 } } } });
const received = Number(RECEIVED_NS) / 1e9;

describe('fields', () => {
  test('an unchanged field of a partial message is nothing; in a whole status it is a gap', () => {
    const partial = decodeExchange(shelly, mqtt('plug/events/rpc', rpc(received - 1)), instrument);
    expect(partial.map(({ channel }) => channel)).toEqual(['power_active', 'energy_import']);
    const whole = decodeExchange(shelly, mqtt('plug/status/switch:0', '{"apower":5}'), instrument);
    expect(whole.map((each) => (each.kind === 'gap' ? each.fault : each.channel))).toEqual([
      'power_active',
      ...Array.from({ length: 4 }, () => 'decode.missing'),
    ]);
  });

  test('a number too large for a double, text and arrays are no readings', () => {
    const payload = '{"ENERGY":{"Total":1e999,"Power":"170","Voltage":[230,231,232]}}';
    const outcomes = Object.fromEntries(
      decodeExchange(tasmota, mqtt('plug/SENSOR', payload), instrument).map((each) => [
        each.channel,
        each.kind === 'gap' ? each.fault : each.kind,
      ]),
    );
    expect(outcomes).toMatchObject({
      energy_import: 'decode.not-a-number',
      power_active: 'decode.malformed',
      voltage: 'decode.malformed',
    });
  });

  test('a counter carries the epoch that the device tells', () => {
    const payload = '{"ENERGY":{"TotalStartTime":"2025-10-25T15:22:04","Total":1.5}}';
    const counter = decodeExchange(tasmota, mqtt('plug/SENSOR', payload), instrument).at(-1);
    expect(counter).toMatchObject({
      kind: 'counter',
      epoch: '2025-10-25T15:22:04',
      energyUj: 5_400_000_000_000n,
      quantumUj: 3_600_000_000n,
      wrapsAtUj: undefined,
    });
  });
});

describe('time', () => {
  const windowOf = (ts: number, more = {}) =>
    decodeExchange(shelly, mqtt('plug/events/rpc', rpc(ts), more), instrument)[0];

  test('a UTC stamp places the reading, give or take what its clock may be off', () => {
    const late = windowOf(received - 3600)!;
    expect(Number(late.window.notBeforeNs) / 1e9).toBeCloseTo(received - 3601, 3);
    expect(Number(late.window.notAfterNs) / 1e9).toBeCloseTo(received - 3599, 3);
    expect(windowOf(received)!.window.notAfterNs).toBe(RECEIVED_NS);
  });

  test('a stamp from the future or an uptime says nothing: then the arrival counts', () => {
    for (const ts of [received + 60, 1632, -5, 1e300])
      expect(windowOf(ts)).toMatchObject({
        kind: 'gauge',
        window: { notBeforeNs: RECEIVED_NS, notAfterNs: RECEIVED_NS },
      });
  });

  test('a retained message without a time of its own is stale; with one it is placed there', () => {
    const stale = decodeExchange(
      tasmota,
      mqtt(
        'plug/SENSOR',
        '{"Time":"2025-10-13T14:12:00","ENERGY":{"Total":1,"Power":5}}',
        retained,
      ),
      instrument,
    );
    const told = stale.flatMap((each) => (each.kind === 'gap' ? [each.fault] : ['a reading']));
    expect(told.filter((fault) => fault === 'decode.stale').length).toBe(2);
    expect(told).not.toContain('a reading');
    expect(windowOf(received - 3600, retained)!.kind).toBe('gauge');
    expect(windowOf(1632, retained)).toMatchObject({ kind: 'gap', fault: 'decode.stale' });
  });

  test.each(['local-naive', 'uptime', 'minute-start'] as const)(
    'a clock of kind %s places nothing: the window is that of the arrival, and a retained message is stale',
    (kind) => {
      if (!isMqttJson(shelly)) throw new Error('it speaks MQTT');
      const times = shelly.speaks.times.map((time) => ({ ...time, kind }));
      const vague = { ...shelly, speaks: { ...shelly.speaks, times } };
      const at = (more = {}) =>
        decodeExchange(vague, mqtt('plug/events/rpc', rpc(received - 3600), more), instrument)[0];
      expect(at()).toMatchObject({
        kind: 'gauge',
        window: { notBeforeNs: RECEIVED_NS, notAfterNs: RECEIVED_NS },
      });
      expect(at(retained)).toMatchObject({ kind: 'gap', fault: 'decode.stale' });
    },
  );

  test('units of stamps', () => {
    const instant = 1_760_364_721_500_000_000n;
    expect(utcInstant(1_760_364_721.5, 's')).toBe(instant);
    expect(utcInstant(1_760_364_721_500, 'ms')).toBe(instant);
    expect(utcInstant('1760364721500000000', 'ns')).toBe(instant);
    expect(utcInstant('2025-10-13T14:12:01.5Z', 'rfc3339')).toBe(instant);
    expect(utcInstant('2025-10-13T14:12:01', 'rfc3339')).toBeUndefined();
    for (const nonsense of [NaN, 1e25, -1, '1e9', null, undefined, {}, 999_999_999])
      expect(utcInstant(nonsense, 's')).toBeUndefined();
  });
});

describe('topics', () => {
  test('the topic of the instrument is the prefix; a full topic means that one alone', () => {
    expect(topicsOf(shelly, 'plug')).toEqual(['plug/status/switch:0', 'plug/events/rpc']);
    expect(topicsOf(shelly, 'plug/events/rpc')).toEqual(['plug/events/rpc']);
    expect(topicsOf(tasmota, 'tele/plug/SENSOR')).toEqual(['tele/plug/SENSOR']);
    const full = { ...instrument, topic: 'tele/plug/SENSOR' };
    const payload = '{"ENERGY":{"Power":5}}';
    const [power] = decodeExchange(tasmota, mqtt('tele/plug/SENSOR', payload), full);
    expect(power).toMatchObject({ kind: 'gauge', reading: 5 });
  });

  test('a message on a topic that is not this instrument is a gap', () => {
    const gaps = decodeExchange(
      tasmota,
      mqtt('other/SENSOR', '{"ENERGY":{"Total":1}}'),
      instrument,
    );
    expect(new Set(gaps.map((each) => each.kind === 'gap' && each.fault))).toEqual(
      new Set(['decode.malformed']),
    );
  });
});
