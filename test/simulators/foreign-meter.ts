// Modbus meters by pymodbus with the registers of a profile's own map, started on loopback; they end with their test.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemTimers } from '../../src/cli/system-clock.ts';
import { findPython, freePort } from '../real-programs.ts';

export type Tables = Partial<Record<'input' | 'holding', Readonly<Record<number, number>>>>;

/** Big-endian floats and integers as registers, from an address on. */
export const floatAt = (at: number, value: number): Record<number, number> => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return { [at]: bytes.readUInt16BE(0), [at + 1]: bytes.readUInt16BE(2) };
};
export const longAt = (at: number, value: number): Record<number, number> => ({
  [at]: Math.floor(value / 65_536),
  [at + 1]: value % 65_536,
});

/** The same with the words of each pair of registers exchanged. */
export const swapped = (words: Readonly<Record<number, number>>): Record<number, number> =>
  Object.fromEntries(
    Object.keys(words).map((key) => {
      const at = Number(key);
      return [at, words[at % 2 === 0 ? at + 1 : at - 1] ?? 0];
    }),
  );

/** Registers of an Eastron SDM120 that runs: all that it has between the values too. */
export function sdm120(serial: number, turn: typeof swapped = (words) => ({ ...words })): Tables {
  const holes = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [at, 0]));
  const shown = {
    ...floatAt(0x0000, 230.25),
    ...floatAt(0x0006, 2.5),
    ...floatAt(0x000c, 574.125),
    ...floatAt(0x0012, 575.625),
    ...floatAt(0x0018, 41.5),
    ...floatAt(0x001e, 0.997),
    ...floatAt(0x0046, 50.01),
    ...floatAt(0x0048, 1234.56),
    ...floatAt(0x004a, 0),
  };
  return {
    input: { ...holes, ...turn(shown) },
    holding: { ...longAt(0xfc00, serial), 0xfc02: 0x20, 0xfc03: 0x0202 },
  };
}

export async function foreignMeter(
  framing: 'tcp' | 'rtu',
  units: Readonly<Record<number, Tables>>,
): Promise<number> {
  const port = await freePort();
  const script = join(import.meta.dirname, 'pymodbus-meter.py');
  const args = [script, framing, String(port), JSON.stringify(units)];
  const child = spawn(findPython('pymodbus') ?? 'python3', args, { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill();
  });
  for (let tries = 0; tries < 150; tries += 1) {
    if (await answers(port)) return port;
    await systemTimers.sleep(100);
  }
  throw new Error('pymodbus did not start');
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
