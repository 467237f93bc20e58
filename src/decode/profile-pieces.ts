// Pieces that the schemas of all kinds of profiles are made of (profile.ts, snmp-profile.ts, push-profile.ts): what a counter and a gauge
// must say of themselves, what a device allows, who says so, and how it is proven.
import Type from 'typebox';
import { COUNTER_CHANNELS } from '../quantity/observation.ts';
import { ROLES } from '../quantity/quality.ts';
import {
  ACCURACY_SCHEMES,
  ENERGY_UNITS,
  GAUGE_CHANNELS,
  READ_UNITS,
  VECTOR_ORIGINS,
} from './profile-words.ts';

export const closed = { additionalProperties: false };
export const Text = Type.String({ minLength: 1 });
export const Register = Type.Integer({ minimum: 0, maximum: 0xffff });
const DelayMs = Type.Union([Type.Number({ minimum: 0 }), Type.Literal('unknown')]);
export const Positive = Type.Number({ exclusiveMinimum: 0 });

const Accuracy = Type.Object(
  { scheme: Type.Enum([...ACCURACY_SCHEMES]), class: Text, source: Text },
  closed,
);
const Source = Type.Object(
  { says: Text, source: Text, sha256: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })) },
  closed,
);
const Quirk = Type.Object({ says: Text, effect: Type.Optional(Text), source: Text }, closed);

/** A factor that the unit does not carry, and why it is there: a bare scale is how values come out 1000 times wrong. */
export const Scale = Type.Object({ by: Positive, because: Text }, closed);
export const Timing = { refresh_ms: Type.Optional(DelayMs), averaging_ms: Type.Optional(DelayMs) };

export const counterSemantics = {
  channel: Type.Enum([...COUNTER_CHANNELS]),
  unit: Type.Enum([...ENERGY_UNITS]),
  kind: Type.Literal('counter'),
  /** total: only grows; partial: somebody may set it to 0; net: import minus export, may fall. */
  means: Type.Enum(['total', 'partial', 'net']),
  /** Step of the register, in its unit. */
  resolution: Positive,
  /** Value, in its unit, at which it starts again at 0. */
  wraps: Type.Union([Type.Object({ at: Positive }, closed), Type.Enum(['unknown', 'never'])]),
  /** How else it may come down: set to 0, fallen back to an older value, or not at all. */
  falls: Type.Enum(['never', 'reset', 'rollback', 'unknown']),
  scale: Type.Optional(Scale),
};
export const gaugeSemantics = {
  channel: Type.Enum([...GAUGE_CHANNELS]),
  unit: Type.Enum([...READ_UNITS]),
  kind: Type.Literal('gauge'),
  scale: Type.Optional(Scale),
  /** What the register can hold, in its unit; beyond it is a gap. */
  range: Type.Optional(Type.Tuple([Type.Number(), Type.Number()])),
};

const Span = Type.Object(
  {
    from: Register,
    /** First register behind it. */
    until: Type.Integer({ minimum: 1, maximum: 0x10000 }),
    /** Registers per value in this span: a read may begin and end at multiples of it. */
    step: Type.Enum([1, 2, 4]),
    table: Type.Optional(Type.Enum(['input', 'holding'])),
  },
  closed,
);

export const Limits = Type.Object(
  {
    registers_per_read: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 125 }), Type.Literal('unknown')]),
    ),
    /** Start and count of a read must be multiples of it. */
    registers_multiple: Type.Optional(Type.Enum([1, 2])),
    /** Spans in which every register may be read, holes between values included. */
    readable: Type.Optional(Type.Array(Span)),
    /** SNMP: most objects of one request, where the agent takes fewer than a message holds. */
    objects_per_get: Type.Optional(Type.Integer({ minimum: 6, maximum: 128 })),
    silence_ms: Type.Optional(DelayMs),
    reply_timeout_ms: Type.Optional(DelayMs),
    /** Civil time between two polls below which nothing new can come. */
    poll_ms: Type.Optional(DelayMs),
    refresh_ms: DelayMs,
    averaging_ms: DelayMs,
  },
  closed,
);

/** Bit pattern (hex, most significant byte first, whatever the order on the wire) or, elsewhere, the number as sent. */
const Sentinel = Type.Object({ as: Text, raw: Text, channel: Type.Optional(Text) }, closed);

export const proof = {
  name: Text,
  origin: Type.Enum([...VECTOR_ORIGINS]),
  firmware: Type.Optional(Text),
};
/** How an identifying text begins in a device of this profile; where it begins otherwise, it is another device. */
export const Begins = Type.Optional(Type.Array(Text, { minItems: 1 }));
/** Channel (or component, or component and channel) to `12.125 kWh`, `100 W` or `gap decode.sentinel`. */
export const Expect = Type.Record(Type.String(), Text);
export const Bench = Type.Object({ run: Text, reference: Text }, closed);

export const about = {
  id: Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' }),
  brand: Text,
  model: Text,
  role: Type.Enum([...ROLES]),
  accuracy: Accuracy,
  /** Sensors of calibration/sensors.yaml that the readings come from. */
  sensors: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' }))),
  provenance: Type.Array(Source, { minItems: 1 }),
};
export const evidence = {
  quirks: Type.Array(Quirk),
  sentinels: Type.Array(Sentinel),
};
