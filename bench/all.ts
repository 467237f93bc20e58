// Every benchmark, one after the other, so that none disturbs another. Tables for people; with --json one JSON object whose
// keys are the benchmarks' names. Exit code 1 where one failed; the others run all the same.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const BENCHMARKS = [
  'polls',
  'lateness',
  'rtu',
  'journal',
  'service',
  'calibration',
  'fit',
  'trackers',
  'agent',
] as const;

const wantsJson = process.argv.includes('--json');
const results: Record<string, unknown> = {};
const failed: string[] = [];
for (const name of BENCHMARKS) {
  if (!wantsJson) process.stdout.write(`\n== ${name}\n`);
  const { code, output } = await run(name);
  const result = wantsJson && code === 0 ? parsed(output) : undefined;
  if (wantsJson && result !== undefined) results[name] = result;
  if (code !== 0 || (wantsJson && result === undefined)) failed.push(name);
}
if (wantsJson) process.stdout.write(`${JSON.stringify({ results, failed })}\n`);
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}

async function run(name: string): Promise<{ code: number; output: string }> {
  const script = join(import.meta.dirname, `${name}.ts`);
  const args = [...process.execArgv, script, ...(wantsJson ? ['--json'] : [])];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', wantsJson ? 'pipe' : 'inherit', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => {
    child.once('error', (cause) => {
      process.stderr.write(`${name}: ${cause.message}\n`);
      resolve({ code: 1, output });
    });
    child.once('close', (code) => {
      resolve({ code: code ?? 1, output });
    });
  });
}

/** A benchmark prints one JSON object and nothing else. */
function parsed(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return undefined;
  }
}
