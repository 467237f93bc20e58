// The averaging of a GPU board's own power sensor, found from the sensor's held values against a meter at its supply
// connectors: a held meter like any PDU, only a hundred times faster. Recorded traces; skipped by name where absent.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { EnergySeries } from '../../src/align/energy-series.ts';
import { findMeterWindow, type MeterWindow } from '../../src/align/held-meter.ts';
import { heldReadingsOf, type HeldReadings } from '../../src/align/held-readings.ts';
import { energyFromPower } from '../../src/align/series-from-samples.ts';
import { isRefusal } from '../../src/quantity/fault.ts';
import { instantNs } from '../../src/quantity/time.ts';
import { shared } from '../fixtures.ts';

const ORIGIN_US = 1_688_000_000_000_000n;
const origin = instantNs(ORIGIN_US * 1000n);

function unpacked(trace: string, file: string): Buffer {
  const path = shared('data', 'gpu-board-sensor', trace, `${file}.gz`);
  if (path === undefined) throw new Error(`${trace}/${file} is absent`);
  return gunzipSync(readFileSync(path));
}

/** Power at the connectors: records of a wrapping tick counter and four pairs of voltage and current (README of the set). */
function supplyOf(trace: string): EnergySeries {
  const bytes = unpacked(trace, 'PMD_data.bin');
  const startUs = BigInt(unpacked(trace, 'PMD_start_ts.txt').toString('utf8').trim());
  const startS = Number(startUs - ORIGIN_US) / 1e6;
  const count = Math.floor(bytes.length / 18);
  const atS = new Float64Array(count);
  const reading = new Float64Array(count);
  let ticks = 0;
  let last = bytes.readUInt16LE(0);
  for (let record = 0; record < count; record++) {
    const at = record * 18;
    const tick = bytes.readUInt16LE(at);
    ticks += (tick - last + 65536) % 65536;
    last = tick;
    atS[record] = startS + ticks / 2_934_500;
    let powerW = 0;
    for (let pair = 0; pair < 4; pair++) {
      const [voltage, current] = [0, 2].map((behind) => {
        const raw = (bytes.readInt16LE(at + 2 + 4 * pair + behind) >> 4) & 0xfff;
        return raw >= 2048 ? 0 : raw;
      });
      powerW += (voltage ?? 0) * (pair === 2 ? 0.0075 : 0.007568) * (current ?? 0) * 0.0488;
    }
    reading[record] = powerW;
  }
  return energyFromPower({ originNs: origin, atS, reading }, 'end').series;
}

/** The values of one column of nvidia-smi, whose stamps are local time (UTC+1). */
function sensorOf(trace: string, column: string): HeldReadings {
  const [header = '', ...lines] = unpacked(trace, 'gpudata.csv')
    .toString('utf8')
    .trim()
    .split('\n');
  const place = header.split(', ').findIndex((name) => name.startsWith(column));
  const atS: number[] = [];
  const reading: number[] = [];
  for (const line of lines) {
    const fields = line.split(', ');
    const stamp = (fields[0] ?? '').replace(/(\d+)\/(\d+)\/(\d+) (.*)/, '$1-$2-$3T$4+01:00');
    const value = Number(fields[place]);
    if (!Number.isFinite(value)) continue;
    atS.push(Date.parse(stamp) / 1000 - Number(ORIGIN_US / 1_000_000n));
    reading.push(value);
  }
  const held = heldReadingsOf({
    originNs: origin,
    atS: Float64Array.from(atS),
    reading: Float64Array.from(reading),
  });
  if (!held) throw new Error(`${column} holds no values`);
  return held;
}

function windowOf(trace: string, column: string): MeterWindow {
  const window = findMeterWindow(sensorOf(trace, column), supplyOf(trace));
  if (isRefusal(window)) throw new Error(`${trace} ${column}: ${window.because}`);
  return window;
}

const absent = !shared('data', 'gpu-board-sensor');

test.skipIf(absent)('3090, instant: a mean of 100 ms that is new every 100 ms', () => {
  expect(sensorOf('transient_response-3090_tr', 'power.draw.instant').holdS).toBeCloseTo(0.1, 3);
  for (const trace of ['transient_response-3090_tr', '5050-3090']) {
    const window = windowOf(trace, 'power.draw.instant');
    expect(Math.abs(window.windowS - 0.1)).toBeLessThan(0.012);
    expect(window.explainedRatio).toBeGreaterThan(0.99);
    // The board gain of five such cards lies between 0.94 and 1.02, with what a square wave leaves open.
    expect(window.gainRatio).toBeGreaterThan(0.9);
    expect(window.gainRatio).toBeLessThan(1.1);
  }
});

test.skipIf(absent)('3090, average: ten times as long, with the ramp of the sensor itself', () => {
  for (const trace of ['transient_response-3090_tr', '5050-3090']) {
    const window = windowOf(trace, 'power.draw.average');
    expect(window.windowS).toBeGreaterThan(0.95);
    expect(window.windowS).toBeLessThan(1.25);
    expect(window.explainedRatio).toBeGreaterThan(0.99);
  }
});

test.skipIf(absent)(
  'A100: does not see all of the time, and three steps do not tell how little of it',
  () => {
    const held = sensorOf('transient_response-a100_tr', 'power.draw');
    const window = windowOf('transient_response-a100_tr', 'power.draw');
    // The truth is 25 ms of every 104; what is claimed is that part of the time is lost, and that the length is open.
    expect(held.holdS).toBeGreaterThan(0.095);
    expect(held.holdS).toBeLessThan(0.11);
    expect(window.windowS).toBeLessThan(0.75 * held.holdS);
    expect(Math.abs(window.windowS - 0.025)).toBeLessThan(2 * window.windowUncertaintyS);
    expect(window.standing).toBe('middle');
  },
);
