// The neutral CSV: what a line says, what is none, and files that are compressed, torn, quoted or endless.
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SiteFault } from '../../src/quantity/fault.ts';
import { formatInstant, instantNs, parseInstant } from '../../src/quantity/time.ts';
import { LINE_BYTES_MAX } from '../../src/transport/csv-lines.ts';
import {
  NEUTRAL_HEADER,
  NEUTRAL_QUANTITIES,
  parseNeutralLine,
  readNeutralCsv,
  type NeutralReading,
  type NeutralTrouble,
} from '../../src/transport/neutral-csv.ts';
import { shared } from '../fixtures.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trueup-csv-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function read(path: string) {
  const readings: NeutralReading[] = [];
  const troubles: NeutralTrouble[] = [];
  for await (const batch of readNeutralCsv(path)) {
    readings.push(...batch.readings);
    troubles.push(...batch.troubles);
  }
  return { readings, troubles };
}

const row = (index: number): string =>
  `${formatInstant(instantNs(1_650_000_000_000_000_000n + BigInt(index) * 500_000_000n))},wall,power_w,${String(index)}.5`;
const rows = (count: number): string[] => Array.from({ length: count }, (_, index) => row(index));

describe('a line', () => {
  test('as instruments write it', () => {
    expect(parseNeutralLine('2022-04-20T18:12:24Z,wall,power_w,1029.097')).toEqual({
      time: 1_650_478_344_000_000_000n,
      source: 'wall',
      quantity: 'power_w',
      reading: 1029.097,
      text: '1029.097',
    });
    expect(
      parseNeutralLine('2022-04-20T20:12:24.25+02:00,"n1/rapl:""a"",b",energy_j,"1e3"\r'),
    ).toEqual({
      time: 1_650_478_344_250_000_000n,
      source: 'n1/rapl:"a",b',
      quantity: 'energy_j',
      reading: 1000,
      text: '1e3',
    });
  });

  test.each([
    '',
    ',',
    ',,,',
    'wall,power_w,1',
    '2022-04-20T18:12:24Z,wall,power_w',
    '2022-04-20T18:12:24Z,wall,power_w,1,2',
    '2022-04-20T18:12:24Z,,power_w,1',
    '2022-04-20T18:12:24Z,wall,power_kw,1',
    '2022-04-20T18:12:24Z,wall,POWER_W,1',
    '2022-04-20T18:12:24Z,wall,power_w,',
    '2022-04-20T18:12:24Z,wall,power_w, 1',
    '2022-04-20T18:12:24Z,wall,power_w,NaN',
    '2022-04-20T18:12:24Z,wall,power_w,Infinity',
    '2022-04-20T18:12:24Z,wall,power_w,1e999',
    '2022-04-20T18:12:24Z,wall,power_w,0x10',
    '2022-04-20T18:12:24Z,wall,power_w,1e',
    '2022-04-20T18:12:24Z,wall,power_w,"1',
    '2022-04-20T18:12:24Z,wa"ll,power_w,1',
    '2022-04-20T18:12:24Z,"wall"x,power_w,1',
    '2022-04-20T18:12:24,wall,power_w,1',
    '2022-04-20 18:12,wall,power_w,1',
    '2022-02-30T18:12:24Z,wall,power_w,1',
    '2022-04-20T24:00:00Z,wall,power_w,1',
    '2022-04-20T18:60:24Z,wall,power_w,1',
    '2022-04-20T18:1a:24Z,wall,power_w,1',
    '2022-04-20T18:12:24.Z,wall,power_w,1',
    '2022-04-20T18:12:24.1x2Z,wall,power_w,1',
    NEUTRAL_HEADER,
  ])('is no reading: %s', (line) => {
    expect(parseNeutralLine(line)).toBeUndefined();
  });

  const field = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\r\n]/.test(text));
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

  test('any reading comes back as it was written, quoted or not', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
        field,
        fc.constantFrom(...NEUTRAL_QUANTITIES),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        (ns, source, quantity, value, isQuoted) => {
          const time = formatInstant(instantNs(ns));
          const text = String(value);
          const line = isQuoted
            ? [time, source, quantity, text].map(quote).join(',')
            : [time, /[",]/.test(source) ? quote(source) : source, quantity, text].join(',');
          expect(parseNeutralLine(line)).toEqual({
            time: ns,
            source,
            quantity,
            reading: Number(text),
            text,
          });
        },
      ),
    );
  });

  test('the fast reading of time agrees with the slow one on every text', () => {
    const likely = fc
      .tuple(
        fc.constantFrom('2022-04-20', '2024-02-29', '2023-02-29', '1969-12-31', '20x2-01-01'),
        fc.constantFrom('T', 't', ' '),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 99 }),
        fc.integer({ min: 0, max: 99 }),
        fc.constantFrom('', '.', '.5', '.123456789', '.1234567890', '.-1', '.12 '),
        fc.constantFrom('Z', 'z', '+01:00', ''),
      )
      .map(([day, letter, hour, minute, second, fraction, zone]) => {
        const two = (count: number): string => String(count).padStart(2, '0');
        return `${day}${letter}${two(hour)}:${two(minute)}:${two(second)}${fraction}${zone}`;
      });
    fc.assert(
      fc.property(likely, (time) => {
        expect(parseNeutralLine(`${time},a,power_w,1`)?.time).toBe(parseInstant(time));
      }),
      { numRuns: 2_000 },
    );
  });

  test('no text makes it throw, and what it takes has all four parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('"', ',', '\r', '2022-04-20T18:12:24Z', 'power_w', '1', 'é', ' ')),
        (parts) => {
          const reading = parseNeutralLine(parts.join(''));
          if (!reading) return;
          expect(reading.source).not.toBe('');
          expect(Number.isFinite(reading.reading)).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('a file', () => {
  const text = [NEUTRAL_HEADER, ...rows(20_000)].join('\n') + '\n';

  test('plain, gzip, gzip of several members, CRLF, byte order mark, no last line end: the same readings', async () => {
    const plain = await read(await write('plain.csv', text));
    expect(plain.troubles).toEqual([]);
    expect(plain.readings).toHaveLength(20_000);
    expect(plain.readings[19_999]?.reading).toBe(19_999.5);
    const half = text.length / 2;
    const forms: Record<string, string | Uint8Array> = {
      'named-plain.csv': gzipSync(text),
      'members.csv.gz': Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(text.slice(half))]),
      'crlf.csv': text.replaceAll('\n', '\r\n'),
      'mark.csv': '\uFEFF' + text,
      'quoted-header.csv': text.replace(NEUTRAL_HEADER, '"time","source","quantity","value"'),
      'unended.csv': text.trimEnd(),
    };
    for (const [name, content] of Object.entries(forms)) {
      expect(await read(await write(name, content)), name).toEqual(plain);
    }
  });

  test('a torn gzip gives every line that is in it, and says that it is torn', async () => {
    const whole = gzipSync(text);
    let fewer = 20_001;
    for (const keptRatio of [0.999, 0.5, 0.1]) {
      const torn = whole.subarray(0, Math.floor(whole.length * keptRatio));
      const { readings, troubles } = await read(await write('torn.csv.gz', torn));
      expect(readings.length).toBeGreaterThan(0);
      expect(readings.length).toBeLessThan(fewer);
      expect(readings.at(-1)?.reading).toBe(readings.length - 0.5);
      expect(troubles.at(-1)?.what).toBe('the gzip stream ends early');
      // The piece of a line at the end is never a reading, even where it looks like one.
      expect(troubles.length).toBeLessThanOrEqual(2);
      fewer = readings.length;
    }
  });

  test('a damaged gzip says so', async () => {
    const damaged = Buffer.from(gzipSync(text));
    const middle = Math.floor(damaged.length / 2);
    damaged.fill(0xff, middle, middle + 64);
    const { readings, troubles } = await read(await write('damaged.csv.gz', damaged));
    expect(readings.length).toBeLessThan(20_000);
    expect(troubles.length).toBeGreaterThan(0);
  });

  test('a line without end is cut and named; the lines around it are whole', async () => {
    for (const sizeBytes of [LINE_BYTES_MAX + 1, 300_000, 5_000_000]) {
      const lines = [NEUTRAL_HEADER, row(0), 'x'.repeat(sizeBytes), row(1)];
      const { readings, troubles } = await read(await write('huge.csv', lines.join('\n')));
      expect(readings.map((reading) => reading.reading)).toEqual([0.5, 1.5]);
      expect(troubles.map(({ line, what }) => ({ line, what }))).toEqual([
        { line: 3, what: 'the line is too long' },
      ]);
      expect(troubles[0]?.text).toHaveLength(4096);
    }
  });

  test('malformed lines are named by number, empty ones are passed over', async () => {
    const lines = [NEUTRAL_HEADER, row(0), '', 'nonsense', row(1), `${row(2)},more`];
    const { readings, troubles } = await read(await write('bad.csv', lines.join('\n')));
    expect(readings).toHaveLength(2);
    expect(troubles.map(({ line }) => line)).toEqual([4, 6]);
  });

  test.each([
    ['empty.csv', '', 'empty'],
    ['no-header.csv', row(0), 'header'],
    ['other-header.csv', 'timestamp,value\n1,2\n', 'header'],
    ['binary.csv', '\0\0\0\0', 'header'],
    ['empty.csv.gz', gzipSync(''), 'empty'],
  ])('%s is refused with file, line and remedy', async (name, content, what) => {
    const path = await write(name, content);
    const fault: unknown = await read(path).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(SiteFault);
    expect(String(fault)).toContain(`${path}, line 1`);
    expect(String(fault)).toContain(what);
    expect(String(fault)).toContain(NEUTRAL_HEADER);
  });

  test('a file that is not there, and a folder, are refused by name', async () => {
    for (const path of [join(folder, 'absent.csv'), folder]) {
      await expect(read(path)).rejects.toMatchObject({ notice: { where: path } });
    }
  });

  test('leaving early closes the file', async () => {
    const path = await write('early.csv', text);
    const batches = readNeutralCsv(path);
    await batches.next();
    await batches.return();
    const links = await readdir('/proc/self/fd').catch(() => []);
    const open = await Promise.all(
      links.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    expect(open).not.toContain(path);
  });
});

const recorded = shared('data', 'dgx1-v100');
test.skipIf(recorded === undefined)('recorded runs are read whole', async () => {
  const runs = (await readdir(recorded ?? '', { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  );
  expect(runs.length).toBeGreaterThan(0);
  for (const run of runs) {
    const { readings, troubles } = await read(join(recorded ?? '', run.name, 'meter.csv.gz'));
    expect(troubles).toEqual([]);
    expect(readings.length).toBeGreaterThan(100);
  }
});
