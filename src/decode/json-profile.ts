// Profiles of instruments that tell JSON: by MQTT, whenever they like, and by HTTP, when they are asked. In both, a read is a
// field at a plain path of what stands under a suffix of the instrument's topic or path.
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
  proof,
  Text,
  Timing,
} from './profile-pieces.ts';
import { IDENTITY_KINDS, TIME_UNITS } from './profile-words.ts';

const Path = Type.Array(Type.Union([Type.String(), Type.Integer({ minimum: 0 })]), { maxItems: 8 });
/** Added to the instrument's topic or path after a slash; empty: that itself. */
const Suffix = Type.String({ pattern: '^[^#+\\u0000]*$' });
const jsonPlace = {
  suffix: Suffix,
  /** Keys and array indexes from the top of the payload; empty: the payload is the number. */
  path: Path,
  /** decimal: exact as printed; float32: the device prints a 32-bit float, whose step grows with the value. */
  as: Type.Enum(['decimal', 'float32']),
  /** Messages leave out what did not change: a missing field is then nothing new, not a gap. */
  partial: Type.Optional(Type.Literal(true)),
  /** Field by which the device says that the reading is to be believed; it must hold true. */
  valid_path: Type.Optional(Path),
  ...Timing,
};
const JsonCounter = Type.Object(
  { ...jsonPlace, ...counterSemantics, epoch_path: Type.Optional(Path) },
  closed,
);
const JsonGauge = Type.Object({ ...jsonPlace, ...gaugeSemantics }, closed);

const DeviceTime = Type.Object(
  {
    suffix: Type.String(),
    path: Path,
    /** Only utc is used; uptime is what some devices send until their clock is set, told by its magnitude. */
    kind: Type.Enum(['utc', 'local-naive', 'uptime', 'minute-start']),
    unit: Type.Enum([...TIME_UNITS]),
    /** How far the device's clock may be off, ms. */
    uncertainty_ms: Type.Number({ minimum: 0 }),
  },
  closed,
);
const JsonIdentity = Type.Object(
  { what: Type.Enum([...IDENTITY_KINDS]), begins: Begins, suffix: Suffix, path: Path },
  closed,
);
export const PayloadVector = Type.Object(
  { ...proof, suffix: Type.String(), payload: Text, expect: Expect },
  closed,
);
const reads = Type.Array(Type.Union([JsonCounter, JsonGauge]), { minItems: 1 });
const proven = {
  ...evidence,
  vectors: Type.Array(PayloadVector, { minItems: 1 }),
  benches: Type.Optional(Type.Array(Bench)),
};

export const MqttJsonProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      { transport: Type.Literal('mqtt-json'), times: Type.Array(DeviceTime) },
      closed,
    ),
    reads,
    limits: Limits,
    ...proven,
  },
  closed,
);
export const HttpJsonProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      { transport: Type.Literal('http-json'), times: Type.Array(DeviceTime) },
      closed,
    ),
    reads,
    limits: Limits,
    identify: Type.Array(JsonIdentity),
    ...proven,
  },
  closed,
);

export type MqttJsonProfile = Static<typeof MqttJsonProfileSchema>;
export type HttpJsonProfile = Static<typeof HttpJsonProfileSchema>;
export type JsonRead = MqttJsonProfile['reads'][number];
