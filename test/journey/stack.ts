// The whole product on real parts: a rehearsed rack, the service, a broker and a database, each a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parse, stringify } from 'yaml';
import { join } from 'node:path';

const TRUEUP = join(import.meta.dirname, '../../dist/cli/trueup.js');

/** One JSON line that a command printed. */
export type Event = Record<string, unknown> & { event?: string };

export interface Program {
  readonly child: ChildProcess;
  readonly events: Event[];
  /** Lines that are no JSON, and everything on standard error. */
  readonly lines: string[];
  /** The first event that fits, past or future. */
  waitFor(fits: (event: Event) => boolean, withinMs?: number): Promise<Event>;
  /** Sends the signal and waits for the end; the exit code, or -1 where a signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number>;
  readonly ended: Promise<number>;
}

/** Starts `trueup ...` and reads what it prints. */
export function startTrueup(...argv: string[]): Program {
  const child = spawn(process.execPath, [TRUEUP, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const events: Event[] = [];
  const lines: string[] = [];
  const waiting = new Set<(event: Event) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = eventOf(line);
    if (!event) {
      lines.push(line);
      return;
    }
    events.push(event);
    for (const tell of waiting) tell(event);
  });
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code) => {
      resolve(code ?? -1);
    });
  });
  return {
    child,
    events,
    lines,
    ended,
    waitFor: async (fits, withinMs = 60_000) => {
      const known = events.find(fits);
      if (known) return known;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          stop(
            new Error(
              `nothing like it within ${String(withinMs)} ms:\n${lines.slice(-20).join('\n')}`,
            ),
          );
        }, withinMs);
        const stop = (error?: Error, event?: Event): void => {
          clearTimeout(timer);
          waiting.delete(look);
          if (event) resolve(event);
          else reject(error ?? new Error('ended'));
        };
        const look = (event: Event): void => {
          if (fits(event)) stop(undefined, event);
        };
        waiting.add(look);
        void ended.then((code) => {
          stop(new Error(`it ended with ${String(code)}:\n${lines.slice(-20).join('\n')}`));
        });
      });
    },
    end: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

function eventOf(line: string): Event | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Event;
  } catch {
    return undefined;
  }
}

/** Runs `trueup ...` to its end. */
export async function runTrueup(
  ...argv: string[]
): Promise<{ code: number; lines: string[]; events: Event[] }> {
  const program = startTrueup(...argv);
  const code = await program.ended;
  return { code, lines: program.lines, events: program.events };
}

/** Changes a site file in place. */
export async function editSite(
  path: string,
  edit: (site: Record<string, unknown>) => void,
): Promise<void> {
  const site = parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  edit(site);
  await writeFile(path, stringify(site));
}
