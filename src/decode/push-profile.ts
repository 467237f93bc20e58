// A profile of a meter that sends whole frames of OBIS values: SML, DSMR P1, IEC 62056-21. The meter says unit and scale of
// each value; the profile says which codes are read, what their counters are, and which version of the protocol it speaks.
import Type, { type Static } from 'typebox';
import {
  about,
  Bench,
  closed,
  counterSemantics,
  evidence,
  Expect,
  gaugeSemantics,
  Limits,
  proof,
  Timing,
} from './profile-pieces.ts';
import { PUSH_CHECKS, PUSH_PROTOCOLS } from './profile-words.ts';

/** In the one form of decode/obis.ts. */
const Obis = Type.String({
  pattern: '^[0-9]{1,3}-[0-9]{1,3}:[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(\\*[0-9]{1,3})?$',
});
const obisPlace = {
  obis: Obis,
  /** The meter leaves it out of some frames: a missing one is then nothing new, not a gap. */
  partial: Type.Optional(Type.Literal(true)),
  ...Timing,
};
/** The unit stands in the frame; `unit` is that of resolution, wrap and range, and of a frame that says none. */
const ObisCounter = Type.Object(
  {
    ...obisPlace,
    ...counterSemantics,
    /** Further codes that add up with it (tariffs); all must be there. */
    plus: Type.Optional(Type.Array(Obis, { minItems: 1, maxItems: 3 })),
  },
  closed,
);
const ObisGauge = Type.Object(
  {
    ...obisPlace,
    ...gaugeSemantics,
    /** What flows the other way has a code of its own: it is taken off. */
    minus: Type.Optional(Obis),
    /** A magnitude, which is negative where this bit of the status of another entry is set. */
    sign: Type.Optional(
      Type.Object({ obis: Obis, bit: Type.Integer({ minimum: 0, maximum: 63 }) }, closed),
    ),
    /** Integers of up to so many bytes are unsigned, whatever their type says. */
    unsigned_bytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 4 })),
  },
  closed,
);
/** The meter's clock in a frame: `YYMMDDhhmmss` and S or W for summer or winter time. */
const ObisClock = Type.Object(
  {
    obis: Obis,
    /** Winter time ahead of UTC, minutes. */
    offset_min: Type.Integer({ minimum: -720, maximum: 840 }),
    /** How far it may be off; a frame that is older than this by its own clock, but not by a day, is stale. */
    uncertainty_ms: Type.Number({ minimum: 0 }),
  },
  closed,
);
const ObisIdentity = Type.Object({ what: Type.Enum(['serial', 'model']), obis: Obis }, closed);

/** A frame in hex, or the lines of a telegram, joined by CR LF: a last empty one ends it with a line end. */
const HexVector = Type.Object(
  { ...proof, frame: Type.String({ pattern: '^([0-9a-fA-F]{2} ?)+$' }), expect: Expect },
  closed,
);
const LinesVector = Type.Object(
  { ...proof, lines: Type.Array(Type.String(), { minItems: 2 }), expect: Expect },
  closed,
);

export const PushProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      {
        transport: Type.Literal('push'),
        protocol: Type.Enum([...PUSH_PROTOCOLS]),
        check: Type.Enum([...PUSH_CHECKS]),
        /** asked: IEC 62056-21 modes A to C; unasked: everything else. */
        sends: Type.Enum(['unasked', 'asked']),
        clock: Type.Optional(ObisClock),
      },
      closed,
    ),
    reads: Type.Array(Type.Union([ObisCounter, ObisGauge]), { minItems: 1 }),
    limits: Limits,
    identify: Type.Array(ObisIdentity),
    ...evidence,
    vectors: Type.Array(Type.Union([HexVector, LinesVector]), { minItems: 1 }),
    benches: Type.Optional(Type.Array(Bench)),
  },
  closed,
);

export type PushProfile = Static<typeof PushProfileSchema>;
export type ObisRead = PushProfile['reads'][number];
