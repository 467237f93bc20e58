// The site file as a schema: what may stand in it, under which key, in which form. docs/site-file.md explains it.
import Type, { type Static } from 'typebox';
import { POINT_KINDS, SNMP_AUTH_PROTOCOLS, SNMP_PRIV_PROTOCOLS } from '../../quantity/site.ts';

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' });
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
/** A number in an object identifier. */
const PartNumber = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });
const Duration = Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|min|h|d)$' });
const Point = Type.String({ pattern: '^(feed|outlet)/[A-Za-z0-9][A-Za-z0-9._-]*$' });

const TcpWire = Type.Object(
  {
    transport: Type.Enum(['modbus-tcp', 'modbus-rtu-tcp']),
    host: Text,
    port: Type.Optional(Port),
    timeout: Type.Optional(Duration),
  },
  closed,
);
const SerialWire = Type.Object(
  {
    transport: Type.Literal('modbus-rtu'),
    path: Text,
    baud: Type.Optional(Type.Integer({ minimum: 300, maximum: 4_000_000 })),
    parity: Type.Optional(Type.Enum(['none', 'even', 'odd'])),
    stop_bits: Type.Optional(Type.Enum([1, 2])),
    timeout: Type.Optional(Duration),
  },
  closed,
);
const SerialPushWire = Type.Object(
  {
    transport: Type.Literal('serial-push'),
    path: Text,
    baud: Type.Optional(Type.Integer({ minimum: 300, maximum: 4_000_000 })),
    data_bits: Type.Optional(Type.Enum([7, 8])),
    parity: Type.Optional(Type.Enum(['none', 'even', 'odd'])),
    stop_bits: Type.Optional(Type.Enum([1, 2])),
    timeout: Type.Optional(Duration),
  },
  closed,
);
const TcpPushWire = Type.Object(
  {
    transport: Type.Literal('tcp-push'),
    host: Text,
    port: Port,
    timeout: Type.Optional(Duration),
  },
  closed,
);
const MqttWire = Type.Object(
  {
    transport: Type.Literal('mqtt'),
    url: Type.String({ pattern: '^mqtts?://' }),
    client_id: Type.Optional(Text),
    username: Type.Optional(Text),
    password_env: Type.Optional(Text),
    password_file: Type.Optional(Text),
    ca_file: Type.Optional(Text),
  },
  closed,
);
const SnmpWire = Type.Object(
  {
    transport: Type.Literal('snmp'),
    host: Text,
    port: Type.Optional(Port),
    timeout: Type.Optional(Duration),
    version: Type.Enum(['2c', '3', 3]),
    community_env: Type.Optional(Text),
    community_file: Type.Optional(Text),
    user: Type.Optional(Text),
    context: Type.Optional(Text),
    auth_protocol: Type.Optional(Type.Enum([...SNMP_AUTH_PROTOCOLS])),
    auth_password_env: Type.Optional(Text),
    auth_password_file: Type.Optional(Text),
    priv_protocol: Type.Optional(Type.Enum([...SNMP_PRIV_PROTOCOLS])),
    priv_password_env: Type.Optional(Text),
    priv_password_file: Type.Optional(Text),
  },
  closed,
);
const HttpWire = Type.Object(
  {
    transport: Type.Literal('http'),
    url: Type.String({ pattern: '^https?://[^/?#@]+/?$' }),
    timeout: Type.Optional(Duration),
    username: Type.Optional(Text),
    password_env: Type.Optional(Text),
    password_file: Type.Optional(Text),
    ca_file: Type.Optional(Text),
  },
  closed,
);
const ScpiWire = Type.Object(
  { transport: Type.Literal('scpi'), host: Text, port: Port, timeout: Type.Optional(Duration) },
  closed,
);
const CsvWire = Type.Object({ transport: Type.Literal('csv'), path: Text }, closed);

const Instrument = Type.Object(
  {
    profile: Name,
    wire: Name,
    unit: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
    topic: Type.Optional(Text),
    path: Type.Optional(Type.String({ pattern: '^/[!-~]*[^/]$' })),
    pdu: Type.Optional(PartNumber),
    inlet: Type.Optional(PartNumber),
    outlet: Type.Optional(PartNumber),
    phase: Type.Optional(PartNumber),
    poll: Type.Optional(Duration),
    serial: Type.Optional(Text),
  },
  closed,
);
const MeteredPoint = Type.Object(
  { meter: Name, kind: Type.Optional(Type.Enum([...POINT_KINDS])) },
  closed,
);
const NodeConfig = Type.Object(
  {
    driver: Type.Optional(Text),
    bios: Type.Optional(Text),
    psu_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    power_limits_w: Type.Optional(Type.Record(Text, Type.Number({ minimum: 0 }))),
    chips: Type.Optional(Type.Array(Text)),
  },
  closed,
);
const Node = Type.Object(
  {
    type: Type.Optional(Name),
    fed_by: Type.Optional(Type.Array(Point)),
    chips: Name,
    chip_sources: Type.Optional(Type.Array(Text)),
    nameplate_w: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 })),
    config: Type.Optional(NodeConfig),
  },
  closed,
);
const Rack = Type.Object(
  { points: Type.Optional(Type.Array(Point)), nodes: Type.Optional(Type.Array(Name)) },
  closed,
);
const Sink = Type.Object(
  {
    kind: Type.Enum(['influxdb1', 'influxdb2', 'influxdb3', 'line-protocol-file', 'csv-file']),
    url: Type.Optional(Type.String({ pattern: '^https?://' })),
    database: Type.Optional(Text),
    organisation: Type.Optional(Text),
    username: Type.Optional(Text),
    password_env: Type.Optional(Text),
    password_file: Type.Optional(Text),
    token_env: Type.Optional(Text),
    token_file: Type.Optional(Text),
    path: Type.Optional(Text),
  },
  closed,
);

export const SiteDocument = Type.Object(
  {
    site: Name,
    rehearsal: Type.Optional(
      Type.Object(
        {
          seed: Type.Integer({ minimum: 0 }),
          clock: Type.Object(
            {
              civil_ns: Type.String({ pattern: '^[0-9]+$' }),
              monotonic_ns: Type.String({ pattern: '^[0-9]+$' }),
              speed: Type.Number({ minimum: 1, maximum: 60 }),
            },
            closed,
          ),
        },
        closed,
      ),
    ),
    interval: Type.Optional(Duration),
    settle_after: Type.Optional(Duration),
    listen: Type.Optional(Text),
    tokens: Type.Optional(
      Type.Record(
        Name,
        Type.Object(
          {
            token_env: Type.Optional(Text),
            token_file: Type.Optional(Text),
            nodes: Type.Optional(Type.Array(Text, { minItems: 1 })),
          },
          closed,
        ),
      ),
    ),
    wires: Type.Record(
      Name,
      Type.Union([
        TcpWire,
        SerialWire,
        SerialPushWire,
        TcpPushWire,
        MqttWire,
        CsvWire,
        SnmpWire,
        HttpWire,
        ScpiWire,
      ]),
    ),
    instruments: Type.Record(Name, Instrument),
    points: Type.Optional(Type.Record(Point, MeteredPoint)),
    nodes: Type.Optional(Type.Record(Name, Node)),
    racks: Type.Optional(Type.Record(Name, Rack)),
    sinks: Type.Optional(Type.Record(Name, Sink)),
  },
  closed,
);

export type SiteDocument = Static<typeof SiteDocument>;
export type NodeConfigDocument = Static<typeof NodeConfig>;
export type WireDocument = SiteDocument['wires'][string];
export type SinkDocument = NonNullable<SiteDocument['sinks']>[string];
