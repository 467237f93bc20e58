// `trueup rehearse`: a rack that does not exist on real wires in this process, and `trueup run` on it in another. The two
// know each other by the site file and by one affine clock, as a real rack and service would by UTC.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../ledger/index.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { formatInstant, instantNs, parseDuration, toMs } from '../../quantity/time.ts';
import { type Rack, startRack } from '../../rehearse/rack.ts';
import { loadReplay } from '../../rehearse/replay-files.ts';
import {
  type Command,
  EXIT,
  jsonLine,
  readArguments,
  type Terminal,
  UsageError,
} from '../command.ts';
import { loadProfiles } from '../site/load-profiles.ts';
import { rehearsalSoFar } from './rehearsal-so-far.ts';
import { parseListen } from '../site/listen-address.ts';
import { parseSite } from '../site/site-file.ts';
import { rehearsalClock, startRehearsalClock, systemClock, systemTimers } from '../system-clock.ts';

const SITE_NAME = 'rehearsal';
/** First line of every site file that this command writes: nothing else is ever overwritten. */
const WRITTEN_BY =
  '# Written by "trueup rehearse". A rehearsal: no meter and no node here is real.';

export const REHEARSE: Command = {
  about: 'a simulated rack on real wires, and the service on it',
  help: `trueup rehearse - a rack that does not exist on real wires, and "trueup run" on it

usage: trueup rehearse [--speed N] [--for DURATION] [--seed N] [--replay DIR] [--rack-only]
                       [--site FILE] [--data DIR] [--listen HOST:PORT] [--broker URL] [--json]

  --speed N            civil seconds per real second, 1 to 60 [10]; sockets and disks stay real
  --for DURATION       end after this much real time, such as 90s or 10min; until stopped without it
  --seed N             the same seed gives the same rack [1]
  --replay DIR         play recorded runs (neutral CSV: meter.csv[.gz] and chips.csv[.gz] in DIR or
                       its folders) through meters of a real profile instead of the physical model
  --rack-only          print the site file and serve the rack; start "trueup run" on it yourself
  --site FILE          where to write the site file [DATA/site.yaml]
  --data DIR           data of the service [./trueup-data/rehearsal-<now>]; a rehearsal of the same seed
                       that is there goes on where it stopped, its clock and its registers too
  --listen HOST:PORT   status page of the service [127.0.0.1:8080]
  --broker URL         publish to this MQTT broker instead of the embedded one
  --json               one JSON object per line

Everything a rehearsal makes is labelled so: output, status page, ledger origin, sink.

example: trueup rehearse --speed 20 --for 5min`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        speed: { type: 'string', default: '10' },
        for: { type: 'string' },
        seed: { type: 'string', default: '1' },
        replay: { type: 'string' },
        'rack-only': { type: 'boolean', default: false },
        site: { type: 'string' },
        data: { type: 'string' },
        listen: { type: 'string', default: '127.0.0.1:8080' },
        broker: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    // Before anything starts: the service would find it wrong only when the rack is up.
    parseListen(values.listen, '--listen');
    const limit = values.for === undefined ? undefined : parseDuration(values.for, '--for');
    const speedRatio = boundedNumber(values.speed, '--speed', 1, 60);
    const seed = boundedNumber(values.seed, '--seed', 0, Number.MAX_SAFE_INTEGER);
    const hostNs = systemClock().nowNs();
    const stamp = formatInstant(instantNs((hostNs / 1_000_000_000n) * 1_000_000_000n));
    const dataDir =
      values.data ?? join('trueup-data', `rehearsal-${stamp.replaceAll(/[:-]/g, '')}`);
    const replay = values.replay === undefined ? undefined : await loadReplay(values.replay);
    const profiles = new Map(
      [...loadProfiles()].map(([id, { profile }]) => [id, profile] as const),
    );
    const soFar =
      values.data === undefined ? undefined : await rehearsalSoFar(values.data, seed, profiles);
    const anchor = startRehearsalClock(soFar?.civilNs ?? hostNs, speedRatio);
    const ended = endOf(limit === undefined ? undefined : toMs(limit));
    const rack = await startRack(
      {
        siteName: SITE_NAME,
        seed,
        clockAnchor: anchor,
        host: '127.0.0.1',
        profiles,
        replay,
        brokerUrl: values.broker,
        registersUj: soFar?.registersUj,
        listen: values.listen,
      },
      { clock: rehearsalClock(anchor), timers: systemTimers },
    );
    try {
      const text = `${WRITTEN_BY}\n${rack.siteText}`;
      soFar?.checkSame(parseSite(text, values.site ?? SITE_NAME));
      const say = (line: string): void => {
        if (values.json) terminal.out(jsonLine({ event: 'rehearsal', line }));
        else terminal.out(`REHEARSAL ${line}`);
      };
      if (values['rack-only']) {
        if (values.site !== undefined) await writeSiteFile(values.site, text);
        terminal.out(values.json ? jsonLine({ event: 'site', text }) : text.trimEnd());
        for (const line of rack.trouble) terminal.err(`rehearsal: ${line}`);
        if (replay) {
          void rack.finished.then(() => {
            terminal.err('rehearsal: the recording has been played; end with Ctrl-C');
          });
        }
        await ended;
        if (values.json) reportTruth(rack, terminal, true);
        return EXIT.done;
      }
      const siteFile = values.site ?? join(dataDir, 'site.yaml');
      await writeSiteFile(siteFile, text);
      say(
        `seed ${seed.toString()}, ${anchor.speedRatio.toString()} civil seconds a second, site file ${siteFile}`,
      );
      if (soFar) say(`goes on from ${formatInstant(soFar.civilNs)}, where ${dataDir} stopped`);
      for (const line of rack.trouble) say(line);
      const played = replay ? playedOut(rack, text, siteFile, anchor.speedRatio) : never();
      const code = await runService(siteFile, dataDir, values.json, Promise.race([ended, played]));
      reportTruth(rack, terminal, values.json);
      return code;
    } finally {
      await rack.stop();
    }
  },
};

/** Runs the service in a process of its own until it ends or `ended` resolves; its exit code comes back. */
async function runService(
  siteFile: string,
  dataDir: string,
  json: boolean,
  ended: Promise<void>,
): Promise<number> {
  const program = process.argv[1] ?? '';
  const options = ['run', '--site', siteFile, '--data', dataDir, ...(json ? ['--json'] : [])];
  // The channel tells the service when this process goes away, however it goes.
  const service: ChildProcess = spawn(
    process.execPath,
    [...process.execArgv, program, ...options],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  let toldToEnd = false;
  const exited = new Promise<number>((resolve) => {
    service.once('exit', (code) => {
      // A service that was told to end before it had come up ends by the signal: that is no failure.
      resolve(code ?? (toldToEnd ? EXIT.done : EXIT.wrong));
    });
    service.once('error', () => {
      resolve(EXIT.wrong);
    });
  });
  void ended.then(() => {
    toldToEnd = true;
    service.kill('SIGTERM');
  });
  return exited;
}

/** A recording has been played, and its last interval has had the time to settle. */
async function playedOut(
  rack: Rack,
  siteText: string,
  siteFile: string,
  speedRatio: number,
): Promise<void> {
  await rack.finished;
  const site = parseSite(siteText, siteFile);
  const restMs = toMs(site.interval) + toMs(site.settleAfter);
  await systemTimers.sleep(restMs / speedRatio + 2000);
}

/** Real time has run out, or somebody wants it to end. */
function endOf(limitMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      resolve();
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    if (limitMs !== undefined) systemTimers.after(limitMs, end);
  });
}

const never = (): Promise<void> => new Promise(() => undefined);

function reportTruth(rack: Rack, { out }: Terminal, json: boolean): void {
  for (const truth of rack.truth().values()) {
    const { meter, firstRegisterUj: fromUj, lastRegisterUj: untilUj } = truth;
    if (json) {
      out(
        jsonLine({ event: 'truth', meter, register_from_uj: fromUj, register_until_uj: untilUj }),
      );
    } else {
      const line = `meter ${meter} truly counted ${(untilUj - fromUj).toString()} µJ`;
      out(`REHEARSAL ${line}, from ${fromUj.toString()} to ${untilUj.toString()}`);
    }
  }
}

async function writeSiteFile(path: string, text: string): Promise<void> {
  if (existsSync(path) && !readFileSync(path, 'utf8').startsWith(WRITTEN_BY)) {
    throw new SiteFault({
      where: path,
      what: 'this file was not written by a rehearsal',
      remedy: 'name another file with --site; a rehearsal never overwrites a real site',
    });
  }
  try {
    await makeFolder(dirname(path));
    writeFileSync(path, text);
  } catch (cause) {
    throw new SiteFault(
      {
        where: path,
        what: 'the site file cannot be written',
        remedy: 'give a directory that you may write, with --data or --site',
      },
      { cause },
    );
  }
}

function boundedNumber(text: string, option: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= least && number <= most) return number;
  throw new UsageError(`${option} takes a number from ${least.toString()} to ${most.toString()}`);
}
