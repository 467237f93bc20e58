// The rack as a whole: the site file that the service reads, labels, options, and that it stops cleanly.
import { expect, test } from 'vitest';
import { loadProfiles } from '../../src/cli/site/load-profiles.ts';
import { parseSite } from '../../src/cli/site/site-file.ts';
import type { MqttJsonProfile } from '../../src/decode/json-profile.ts';
import { isMqttJson } from '../../src/decode/profile.ts';
import { wireTasks } from '../../src/decode/wire-tasks.ts';
import { SiteFault } from '../../src/quantity/fault.ts';
import { startRehearsalClock } from '../../src/cli/system-clock.ts';
import { profiles, START_NS, startTestRack } from './rehearsal-rig.ts';

test('the site file is one that the service reads, and every instrument fits its wire', async () => {
  const clockAnchor = startRehearsalClock(START_NS, 10);
  const rack = await startTestRack(10, { clockAnchor, listen: '127.0.0.1:8123' });
  await rack.stop();
  expect(rack.siteText.split('\n')[0]).toMatch(/^# A rehearsal/);
  const site = parseSite(rack.siteText, 'site.yaml');
  expect(site.rehearsal).toEqual({ seed: 7, clock: clockAnchor });
  expect(site.listen).toEqual({ host: '127.0.0.1', port: 8123 });
  expect(site.nodes.map(({ id, type, fedBy }) => [id, type, fedBy])).toEqual(
    rack.nodes.map(({ id, type, fedBy }) => [id, type, fedBy]),
  );
  expect(rack.nodes.every(({ type }) => type.startsWith('rehearsed-'))).toBe(true);
  expect([...rack.truth().keys()].sort()).toEqual(site.points.map(({ meter }) => meter).sort());
  const loaded = loadProfiles();
  const instruments = [...site.instruments.values()].map((instrument) => ({
    instrument,
    profile: loaded.get(instrument.profile)!.profile,
  }));
  const tasks = [...site.wires].map(([id, wire]) => wireTasks(id, wire, instruments));
  expect(tasks.flatMap(({ devices }) => devices)).toHaveLength(4);
  expect(new Set([...site.wires.values()].map(({ transport }) => transport)).size).toBe(4);
});

test('what no rack can be is refused with a remedy', async () => {
  const anchor = (speedRatio: number) => startRehearsalClock(START_NS, speedRatio);
  for (const wrong of [
    { siteName: 'a/b' },
    { siteName: '' },
    { seed: 1.5 },
    { clockAnchor: anchor(61) },
    { clockAnchor: anchor(NaN) },
    { profiles: new Map() },
    { profiles: new Map([...profiles].filter(([id]) => id !== 'abb-b23')) },
    { profiles: new Map([...profiles].filter(([id]) => id !== 'node-rapl-nvml')) },
    { replay: [] },
  ]) {
    await expect(startTestRack(10, wrong)).rejects.toThrow(SiteFault);
  }
});

test('a meter whose profile does not fit its wire is refused, not served wrongly', async () => {
  const shelly = profiles.get('shelly-gen2-switch');
  expect(shelly && isMqttJson(shelly)).toBe(true);
  const swapped = new Map(profiles).set('abb-b23', shelly as MqttJsonProfile);
  await expect(startTestRack(10, { profiles: swapped })).rejects.toThrow(/does not speak Modbus/);
});

test('stopping twice is stopping once, and finished does not keep anybody waiting', async () => {
  const rack = await startTestRack(10);
  await Promise.all([rack.stop(), rack.stop(), rack.finished]);
});
