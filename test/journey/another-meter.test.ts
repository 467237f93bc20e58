// A meter that is not the one that the site file means, from the start or later: it is said, its readings are kept, and its point is refused
// while the one beside it is settled.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { strangeness } from '../../src/cli/running-site/meters-meant.ts';
import { findPython, testWith } from '../real-programs.ts';
import { floatAt, foreignMeter, sdm120 } from '../simulators/foreign-meter.ts';
import { frameOf, readingPdu, ScriptedPeer } from '../transport/scripted-peer.ts';
import { startTrueup } from './stack.ts';

/** A service of one bus; what it is told of instruments and points is given line by line. */
function serviceOf(port: number, ...lines: readonly string[]): ReturnType<typeof startTrueup> {
  const at = mkdtempSync(join(tmpdir(), 'trueup-another-'));
  onTestFinished(() => {
    rmSync(at, { recursive: true, force: true });
  });
  const site = join(at, 'site.yaml');
  writeFileSync(
    site,
    [
      'site: here',
      'interval: 5s',
      'settle_after: 1s',
      'listen: 127.0.0.1:0',
      `wires: { bus: { transport: modbus-tcp, host: 127.0.0.1, port: ${String(port)} } }`,
      'instruments:',
      ...lines,
    ].join('\n'),
  );
  const service = startTrueup('run', '--site', site, '--data', join(at, 'kept'), '--json');
  onTestFinished(async () => {
    await service.end();
  });
  return service;
}

testWith({ pymodbus: findPython('pymodbus') })(
  'a meter that was exchanged is not settled under the name of the old one',
  { timeout: 120_000 },
  async () => {
    const port = await foreignMeter('tcp', { 1: sdm120(111), 2: sdm120(222) });
    const service = serviceOf(
      port,
      '  right: { profile: eastron-sdm120, wire: bus, unit: 1, serial: "111" }',
      '  other: { profile: eastron-sdm120, wire: bus, unit: 2, serial: "999" }',
      'points: { feed/right: { meter: right }, feed/other: { meter: other } }',
    );
    const said = await service.waitFor(
      ({ event, line }) => event === 'note' && String(line).includes('222'),
    );
    expect(String(said['line'])).toContain('the site file says 999');
    const refused = await service.waitFor(
      ({ event, point, quality }) =>
        event === 'settled' && point === 'feed/other' && quality === 'refused',
    );
    expect(refused['energy_kwh']).toBe('');
    const settled = await service.waitFor(
      ({ event, point, quality }) =>
        event === 'settled' && point === 'feed/right' && quality !== 'missing',
    );
    expect(settled['quality']).not.toBe('refused');
  },
);

test(
  'a meter that is exchanged while the service runs is told, and no step to its register is energy',
  { timeout: 120_000 },
  async () => {
    // The register of the new meter stands 1 kWh higher: by itself that could be energy.
    let now = { serial: 111, kwh: 1234.5 };
    const peer = new ScriptedPeer('modbus-tcp');
    peer.script = ({ request, send }) => {
      const { unit, functionCode, address, count, transactionId } = request;
      const tables = sdm120(now.serial);
      const words =
        functionCode === 3 ? tables.holding : { ...tables.input, ...floatAt(0x48, now.kwh) };
      const registers = Array.from({ length: count }, (_, n) => words?.[address + n] ?? 0);
      send(frameOf('modbus-tcp', unit, readingPdu(functionCode, registers), transactionId));
    };
    const port = await peer.listen();
    onTestFinished(() => peer.close());
    const service = serviceOf(
      port,
      '  meter: { profile: eastron-sdm120, wire: bus, unit: 1, serial: "111" }',
      'points: { feed/a: { meter: meter } }',
    );
    await service.waitFor(
      ({ event, quality }) =>
        event === 'settled' && !['missing', 'refused'].includes(String(quality)),
    );
    now = { serial: 222, kwh: 1235.5 };
    peer.resetAll();
    const said = await service.waitFor(
      ({ event, line }) => event === 'note' && String(line).includes('222'),
    );
    expect(String(said['line'])).toContain('the site file says 111');
    const refused = await service.waitFor(
      ({ event, quality }) => event === 'settled' && quality === 'refused',
    );
    const settled = service.events.filter(({ event }) => event === 'settled');
    const bookedKwh = settled.reduce((sum, { energy_kwh: kwh }) => sum + Number(kwh), 0);
    // 574 W for as long as the test may take is less than a tenth of the step.
    expect(bookedKwh).toBeLessThan(0.1);
    expect(refused['energy_kwh']).toBe('');
  },
);

test('only what contradicts is strange', () => {
  expect(strangeness([{ what: 'serial', text: '5' }], '5')).toBeUndefined();
  expect(strangeness([], '5')).toBeUndefined();
  expect(strangeness([{ what: 'serial', text: '5' }], undefined)).toBeUndefined();
  expect(strangeness([{ what: 'serial', text: '5' }], '6')).toContain('the site file says 6');
  expect(strangeness([{ what: 'model', text: 'B21', fits: false }], undefined)).toContain('model');
});
