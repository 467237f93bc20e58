// `npm run check`: format, lint, types, rooms, dead code. All run, two at a time, so that one call shows everything that
// is wrong; the exit code is 1 where anything is.
import { spawn } from 'node:child_process';

const CHECKS = [
  ['lint', 'eslint', ['.', '--max-warnings', '0']],
  // What types and format keep between runs cannot make them miss anything; lint with types would, so it keeps nothing.
  [
    'types',
    'tsc',
    ['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/types.json'],
  ],
  ['format', 'prettier', ['--check', '--cache', '--log-level', 'warn', '.']],
  ['rooms', 'depcruise', ['--config', '.dependency-cruiser.js', '--output-type', 'err', 'src']],
  ['dead code', 'knip', []],
];

function run([name, program, argv]) {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(`node_modules/.bin/${program}`, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stdout.on('data', (bytes) => (text += bytes));
    child.stderr.on('data', (bytes) => (text += bytes));
    child.on('error', (error) => resolve({ name, passed: false, text: String(error) }));
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'passed' : 'FAILED'}  ${name.padEnd(10)} ${seconds} s`);
      resolve({ name, passed: code === 0, text });
    });
  });
}

const waiting = [...CHECKS];
const outcomes = [];
async function worker() {
  for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push(await run(next));
}
await Promise.all([worker(), worker()]);
const failed = outcomes.filter((outcome) => !outcome.passed);
for (const { name, text } of failed) console.log(`\n--- ${name}\n${text.trim()}`);
process.exit(failed.length === 0 ? 0 : 1);
