// Puts the meters of a rehearsed rack on their wires, and says how each wire is to be found.
import { isModbus } from '../decode/profile.ts';
import { SiteFault } from '../quantity/fault.ts';
import { embeddedBroker, outsideBroker, type Publisher } from './broker.ts';
import { rollDice } from './dice.ts';
import { serveModbusTcp, serveRtuOnLine, serveRtuOverTcp, type Units } from './modbus-wires.ts';
import type { RackOptions, RackPorts } from './rack-options.ts';
import { profileOf, type LivingNode, type RackLife } from './rack-life.ts';
import type { PlannedMeter, RackWire } from './rack-plan.ts';
import { registerImage, type RegisterImage } from './register-image.ts';
import type { WireEntry } from './site-text.ts';

export interface Serving {
  readonly wires: Map<RackWire, WireEntry>;
  readonly started: { stop(): Promise<void> }[];
  readonly trouble: string[];
}

/** Serves every Modbus wire that a node hangs on; `read` is called before each reply. */
export async function serveMeters(
  nodes: readonly LivingNode[],
  life: RackLife,
  read: () => void,
  options: RackOptions,
  ports: RackPorts,
  serving: Serving,
): Promise<void> {
  const unitsOf = (wire: RackWire): Units => {
    const meters = nodes.flatMap(({ plan }) => plan.meters).filter((meter) => meter.wire === wire);
    return new Map(meters.map((meter) => [meter.unit, imageOf(meter, life, read, options)]));
  };
  const { host, tcpPorts = {} } = options;
  const pdu = unitsOf('pdu');
  if (pdu.size > 0) {
    const served = await serveModbusTcp(host, tcpPorts.pdu ?? 0, pdu);
    serving.started.push(served);
    serving.wires.set('pdu', { transport: 'modbus-tcp', host, port: served.port });
  }
  const gateway = unitsOf('gateway');
  if (gateway.size > 0) {
    const served = await serveRtuOverTcp(host, tcpPorts.gateway ?? 0, gateway, ports.clock);
    serving.started.push(served);
    serving.wires.set('gateway', { transport: 'modbus-rtu-tcp', host, port: served.port });
  }
  const bus = unitsOf('bus');
  if (bus.size === 0) return;
  try {
    const line = serveRtuOnLine(bus, ports.clock);
    serving.started.push(line);
    const settings = { baud: 19_200, parity: 'even', stop_bits: 1 };
    serving.wires.set('bus', { transport: 'modbus-rtu', path: line.path, ...settings });
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    serving.trouble.push(`no pseudo-terminal (${because}): the bus is served as RTU over TCP`);
    const served = await serveRtuOverTcp(host, tcpPorts.bus ?? 0, bus, ports.clock);
    serving.started.push(served);
    serving.wires.set('bus', { transport: 'modbus-rtu-tcp', host, port: served.port });
  }
}

function imageOf(
  meter: PlannedMeter,
  life: RackLife,
  read: () => void,
  options: RackOptions,
): RegisterImage {
  const profile = profileOf(options.profiles, meter.profile);
  const works = life.meters.get(meter.id);
  if (!isModbus(profile) || !works) {
    throw new SiteFault({
      where: `rehearsal, meter ${meter.id}`,
      what: `profile ${meter.profile} does not speak Modbus`,
      remedy: 'hang it on the broker',
    });
  }
  const dice = rollDice(options.seed).split(`identity ${meter.id}`);
  return registerImage(
    profile,
    () => {
      read();
      return works.display;
    },
    dice,
  );
}

/** The broker that plugs and nodes publish to. Throws SiteFault where it cannot be had. */
export const openBroker = (options: RackOptions): Promise<Publisher> =>
  options.brokerUrl === undefined
    ? embeddedBroker(options.host, options.tcpPorts?.broker ?? 0)
    : outsideBroker(options.brokerUrl, `rehearsal-${options.siteName}`);
