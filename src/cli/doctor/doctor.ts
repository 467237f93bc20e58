// `trueup doctor`: is this site fit to be read, settled and believed? It looks at everything once and says what to do.
import { type Command, EXIT, jsonLine, readArguments, UsageError } from '../command.ts';
import { loadProfiles } from '../site/load-profiles.ts';
import { readSiteFile } from '../site/site-file.ts';
import { checkClock, checkDisk, checkRights, checkSinks } from './check-host.ts';
import { checkInstruments } from './check-instruments.ts';
import type { Finding } from './finding.ts';

const MARK = { well: 'ok  ', doubtful: '?   ', ill: 'BAD ', unreachable: 'GONE' } as const;

export const DOCTOR: Command = {
  about: 'check a site: meters, identity, clock, rights, sinks, disk',
  help: `trueup doctor - check a site before it counts

usage: trueup doctor --site FILE [--data DIR] [--json]

  --site FILE   the site (docs/site-file.md)
  --data DIR    where the ledger lives or will live [./trueup-data]
  --json        one JSON object per finding: {about, state, says, remedy}

It asks every polled meter once, compares serial number and model with the site file and the profile, and looks whether what
it reads can be. Then clock, rights to serial lines and RAPL, sinks (opened as the service opens them) and disk. Stop the
service first: a serial line, and many a meter, has room for one master.

example: trueup doctor --site site.yaml --data /var/lib/trueup

Exit code 0 where nothing is bad, 1 where something is, 4 where a meter or sink is unreachable and nothing is worse.`,
  run: async (argv, terminal) => {
    const { values } = readArguments({
      args: argv,
      options: {
        site: { type: 'string' },
        data: { type: 'string', default: './trueup-data' },
        json: { type: 'boolean', default: false },
      },
    });
    if (values.site === undefined) throw new UsageError('--site FILE is missing');
    const profiles = loadProfiles();
    const site = readSiteFile(values.site, profiles);
    const findings: readonly Finding[] = [
      ...(await checkInstruments(site, profiles)),
      checkClock(site),
      ...checkRights(site),
      checkDisk(site, values.data),
      ...(await checkSinks(site, values.data)),
    ];
    for (const finding of findings) terminal.out(values.json ? jsonLine(finding) : text(finding));
    const states = new Set(findings.map(({ state }) => state));
    if (states.has('ill')) return EXIT.wrong;
    return states.has('unreachable') ? EXIT.unreachable : EXIT.done;
  },
};

const text = ({ about, state, says, remedy }: Finding): string =>
  [`${MARK[state]} ${about}: ${says}`, ...(remedy === '' ? [] : [`     ${remedy}`])].join('\n');
