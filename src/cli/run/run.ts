// `trueup run`: the service on a site file, until it is told to stop.
import { givenPolicy } from '../../ledger/index.ts';
import { runSite, type World } from '../../main.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { DurationNs } from '../../quantity/time.ts';
import { type Command, EXIT, readArguments, UsageError } from '../command.ts';
import { askRegularly } from './ask-regularly.ts';
import { coreIdentity } from './software-identification.ts';
import { hostClock } from '../host-clock.ts';
import { loadProfiles } from '../site/load-profiles.ts';
import { trueupVersion } from '../package-version.ts';
import { jsonReport, textReport } from './run-report.ts';
import { readText } from '../settle/settlement-folder.ts';
import { parseListen } from '../site/listen-address.ts';
import { readSiteFile } from '../site/site-file.ts';
import { rehearsalClock, systemClock, systemTimers } from '../system-clock.ts';

export const RUN: Command = {
  about: 'run the service on a site file',
  help: `trueup run - read meters and chips, settle, prove and publish, until stopped (Ctrl-C)

usage: trueup run --site FILE [--data DIR] [--listen HOST:PORT] [--policy FILE] [--json]

  --site FILE          the site: wires, instruments, points, nodes, sinks (docs/site-file.md)
  --data DIR           where the ledger lives; one service per directory [./trueup-data]
  --listen HOST:PORT   status page, API and metrics; the site file's "listen:" without it
  --policy FILE        a C2SP policy: its witnesses are asked every ten minutes to cosign the log
  --json               one JSON object per line on standard output, for programs

Rows are printed when they are in the ledger, never before. The status page is at the address printed first.

example: trueup run --site site.yaml --data /var/lib/trueup`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        site: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        listen: { type: 'string' },
        policy: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.site === undefined) throw new UsageError('--site FILE is missing');
    const profiles = loadProfiles();
    const written = readSiteFile(values.site, profiles);
    const listen = values.listen === undefined ? undefined : parseListen(values.listen, '--listen');
    const site = listen ? { ...written, listen } : written;
    const policy = givenPolicy({
      policy: values.policy === undefined ? undefined : readText(values.policy, '--policy'),
    });

    let onStep: (by: DurationNs) => void = () => undefined;
    let fail: (cause: unknown) => void = () => undefined;
    const failed = new Promise<unknown>((resolve) => {
      fail = resolve;
    });
    const synchronised = hostClock();
    const rehearsal = site.rehearsal;
    const clock = rehearsal
      ? rehearsalClock(rehearsal.clock)
      : systemClock((by) => {
          onStep(by);
        });
    const show = values.json ? jsonReport(terminal) : textReport(terminal, clock);
    const world: World = {
      clock,
      // A rehearsal's clock is one for rack and service: nothing can be more synchronous.
      clockState: rehearsal ? () => ({ synchronised: true, uncertaintyS: 0 }) : synchronised,
      timers: systemTimers,
      dataDir: values.data,
      profiles,
      core: coreIdentity(trueupVersion()),
      seed: rehearsal?.seed ?? 1,
      report: show,
      fail,
    };
    const stopped = untilSignal();
    const running = await runSite(site, world);
    onStep = (by) => {
      running.clockStepped(by);
    };
    show.started(running, values.data);
    const asking =
      policy &&
      askRegularly(values.data, policy, {
        timers: systemTimers,
        note: (line) => {
          show.note(line);
        },
      });
    const cause = await Promise.race([stopped, failed]);
    if (cause !== STOPPED) {
      terminal.err(
        `trueup run: stopped: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
      if (cause instanceof SiteFault) return EXIT.usage;
      return EXIT.wrong;
    }
    const remainders = await running.stop();
    await asking?.stop();
    show.ended(remainders);
    return EXIT.done;
  },
};

const STOPPED = Symbol('stopped');

function untilSignal(): Promise<typeof STOPPED> {
  return new Promise((resolve) => {
    const end = (): void => {
      // Somebody who listens for it keeps the channel open, and an open channel keeps this process from ending.
      process.removeListener('disconnect', end);
      resolve(STOPPED);
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    // A parent that goes away takes its service along.
    process.once('disconnect', end);
  });
}
