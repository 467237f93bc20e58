// `trueup probe`: what is on a serial line or in a range of addresses that the user names, and the lines of a site file for
// it. It only reads, it is bounded, and it guesses no password.
import { describe, notesOf, siteEntry, told, type Found } from './site-entry.ts';
import { loadProfiles } from '../site/load-profiles.ts';
import {
  type Command,
  EXIT,
  jsonLine,
  readArguments,
  UsageError,
  type Terminal,
} from '../command.ts';
import { resolveSecret } from '../site/secret.ts';
import { lookAtHost, lookAtLine, type LookOptions } from './look.ts';
import { parseNumbers, parseTarget, TARGET_FORMS } from './targets.ts';

const PARITIES = ['none', 'even', 'odd'] as const;
/** So many addresses at once: polite to a network, and still done in a minute. */
const HOSTS_AT_ONCE_COUNT = 8;

export const PROBE: Command = {
  about: 'find meters on a serial line or in a range of addresses',
  help: `trueup probe - find meters, recognise them, and print their lines of a site file

usage: trueup probe TARGET... [--units LIST] [--baud LIST] [--parity LIST] [--timeout MS]
                    [--community-env NAME] [--json]

  TARGET               ${TARGET_FORMS.join('\n                       ')}
  --units LIST         Modbus unit ids to ask, such as 1-8,17 [1-8 on a line, 1 at an address]
  --baud LIST          speeds of a serial line to try, in this order [9600,19200,2400,38400,115200]
  --parity LIST        of none, even, odd [none,even]
  --timeout MS         how long a device may take [400]
  --community-env NAME environment variable with an SNMP v2c community; without it SNMP is not asked
  --json               one JSON object per device

It asks one question at a time on each wire, reads only, and never more than 8 addresses at once. A serial line is tried
setting by setting until somebody answers: stop other masters of the line first. At an address it tries Modbus on port 502 in
both framings, HTTP on port 80, and SNMP where a community is given.

Recognised means: the device tells its model or code as the profile says, and all its readings can be those of a live meter.
Where it tells nothing, the readings alone speak, and the entry says so.

examples: trueup probe /dev/ttyUSB0 --units 1-32
          trueup probe 10.0.7.0/27
          trueup probe 10.0.7.20:1502 --units 1-4

Exit code 4 where nobody answered.`,
  run: async (argv, terminal) => {
    const { values, positionals } = readArguments({
      args: argv,
      allowPositionals: true,
      options: {
        units: { type: 'string' },
        baud: { type: 'string', default: '9600,19200,2400,38400,115200' },
        parity: { type: 'string', default: 'none,even' },
        timeout: { type: 'string', default: '400' },
        'community-env': { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    if (positionals.length === 0) throw new UsageError('it takes a TARGET');
    const targets = positionals.map(parseTarget);
    const units = (fallback: string): readonly number[] =>
      parseNumbers(values.units ?? fallback, '--units', 1, 247);
    const [timeoutMs = 0] = parseNumbers(values.timeout, '--timeout', 20, 10_000);
    const options: Omit<LookOptions, 'units'> = {
      profiles: [...loadProfiles().values()].map(({ profile }) => profile),
      bauds: values.baud.split(',').flatMap((each) => parseNumbers(each, '--baud', 300, 4_000_000)),
      parities: values.parity.split(',').map(parityOf),
      timeoutMs,
      community: resolveSecret(values['community-env'], undefined, '--community-env'),
      tell: (line) => {
        if (terminal.interactive) terminal.err(line);
      },
    };
    const found: Found[] = [];
    for (const target of targets) {
      if (target.is === 'serial') {
        found.push(...(await lookAtLine(target.path, { ...options, units: units('1-8') })));
        continue;
      }
      const { hosts, port } = target;
      for (let from = 0; from < hosts.length; from += HOSTS_AT_ONCE_COUNT) {
        const some = hosts.slice(from, from + HOSTS_AT_ONCE_COUNT);
        const looked = some.map((host) =>
          lookAtHost(host, port, { ...options, units: units('1') }),
        );
        found.push(...(await Promise.all(looked)).flat());
      }
    }
    if (values.json) for (const each of found) terminal.out(jsonLine(foundJson(each)));
    else print(found, terminal);
    if (found.length === 0)
      terminal.err(
        'Nobody answered. Check power, wiring (A and B may be swapped), address and speed; name more --units or --baud, or a longer --timeout.',
      );
    return found.length === 0 ? EXIT.unreachable : EXIT.done;
  },
};

function parityOf(text: string): (typeof PARITIES)[number] {
  const parity = PARITIES.find((word) => word === text.trim());
  if (parity === undefined) throw new UsageError(`--parity takes ${PARITIES.join(', ')}`);
  return parity;
}

function print(found: readonly Found[], terminal: Terminal): void {
  for (const { wireName, unit, candidates } of found) {
    const [best] = candidates;
    const what = best === undefined ? 'somebody whom no profile fits' : describe(best);
    terminal.out(`# ${wireName}, unit ${String(unit)}: ${what}`);
  }
  const entry = siteEntry(found);
  if (entry !== '') terminal.out(entry);
}

function foundJson({ wire, unit, candidates }: Found): Record<string, unknown> {
  const [best, ...others] = candidates;
  const { transport } = wire;
  const at = 'host' in wire ? { host: wire.host, port: wire.port } : {};
  const line = 'baud' in wire ? { path: wire.path, baud: wire.baud, parity: wire.parity } : {};
  const web = 'url' in wire ? { url: wire.url } : {};
  if (best === undefined) return { transport, ...at, ...line, ...web, unit, profile: null };
  return {
    transport,
    ...at,
    ...line,
    ...web,
    unit,
    profile: best.profile.id,
    identified: best.isIdentified,
    serial: told(best, 'serial') ?? null,
    order: best.otherOrder ?? null,
    notes: notesOf(best, others),
  };
}
