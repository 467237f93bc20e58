// Longer than most files, since the schema is one noun.
// A device profile as a type: which bytes mean what, how its counters behave, what it allows, and the evidence for it.
// Data with vectors that prove it: no conditions, no expressions, no code. The JSON schema that editors use
// (devices/profile.schema.json) comes from here. House rules: profile-rules.ts.
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { ProfileFault } from '../quantity/fault.ts';
import {
  about,
  Begins,
  Bench,
  closed,
  counterSemantics,
  evidence,
  Expect,
  gaugeSemantics,
  Limits,
  proof,
  Register,
  Text,
  Timing,
} from './profile-pieces.ts';
import {
  HttpJsonProfileSchema,
  MqttJsonProfileSchema,
  PayloadVector,
  type HttpJsonProfile,
  type MqttJsonProfile,
} from './json-profile.ts';
import { brokenRule } from './profile-rules.ts';
import {
  BYTE_ORDERS,
  GAUGE_QUANTITIES,
  IDENTITY_KINDS,
  IDENTITY_TYPES,
  REGISTER_TYPES,
} from './profile-words.ts';
import { type PushProfile, PushProfileSchema } from './push-profile.ts';
import { firstTrouble } from './schema-trouble.ts';
import { ScpiProfileSchema, type ScpiProfile } from './scpi-profile.ts';
import { SnmpProfileSchema, type SnmpProfile } from './snmp-profile.ts';

const registerPlace = {
  /** Wire address, 0-based, of its first register. */
  at: Register,
  as: Type.Enum([...REGISTER_TYPES]),
  table: Type.Optional(Type.Enum(['input', 'holding'])),
  order: Type.Optional(Type.Enum([...BYTE_ORDERS])),
  ...Timing,
};
const ModbusCounter = Type.Object(
  {
    ...registerPlace,
    ...counterSemantics,
    /** Further registers of the same type that add up with it (tariffs), read in the same request. */
    plus: Type.Optional(Type.Array(Register, { minItems: 1, maxItems: 3 })),
  },
  closed,
);
const ModbusGauge = Type.Object({ ...registerPlace, ...gaugeSemantics }, closed);

/** Sources of a node message whose names begin so; where several do, the longest is meant. */
const chipPlace = { prefix: Text, ...Timing };
const ChipCounter = Type.Object(
  {
    ...chipPlace,
    ...counterSemantics,
    /** The message tells where it wraps (`max`): the largest value it holds. */
    wraps: Type.Enum(['max', 'unknown', 'never']),
  },
  closed,
);
const ChipGauge = Type.Object(
  { ...chipPlace, ...gaugeSemantics, quantity: Type.Enum([...GAUGE_QUANTITIES]) },
  closed,
);

const Identity = Type.Object(
  {
    what: Type.Enum([...IDENTITY_KINDS]),
    begins: Begins,
    at: Register,
    as: Type.Enum([...IDENTITY_TYPES]),
    registers: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    table: Type.Optional(Type.Enum(['input', 'holding'])),
    order: Type.Optional(Type.Enum([...BYTE_ORDERS])),
  },
  closed,
);

const RegisterVector = Type.Object(
  { ...proof, registers: Type.Record(Type.String({ pattern: '^[0-9]+$' }), Text), expect: Expect },
  closed,
);
const ModbusProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      {
        transport: Type.Literal('modbus'),
        table: Type.Enum(['input', 'holding']),
        order: Type.Enum([...BYTE_ORDERS]),
      },
      closed,
    ),
    reads: Type.Array(Type.Union([ModbusCounter, ModbusGauge]), { minItems: 1 }),
    limits: Limits,
    identify: Type.Array(Identity),
    ...evidence,
    vectors: Type.Array(RegisterVector, { minItems: 1 }),
    benches: Type.Optional(Type.Array(Bench)),
  },
  closed,
);
const NodeMessageProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object({ transport: Type.Literal('node-message') }, closed),
    reads: Type.Array(Type.Union([ChipCounter, ChipGauge]), { minItems: 1 }),
    limits: Limits,
    ...evidence,
    vectors: Type.Array(PayloadVector, { minItems: 1 }),
    benches: Type.Optional(Type.Array(Bench)),
  },
  closed,
);
export const ProfileSchema = Type.Union([
  ModbusProfileSchema,
  MqttJsonProfileSchema,
  HttpJsonProfileSchema,
  NodeMessageProfileSchema,
  SnmpProfileSchema,
  PushProfileSchema,
  ScpiProfileSchema,
]);

export type ModbusProfile = Static<typeof ModbusProfileSchema>;
export type NodeMessageProfile = Static<typeof NodeMessageProfileSchema>;
export type Profile =
  | ModbusProfile
  | MqttJsonProfile
  | HttpJsonProfile
  | NodeMessageProfile
  | SnmpProfile
  | PushProfile
  | ScpiProfile;
export type ModbusRead = ModbusProfile['reads'][number];
export type ChipRead = NodeMessageProfile['reads'][number];

export const isModbus = (profile: Profile): profile is ModbusProfile =>
  profile.speaks.transport === 'modbus';
export const isMqttJson = (profile: Profile): profile is MqttJsonProfile =>
  profile.speaks.transport === 'mqtt-json';
export const isHttpJson = (profile: Profile): profile is HttpJsonProfile =>
  profile.speaks.transport === 'http-json';
export const isScpi = (profile: Profile): profile is ScpiProfile =>
  profile.speaks.transport === 'scpi';
export const isNodeMessage = (profile: Profile): profile is NodeMessageProfile =>
  profile.speaks.transport === 'node-message';
export const isSnmp = (profile: Profile): profile is SnmpProfile =>
  profile.speaks.transport === 'snmp';

export const isPush = (profile: Profile): profile is PushProfile =>
  profile.speaks.transport === 'push';

/**
 * Checks a parsed YAML document against the schema and the house rules. Throws ProfileFault, whose `where` is the file
 * and the path inside it, such as `devices/meters/x.yaml/reads/0/unit`.
 */
export function parseProfile(document: unknown, where: string): Profile {
  // The branch is chosen first: errors of the other kinds of profile would only hide the one that matters.
  const schema = SCHEMAS[spokenTransport(document)];
  if (schema === undefined) {
    throw new ProfileFault({
      where: `${where}/speaks/transport`,
      what: 'it names no transport that profiles are written for',
      remedy: `write one of ${Object.keys(SCHEMAS).join(', ')}`,
    });
  }
  if (!Value.Check(schema, document)) {
    const trouble = firstTrouble(Value.Errors(schema, document));
    throw new ProfileFault({ ...trouble, where: `${where}${trouble.where}` });
  }
  const broken = brokenRule(document, Object.keys(document));
  if (broken) throw new ProfileFault({ ...broken, where: `${where}${broken.where}` });
  return document;
}

const SCHEMAS: Readonly<
  Record<
    string,
    | typeof ModbusProfileSchema
    | typeof MqttJsonProfileSchema
    | typeof HttpJsonProfileSchema
    | typeof ScpiProfileSchema
    | typeof NodeMessageProfileSchema
    | typeof SnmpProfileSchema
    | typeof PushProfileSchema
  >
> = {
  modbus: ModbusProfileSchema,
  'mqtt-json': MqttJsonProfileSchema,
  'http-json': HttpJsonProfileSchema,
  scpi: ScpiProfileSchema,
  'node-message': NodeMessageProfileSchema,
  snmp: SnmpProfileSchema,
  push: PushProfileSchema,
};

function spokenTransport(document: unknown): string {
  if (typeof document !== 'object' || document === null || !('speaks' in document)) return '';
  const { speaks } = document;
  if (typeof speaks !== 'object' || speaks === null || !('transport' in speaks)) return '';
  return typeof speaks.transport === 'string' ? speaks.transport : '';
}
