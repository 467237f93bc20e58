// Every kind of wire that a site file may name. To add one: a file in this room, one line here, the contract suite.
import type { Wire, WireId } from '../quantity/site.ts';
import { csv } from './csv.ts';
import { http } from './http.ts';
import { modbusRtu, modbusRtuTcp, modbusTcp } from './modbus.ts';
import { mqtt } from './mqtt.ts';
import { serialPush, tcpPush } from './push.ts';
import { scpi } from './scpi.ts';
import { snmp } from './snmp.ts';
import type { OpenWire, Transport, TransportPorts, WireTasks } from './transport.ts';

export const TRANSPORTS = {
  'modbus-tcp': modbusTcp,
  'modbus-rtu-tcp': modbusRtuTcp,
  'modbus-rtu': modbusRtu,
  'serial-push': serialPush,
  'tcp-push': tcpPush,
  mqtt,
  csv,
  snmp,
  http,
  scpi,
} as const satisfies { [T in Wire['transport']]: Transport<Extract<Wire, { transport: T }>> };

/** Opens a wire with the transport that it names. Throws a SiteFault where it never can work. */
export function openWire(
  id: WireId,
  wire: Wire,
  tasks: WireTasks,
  ports: TransportPorts,
): Promise<OpenWire> {
  switch (wire.transport) {
    case 'modbus-tcp':
    case 'modbus-rtu-tcp':
      return TRANSPORTS[wire.transport].open(id, wire, tasks, ports);
    case 'modbus-rtu':
      return TRANSPORTS['modbus-rtu'].open(id, wire, tasks, ports);
    case 'serial-push':
      return TRANSPORTS['serial-push'].open(id, wire, tasks, ports);
    case 'tcp-push':
      return TRANSPORTS['tcp-push'].open(id, wire, tasks, ports);
    case 'mqtt':
      return TRANSPORTS.mqtt.open(id, wire, tasks, ports);
    case 'csv':
      return TRANSPORTS.csv.open(id, wire, tasks, ports);
    case 'snmp':
      return TRANSPORTS.snmp.open(id, wire, tasks, ports);
    case 'http':
      return TRANSPORTS.http.open(id, wire, tasks, ports);
    case 'scpi':
      return TRANSPORTS.scpi.open(id, wire, tasks, ports);
  }
}
