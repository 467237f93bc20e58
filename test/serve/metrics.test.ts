// /metrics obeys the exposition format and the naming conventions, and knows the difference between 0 and unknown.
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { joulesText, metricsText } from '../../src/serve/metrics.ts';
import { microjoules, watts } from '../../src/quantity/units.ts';
import { findProgram, testWith } from '../real-programs.ts';
import { accepted, lost, snapshotOf, stepped } from './fake-rack.ts';

const counts = { version: '0.1.0', watchersCount: 2, droppedCount: 1 };
const hostile = { ...accepted, node: 'a"b\\c\nd', rack: 'räck }{' };
const text = metricsText(snapshotOf({ nodes: [accepted, hostile, lost, stepped] }), counts);
const lines = text.split('\n').slice(0, -1);

test('one HELP and one TYPE per family, before its series, in one piece', () => {
  expect(text.endsWith('\n')).toBe(true);
  const order: string[] = [];
  for (const line of lines) {
    const name = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1] ?? /^[a-z0-9_]+/.exec(line)?.[0];
    if (order.at(-1) !== name) order.push(name!);
  }
  expect(new Set(order).size).toBe(order.length);
  for (const name of order) {
    expect(name).toMatch(/^trueup_[a-z0-9_]+$/);
    expect(lines.filter((line) => line.startsWith(`# HELP ${name} `))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith(`# TYPE ${name} `))).toHaveLength(1);
  }
});

test('counters and only counters end in _total; every series is well formed', () => {
  const types = new Map(
    lines.flatMap((line) => {
      const match = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
      return match ? [[match[1]!, match[2]!] as const] : [];
    }),
  );
  for (const [name, type] of types) expect(name.endsWith('_total')).toBe(type === 'counter');
  const series = lines.filter((line) => !line.startsWith('#'));
  for (const line of series) {
    expect(line).toMatch(
      /^[a-z0-9_]+(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/,
    );
  }
  expect(new Set(series.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(
    series.length,
  );
});

test('says powers, the gap and exact totals of a node', () => {
  const labels = '{node="gpu-01",rack="r7"}';
  expect(lines).toContain(`trueup_node_wall_joules_total${labels} 123456789.012345`);
  expect(lines).toContain(`trueup_node_chip_joules_total${labels} 83000000`);
  expect(lines).toContain(`trueup_node_wall_watts${labels} 3210.4`);
  expect(lines).toContain(`trueup_node_corrected_watts${labels} 3198.2`);
  expect(lines).toContain(`trueup_node_gap_ratio${labels} 0.3133`);
  expect(lines).toContain('trueup_sink_waiting_rows{sink="influx",kind="influxdb1"} 0');
  expect(lines).toContain('trueup_wire_up{wire="bus-1",transport="modbus-tcp"} 1');
  expect(lines).toContain('trueup_wire_faults_total{wire="bus-1",transport="modbus-tcp"} 17');
  expect(lines).toContain('trueup_build_info{version="0.1.0"} 1');
  expect(lines).toContain('trueup_rehearsal 1');
  expect(text).toMatch(/# HELP trueup_node_wall_joules_total .*never restated/);
});

test('what is not known has no series at all', () => {
  const unknown = lines.filter((line) => line.includes('node="cpu-04"'));
  expect(unknown).toEqual([
    'trueup_node_quality_info{node="cpu-04",rack="r7",quality="missing"} 1',
  ]);
  expect(lines.filter((line) => line.includes('feed/d7') && !line.includes('quality'))).toEqual([]);
  expect(lines.filter((line) => /(NaN|Inf|undefined)$/.test(line))).toEqual([]);
  // A lateness that is not known, though the wire is.
  expect(text).not.toMatch(/lateness_p99_seconds\{wire="broker"/);
});

test('a total of 0 that was read is a 0', () => {
  const idle = { ...lost, chipW: watts(3), wallUj: microjoules(0n), chipUj: microjoules(0n) };
  const scrape = metricsText(snapshotOf({ nodes: [idle] }), counts);
  expect(scrape).toContain('trueup_node_chip_joules_total{node="cpu-04",rack="r7"} 0\n');
  expect(scrape).not.toContain('trueup_node_wall_joules_total');
});

test('an alarm of a model has a series while it lasts, and the last look at a meter a time', () => {
  expect(lines.filter((line) => line.startsWith('trueup_model_alarm{'))).toEqual([
    'trueup_model_alarm{node="gpu-09",rack="r7",event="level-stepped"} 1',
  ]);
  expect(lines).toContain('trueup_model_accepted{node="gpu-01",rack="r7"} 1');
  expect(text).toContain(
    'trueup_model_checked_timestamp_seconds{node="gpu-01",rack="r7"} 1760364721\n',
  );
  expect(text).not.toContain('trueup_model_accepted{node="cpu-04"');
});

test('labels of any name are escaped', () => {
  expect(lines).toContain('trueup_node_wall_watts{node="a\\"b\\\\c\\nd",rack="räck }{"} 3210.4');
});

test('a real rack says 0 for rehearsal, and no speed', () => {
  const scrape = metricsText(snapshotOf({ rehearsal: undefined }), counts);
  expect(scrape).toContain('\ntrueup_rehearsal 0\n');
  expect(scrape).not.toContain('speed_ratio');
});

test('microjoules become exact decimal joules', () => {
  expect(joulesText(microjoules(0n))).toBe('0');
  expect(joulesText(microjoules(1n))).toBe('0.000001');
  expect(joulesText(microjoules(-1_500_000n))).toBe('-1.5');
  expect(joulesText(microjoules(9_007_199_254_740_993_000_001n))).toBe('9007199254740993.000001');
});

const promtool = findProgram('promtool');
testWith({ promtool })('promtool check metrics finds nothing', () => {
  const said = execFileSync(promtool!, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(said.trim()).toBe('');
});
