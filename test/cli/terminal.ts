// A command of the line run in this process, with what it printed: exit code, lines out, lines on standard error.
import { main } from '../../src/cli/commands.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...argv: string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    interactive: false,
    widthCount: 120,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** Each line of JSON as an object. */
export const objectsOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
