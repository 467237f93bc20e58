// `trueup witness`: cosigns checkpoints of logs that somebody else keeps. Run by a tenant or an auditor, it makes a log that
// was taken back or forked show.
import { parseListen } from '../site/listen-address.ts';
import { openWitness } from '../../ledger/index.ts';
import { startWitness } from '../../serve/witness-door.ts';
import { type Command, EXIT, jsonLine, readArguments, UsageError } from '../command.ts';
import { readText } from '../settle/settlement-folder.ts';
import { systemClock } from '../system-clock.ts';

export const WITNESS: Command = {
  about: 'cosign the checkpoints of logs that somebody else keeps',
  help: `trueup witness - a witness of logs (C2SP tlog-witness)

usage: trueup witness --name NAME --policy FILE [--data DIR] [--listen HOST:PORT] [--json]

  --name NAME       how it signs: a URL without scheme, such as witness.example.org/w1
  --policy FILE     a C2SP policy: its "log" lines are the logs that it knows
  --data DIR        its key and what it has seen, to be kept for good [./trueup-witness]
  --listen H:P      where it answers [127.0.0.1:8090]

It prints its verifier key: put that on a "witness" line of the policy of whoever verifies. It cosigns a
checkpoint only where that extends the last one, and stores before it answers. It must not run on the
machine of the log, nor be in the hands of who runs it.

example: trueup witness --name witness.example.org/w1 --policy logs.policy --data /var/lib/witness`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        name: { type: 'string' },
        policy: { type: 'string' },
        data: { type: 'string', default: './trueup-witness' },
        listen: { type: 'string', default: '127.0.0.1:8090' },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.name === undefined) throw new UsageError('--name NAME is missing');
    if (values.policy === undefined) throw new UsageError('--policy FILE is missing');
    const listen = parseListen(values.listen, '--listen');
    const clock = systemClock();
    const { witness, vkey } = await openWitness(
      values.data,
      values.name,
      readText(values.policy),
      () => clock.nowNs() / 1_000_000_000n,
    );
    const server = await startWitness(witness, listen);
    if (values.json) terminal.out(jsonLine({ event: 'started', url: server.url, vkey }));
    else terminal.out(`witness ${vkey}\nanswers at ${server.url}`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
      process.once('disconnect', resolve);
    });
    await server.close();
    return EXIT.done;
  },
};
