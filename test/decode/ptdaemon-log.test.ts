// PTDaemon power logs: our own lines, and logs of real servers with their sentinels and sign faults where they are present.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readPtdaemonLine, zoneOffsetS } from '../../src/decode/ptdaemon-log.ts';
import { formatInstant } from '../../src/quantity/time.ts';
import { shared } from '../fixtures.ts';

const line = (
  watts: string,
  volts = '230.0',
  amps = '2.0',
  pf = '0.5',
  at = '07-29-2025 00:14:12.271',
): string => `Time,${at},Watts,${watts},Volts,${volts},Amps,${amps},PF,${pf},Mark,m`;

describe('one line', () => {
  test('is power at an instant of the zone', () => {
    const read = readPtdaemonLine(line('230.0'), 7200);
    expect(read).toMatchObject({ kind: 'power', reading: 230 });
    expect(formatInstant(read.atNs!)).toBe('2025-07-28T22:14:12.271Z');
    expect(readPtdaemonLine(`${line('230.0')}\r`, 0).kind).toBe('power');
  });

  test.each([
    ['sentinel', line('-1.000000', '-1.0', '-1.0', '-1.0'), 'decode.sentinel'],
    ['sentinel', line('-2.000000', '-2.0', '-2.0', '-2.0'), 'decode.sentinel'],
    [
      'a minus before a plausible power',
      line('-37.4', '246', '-3.28', '0.488'),
      'decode.out-of-range',
    ],
    ['volts, amperes and factor that make another power', line('460.0'), 'decode.out-of-range'],
    ['no line', 'Time', 'decode.malformed'],
    ['an empty one', '', 'decode.malformed'],
    ['text for a number', line('many'), 'decode.malformed'],
    ['NaN', line('NaN'), 'decode.malformed'],
    [
      'fields in another order',
      'Time,07-29-2025 00:14:12.271,Volts,230,Watts,230,Amps,1,PF,1',
      'decode.malformed',
    ],
    [
      'a day that does not exist',
      line('230.0', '230.0', '2.0', '0.5', '02-30-2025 00:00:00.000'),
      'decode.malformed',
    ],
    [
      'an hour that does not exist',
      line('230.0', '230.0', '2.0', '0.5', '02-03-2025 24:00:00.000'),
      'decode.malformed',
    ],
    [
      'day before month',
      line('230.0', '230.0', '2.0', '0.5', '29-07-2025 00:00:00.000'),
      'decode.malformed',
    ],
  ])('%s is a gap', (_, text, fault) => {
    expect(readPtdaemonLine(text, 0)).toMatchObject({ kind: 'gap', fault });
  });
});

test('zones', () => {
  expect(['Z', '+02:00', '-07:30', '+0200', 'CET', '+15:00', '+02:60'].map(zoneOffsetS)).toEqual([
    0,
    7200,
    -27000,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

describe('logs of real servers', () => {
  // Samples, sentinels, other negatives and range as the description of the logs gives them.
  const LOGS = [
    ['h200-3d-unet-run1', 756, 0, 0, 2360, 4692.2],
    ['h200-resnet50-ranging', 761, 2, 0, 0, 5061.3],
    ['h200-dlrm-server-ranging', 1178, 2, 0, 0, 6144.4],
    ['b200-llama8b-ranging', 782, 2, 0, 0, 9760.7],
    ['b200-llama405b-run1', 3605, 0, 0, 2355.5, 10299.9],
    ['minipc-negative-128-run1', 611, 0, 37, 0, 35.41],
    ['minipc-negative-160-run1', 611, 0, 59, 0, 38.79],
  ] as const;
  test.skipIf(!shared('data', 'ptdaemon-wall-logs')).each(LOGS)(
    '%s',
    (name, samplesCount, sentinelsCount, negativesCount, leastW, mostW) => {
      const path = shared('data', 'ptdaemon-wall-logs', `${name}.spl.txt.gz`);
      const lines = gunzipSync(readFileSync(path!))
        .toString('utf8')
        .split('\n')
        .filter((each) => each.trim() !== '');
      const reads = lines.map((each) => readPtdaemonLine(each, 0));
      const count = (fault: string): number =>
        reads.filter((read) => read.kind === 'gap' && read.fault === fault).length;
      const watts = reads.flatMap((read) => (read.kind === 'power' ? [read.reading] : []));
      expect(reads.length - count('decode.malformed')).toBe(samplesCount);
      expect(count('decode.sentinel')).toBe(sentinelsCount);
      expect(count('decode.out-of-range')).toBe(negativesCount);
      expect(Math.max(...watts)).toBeCloseTo(mostW, 1);
      if (leastW > 0) expect(Math.min(...watts)).toBeCloseTo(leastW, 1);
      expect(Math.min(...watts)).toBeGreaterThan(0);
    },
  );
});
