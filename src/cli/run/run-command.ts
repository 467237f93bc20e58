// What becomes of the faults of a command: a sentence with a remedy, and a stable exit code. Apart from the list of commands, so
// that the agent on a node loads nothing of the service.
import { SiteFault } from '../../quantity/fault.ts';
import { EXIT, type Command, type Terminal, UsageError } from '../command.ts';

/** Runs one command whose name was already read; the exit code comes back. */
export async function runCommand(
  command: Command,
  name: string,
  argv: string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    terminal.out(command.help);
    return EXIT.done;
  }
  try {
    return await command.run(argv, terminal);
  } catch (error) {
    return explain(error, name, terminal);
  }
}

export function explain(error: unknown, name: string, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.err(`trueup ${name}: ${error.message}\nSee trueup ${name} --help.`);
    return EXIT.usage;
  }
  if (error instanceof SiteFault) {
    terminal.err(`trueup ${name}: ${error.message}`);
    return EXIT.usage;
  }
  terminal.err(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.wrong;
}

export function processTerminal(): Terminal {
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    interactive: process.stdout.isTTY,
    widthCount: process.stdout.isTTY ? process.stdout.columns : 120,
  };
}
