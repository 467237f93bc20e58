// Small profiles for tests, and those of the devices folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  isModbus,
  parseProfile,
  type ModbusProfile,
  type Profile,
} from '../../src/decode/profile.ts';

export const deviceProfile = (path: string): Profile =>
  parseProfile(
    parse(readFileSync(join(import.meta.dirname, '../../devices', `${path}.yaml`), 'utf8')),
    path,
  );

export const deviceDocument = (path: string): Record<string, unknown> =>
  parse(readFileSync(join(import.meta.dirname, '../../devices', `${path}.yaml`), 'utf8')) as Record<
    string,
    unknown
  >;

export interface Sketch {
  readonly reads: readonly Record<string, unknown>[];
  readonly limits?: Record<string, unknown>;
  readonly order?: string;
  readonly sentinels?: readonly Record<string, unknown>[];
}

/** A valid Modbus profile around some reads. */
export function modbusProfile(sketch: Sketch): ModbusProfile {
  const expected = sketch.reads.map((read) => [String(read['channel']), '0 W'] as const);
  const profile = parseProfile(
    {
      id: 'sketch',
      brand: 'Sketch',
      model: 'Sketch',
      role: 'reference',
      accuracy: { scheme: 'unknown', class: 'unknown', source: 'a test' },
      provenance: [{ says: 'all', source: 'a test' }],
      speaks: { transport: 'modbus', table: 'holding', order: sketch.order ?? 'ABCD' },
      reads: sketch.reads,
      limits: { refresh_ms: 'unknown', averaging_ms: 'unknown', ...sketch.limits },
      identify: [],
      quirks: [],
      sentinels: sketch.sentinels ?? [],
      vectors: [
        { name: 'none', origin: 'derived', registers: {}, expect: Object.fromEntries(expected) },
      ],
    },
    'sketch.yaml',
  );
  if (!isModbus(profile)) throw new Error('the sketch is Modbus');
  return profile;
}
