// Whether the host is fit to keep the record: its clock, its disk, the rights of this user, and the sinks that are named.
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { openSink } from '../../publish/sinks.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { Site } from '../../quantity/site.ts';
import { toSeconds } from '../../quantity/time.ts';
import { hostClock } from '../host-clock.ts';
import { systemClock, systemTimers } from '../system-clock.ts';
import { troubled, well, type Finding } from './finding.ts';

/** Edges of an interval may be uncertain by this share of it before its statements are flagged (design, promise 8). */
const EDGE_RATIO = 0.01;
/** One exchange with its frame in the journal is about this long; ours are 60 to 400 bytes. */
const EXCHANGE_BYTES = 250;
const DAYS_LEAST = 30;

export function checkClock({ interval }: Site): Finding {
  const { synchronised, uncertaintyS } = hostClock()();
  const mostS = EDGE_RATIO * toSeconds(interval);
  const says = `${synchronised ? 'synchronised' : 'not synchronised'}, within ${uncertaintyS.toFixed(4)} s`;
  const remedy = 'run chronyd or another time service ("trueup firmware render chrony-collector")';
  if (!synchronised) return troubled('clock', 'ill', says, remedy);
  return uncertaintyS > mostS
    ? troubled('clock', 'doubtful', `${says}; ${mostS.toString()} s is the most`, remedy)
    : well('clock', says);
}

export function checkDisk(site: Site, dataDir: string): Finding {
  const subject = `disk of ${dataDir}`;
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be written';
    return troubled(subject, 'ill', why, 'give this user the folder, or name another with --data');
  }
  const { bavail, bsize } = statfsSync(dataDir);
  const perDayBytes = [...site.instruments.values()].reduce(
    (sum, { poll }) => sum + (86_400 / toSeconds(poll)) * EXCHANGE_BYTES,
    0,
  );
  const days = (bavail * bsize) / Math.max(1, perDayBytes);
  const says = `${gigabytes(bavail * bsize)} free, about ${Math.floor(days).toString()} days of readings`;
  return days < DAYS_LEAST
    ? troubled(subject, 'doubtful', says, 'make room: a ledger is never thinned out')
    : well(subject, says);
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Serial lines of the site, and RAPL where this host has it: an agent that runs here reads it. */
export function checkRights(site: Site, powercap = '/sys/class/powercap'): readonly Finding[] {
  const lines = [...site.wires].flatMap(([id, wire]) =>
    wire.transport === 'modbus-rtu' || wire.transport === 'serial-push'
      ? [{ subject: `rights to ${wire.path} (wire ${id})`, path: wire.path }]
      : [],
  );
  const findings = lines.map(({ subject, path }) => {
    if (!existsSync(path))
      return troubled(
        subject,
        'ill',
        'there is no such device',
        'plug the adapter in, or correct the path (/dev/serial/by-id/... does not change)',
      );
    return isAllowed(path, constants.R_OK | constants.W_OK)
      ? well(subject, 'this user may read and write it')
      : troubled(subject, 'ill', 'this user may not use it', 'add it to the group "dialout"');
  });
  const counters = existsSync(powercap)
    ? readdirSync(powercap).map((name) => join(powercap, name, 'energy_uj'))
    : [];
  const present = counters.filter((path) => existsSync(path));
  const closed = present.filter((path) => !isAllowed(path, constants.R_OK));
  if (closed.length > 0)
    findings.push(
      troubled(
        'rights to RAPL',
        'doubtful',
        `${String(closed.length)} counters are readable by root alone (mode 0400)`,
        'run the agent as root or with a udev rule that gives its group the files, if chips of this host are read',
      ),
    );
  else if (present.length > 0)
    findings.push(well('rights to RAPL', `${String(present.length)} counters can be read`));
  return findings;
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Opens each sink as the service does. */
export async function checkSinks(site: Site, dataDir: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const ports = { clock: systemClock(), timers: systemTimers, dataDir };
  const named = { name: site.name, rehearsal: site.rehearsal !== undefined };
  for (const config of site.sinks) {
    const subject = `sink ${config.id}`;
    try {
      const sink = openSink(config, named, ports);
      const receipt = await sink.open();
      await sink.close();
      findings.push(
        receipt.outcome === 'accepted'
          ? well(subject, `${config.kind} takes rows`)
          : troubled(
              subject,
              'unreachable',
              receipt.outcome === 'later' ? receipt.because : 'it refuses rows',
              'check its address, database and token; nothing is lost meanwhile, rows wait in the outbox',
            ),
      );
    } catch (cause) {
      if (!(cause instanceof SiteFault)) throw cause;
      findings.push(troubled(subject, 'ill', cause.notice.what, cause.notice.remedy));
    }
  }
  return findings;
}
