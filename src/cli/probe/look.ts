// Looks at one target: which wire is it, who is on it, what do they speak. One question at a time on each wire, and no more
// wires at once than a network notices.
import { isHttpJson, isModbus, isSnmp, type Profile } from '../../decode/profile.ts';
import { SiteFault } from '../../quantity/fault.ts';
import type { ModbusRtuWire, Wire } from '../../quantity/site.ts';
import { tcpPort } from '../../transport/tcp-port.ts';
import { systemTimers } from '../system-clock.ts';
import { presentUnits } from './present-units.ts';
import { recognise } from './recognise.ts';
import type { Found } from './site-entry.ts';

export interface LookOptions {
  readonly profiles: readonly Profile[];
  readonly units: readonly number[];
  readonly bauds: readonly number[];
  readonly parities: readonly ModbusRtuWire['parity'][];
  readonly timeoutMs: number;
  /** SNMP v2c, where the user gave one: without it agents do not answer, and none is guessed. */
  readonly community: string | undefined;
  /** What goes on, for people. */
  readonly tell: (line: string) => void;
}

const MODBUS_PORT = 502;
const SNMP_PORT = 161;
const HTTP_PORT = 80;
/** What opening the wire and the silence before a question may take beside the timeout. */
const UNIT_EXTRA_MS = 1500;

/** Settings are tried one after another, until somebody answers: all on a line speak alike. */
export async function lookAtLine(path: string, options: LookOptions): Promise<readonly Found[]> {
  for (const baud of options.bauds)
    for (const parity of options.parities) {
      const stopBits = parity === 'none' ? 2 : 1;
      const { timeoutMs } = options;
      // Two stop bits where there is no parity (Modbus over Serial Line V1.02 §2.5.1): who sends one is understood as well.
      const wire: Wire = { transport: 'modbus-rtu', path, baud, parity, stopBits, timeoutMs };
      options.tell(`${path}: ${String(baud)} baud, parity ${parity}`);
      const found = await lookAtModbus(wire, 'line', options);
      if (found.length > 0) return found;
    }
  return [];
}

/** Everything that may be at one address; `port` leaves only Modbus there, in both framings. */
export async function lookAtHost(
  host: string,
  port: number | undefined,
  options: LookOptions,
): Promise<readonly Found[]> {
  const name = host.replaceAll(/[^A-Za-z0-9]/g, '-');
  const found: Found[] = [...(await lookAtModbusPort(host, port ?? MODBUS_PORT, name, options))];
  if (port !== undefined && found.length > 0) return found;
  const web = port ?? HTTP_PORT;
  if (await isOpen(host, web, options.timeoutMs)) {
    const wire: Wire = {
      transport: 'http',
      url: `http://${host}${web === HTTP_PORT ? '' : `:${String(web)}`}`,
      timeoutMs: Math.max(options.timeoutMs, 2000),
      username: undefined,
      password: undefined,
      caFile: undefined,
    };
    found.push(...(await lookFor(wire, `${name}-web`, options, isHttpJson)));
  }
  if (options.community !== undefined) {
    const access = { version: '2c', community: options.community } as const;
    const { timeoutMs } = options;
    const wire: Wire = { transport: 'snmp', host, port: port ?? SNMP_PORT, timeoutMs, access };
    found.push(...(await lookFor(wire, `${name}-snmp`, options, isSnmp)));
  }
  return found;
}

async function lookAtModbusPort(
  host: string,
  port: number,
  name: string,
  options: LookOptions,
): Promise<readonly Found[]> {
  if (!(await isOpen(host, port, options.timeoutMs))) return [];
  options.tell(`${host}:${String(port)}: somebody listens`);
  for (const transport of ['modbus-tcp', 'modbus-rtu-tcp'] as const) {
    const wire: Wire = { transport, host, port, timeoutMs: options.timeoutMs };
    const found = await lookAtModbus(wire, name, options);
    if (found.length > 0) return found;
  }
  return [];
}

/** Devices that tell in one piece who they are: one at most at an address. */
async function lookFor(
  wire: Wire,
  wireName: string,
  options: LookOptions,
  isOfKind: (profile: Profile) => boolean,
): Promise<readonly Found[]> {
  const profiles = options.profiles.filter(isOfKind);
  const candidates = await recognise(wire, 1, profiles, () => undefined);
  return candidates.length === 0 ? [] : [{ wire, wireName, unit: 1, candidates }];
}

async function lookAtModbus(
  wire: Wire,
  wireName: string,
  options: LookOptions,
): Promise<readonly Found[]> {
  const { units, timeoutMs, tell } = options;
  const present = await presentUnits(wire, units, timeoutMs + UNIT_EXTRA_MS);
  if (present.isNoisy && present.units.length === 0)
    tell('  bytes come that are no frames: another speed, or another master on this line');
  const found: Found[] = [];
  // A device that answers whatever the unit is one device; gateways answer for those who are not there, by an exception.
  for (const unit of present.units) {
    tell(`  unit ${String(unit)} answers`);
    const candidates = await recognise(wire, unit, options.profiles.filter(isModbus), (profile) => {
      tell(`    is it ${profile.id}?`);
    });
    found.push({ wire, wireName, unit, candidates });
  }
  return found;
}

/** Whether somebody takes connections there; the connection is closed again at once. */
async function isOpen(host: string, port: number, timeoutMs: number): Promise<boolean> {
  try {
    const open = tcpPort(host, port, timeoutMs, systemTimers, false);
    const connection = await open({ received: () => undefined, lost: () => undefined });
    await connection.close();
    return true;
  } catch (cause) {
    if (cause instanceof SiteFault) throw cause;
    return false;
  }
}
