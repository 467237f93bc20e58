// All commands in one list, and what becomes of their faults: a sentence with a remedy, and a stable exit code.
import { LedgerDamage } from '../ledger/index.ts';
import { AGENT } from './agent/agent.ts';
import { CALIBRATE } from './calibrate/calibrate-command.ts';
import { type Command, EXIT, type Terminal } from './command.ts';
import { CORRECT } from './correct/correct.ts';
import { DOCTOR } from './doctor/doctor.ts';
import { EXPORT } from './export/export.ts';
import { FIRMWARE } from './firmware/firmware.ts';
import { LEDGER } from './ledger/ledger.ts';
import { trueupVersion } from './package-version.ts';
import { PROBE } from './probe/probe.ts';
import { PUBLISH } from './publish.ts';
import { READ } from './read/read.ts';
import { REHEARSE } from './rehearse/rehearse.ts';
import { RUN } from './run/run.ts';
import { explain, processTerminal } from './run/run-command.ts';
import { SETTLE } from './settle/settle.ts';
import { WITNESS } from './ledger/witness.ts';

const COMMANDS = {
  run: RUN,
  rehearse: REHEARSE,
  read: READ,
  probe: PROBE,
  doctor: DOCTOR,
  agent: AGENT,
  calibrate: CALIBRATE,
  correct: CORRECT,
  ledger: LEDGER,
  publish: PUBLISH,
  settle: SETTLE,
  witness: WITNESS,
  export: EXPORT,
  firmware: FIRMWARE,
} as const satisfies Record<string, Command>;

const OVERVIEW = `trueup - true energy numbers: wall meters, chip counters, and the proof

usage: trueup COMMAND [options]

${Object.entries(COMMANDS)
  .map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`)
  .join('\n')}

  trueup COMMAND --help    explains one of them, with examples
  trueup --version         the version

exit codes: 0 done, 1 the data is wrong, 2 usage or site file, 3 refused by a gate, 4 a peer is unreachable`;

const isCommand = (name: string): name is keyof typeof COMMANDS => Object.hasOwn(COMMANDS, name);

/** Runs one command line; the exit code comes back. */
export async function main(
  argv: string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '' || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(OVERVIEW);
    return name === '' ? EXIT.usage : EXIT.done;
  }
  if (name === '--version') {
    terminal.out(trueupVersion());
    return EXIT.done;
  }
  if (!isCommand(name)) {
    terminal.err(`trueup: there is no command "${name}"; see trueup --help`);
    return EXIT.usage;
  }
  const command: Command = COMMANDS[name];
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(command.help);
    return EXIT.done;
  }
  try {
    return await command.run(rest, terminal);
  } catch (error) {
    if (error instanceof LedgerDamage) {
      terminal.err(`trueup ${name}: ${error.code}: ${error.message}`);
      return EXIT.wrong;
    }
    return explain(error, name, terminal);
  }
}
