// A profile of a device that speaks SNMP: which objects mean what, with the numbers of chain, inlet, outlet and phase left
// open, so that one profile serves every outlet. Objects that tell a scale, a unit or whether a value is valid are named
// beside the value and are asked for together with it.
import Type, { type Static } from 'typebox';
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
  Positive,
  proof,
  Text,
  Timing,
} from './profile-pieces.ts';
import { IDENTITY_KINDS, PART_KINDS, SNMP_IDENTITY_TYPES, SNMP_TYPES } from './profile-words.ts';

/** Dotted numbers; `{outlet}` and its kin stand for the number that the site file gives. */
const ObjectPattern = Type.String({
  pattern: '^1\\.3\\.6\\.1(\\.([0-9]+|\\{(pdu|inlet|outlet|phase)\\}))+$',
});
/** An object that must hold one of these integers. */
const Companion = Type.Object(
  { oid: ObjectPattern, is: Type.Array(Type.Integer(), { minItems: 1 }) },
  closed,
);

const objectPlace = {
  /** What the value is of: the whole unit, or the part with the number of the instrument. */
  part: Type.Enum([...PART_KINDS]),
  oid: ObjectPattern,
  as: Type.Enum([...SNMP_TYPES]),
  /** Object that tells how many digits of the value stand behind the decimal point. */
  digits: Type.Optional(ObjectPattern),
  /** Without one of these values there the reading is none. */
  valid: Type.Optional(Companion),
  /** Object that tells the unit; with any other value the profile does not fit. */
  unit_is: Type.Optional(Companion),
  ...Timing,
};
const SnmpCounter = Type.Object(
  {
    ...objectPlace,
    ...counterSemantics,
    /** digits: one count, at the digits that the device tells. */
    resolution: Type.Union([Positive, Type.Literal('digits')]),
    /** at_count: in counts, whatever the digits are. */
    wraps: Type.Union([
      Type.Object({ at: Positive }, closed),
      Type.Object({ at_count: Type.Integer({ minimum: 1 }) }, closed),
      Type.Enum(['unknown', 'never']),
    ]),
    /** Value, in its unit, at which it stands still for good. */
    latches_at: Type.Optional(Positive),
    /** Object that changes when somebody resets the counter. */
    epoch: Type.Optional(ObjectPattern),
  },
  closed,
);
const SnmpGauge = Type.Object({ ...objectPlace, ...gaugeSemantics }, closed);

const Identity = Type.Object(
  {
    what: Type.Enum([...IDENTITY_KINDS]),
    begins: Begins,
    /** Only for instruments that are of this part; absent: of the device. */
    part: Type.Optional(Type.Enum([...PART_KINDS])),
    oid: ObjectPattern,
    as: Type.Enum([...SNMP_IDENTITY_TYPES]),
  },
  closed,
);

const PartNumber = Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff }));
/** Object to what it holds: `integer 1234`, `unsigned32 7`, `text PX3`, `no-such-instance`. */
const Objects = Type.Record(Type.String({ pattern: '^1(\\.[0-9]+)+$' }), Text);
const ObjectVector = Type.Object(
  {
    ...proof,
    /** The numbers that an instrument would have in a site file. */
    instrument: Type.Object(
      { pdu: PartNumber, inlet: PartNumber, outlet: PartNumber, phase: PartNumber },
      closed,
    ),
    objects: Objects,
    expect: Expect,
  },
  closed,
);

export const SnmpProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      {
        transport: Type.Literal('snmp'),
        /** Number of a unit that stands alone, and of the first in a chain; 1 unless said otherwise. */
        chain_from: Type.Optional(Type.Integer({ minimum: 0, maximum: 1 })),
        /** What an instrument may be; the first where the site file gives no number. */
        parts: Type.Array(Type.Enum([...PART_KINDS]), { minItems: 1, uniqueItems: true }),
      },
      closed,
    ),
    reads: Type.Array(Type.Union([SnmpCounter, SnmpGauge]), { minItems: 1 }),
    limits: Limits,
    identify: Type.Array(Identity),
    ...evidence,
    vectors: Type.Array(ObjectVector, { minItems: 1 }),
    benches: Type.Optional(Type.Array(Bench)),
  },
  closed,
);

export type SnmpProfile = Static<typeof SnmpProfileSchema>;
export type SnmpRead = SnmpProfile['reads'][number];
export type SnmpCounterRead = Extract<SnmpRead, { kind: 'counter' }>;
