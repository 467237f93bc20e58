// A profile of an analyzer with a command line: one question that says itself what its answer holds, and which field of the
// answer is which quantity.
import Type, { type Static } from 'typebox';
import {
  about,
  Begins,
  Bench,
  closed,
  evidence,
  Expect,
  gaugeSemantics,
  Limits,
  proof,
  Text,
  Timing,
} from './profile-pieces.ts';

const Field = Type.Integer({ minimum: 0, maximum: 31 });
const Line = Type.String({ pattern: '^[ -~]{1,1000}\\?$' });
const ScpiGauge = Type.Object({ field: Field, ...gaugeSemantics, ...Timing }, closed);
const ScpiIdentity = Type.Object(
  { what: Type.Enum(['serial', 'model', 'firmware']), begins: Begins, field: Field },
  closed,
);
const ReplyVector = Type.Object({ ...proof, reply: Text, expect: Expect }, closed);

export const ScpiProfileSchema = Type.Object(
  {
    ...about,
    speaks: Type.Object(
      {
        transport: Type.Literal('scpi'),
        /** Chooses the quantities and asks for them in one line, so that each answer is understood by its own question. */
        ask: Line,
        /** How many fields, separated by commas, a right answer has. */
        fields: Type.Integer({ minimum: 1, maximum: 32 }),
      },
      closed,
    ),
    reads: Type.Array(ScpiGauge, { minItems: 1 }),
    limits: Limits,
    /** Fields of the answer to `*IDN?` (IEEE 488.2 §10.14). */
    identify: Type.Array(ScpiIdentity),
    ...evidence,
    vectors: Type.Array(ReplyVector, { minItems: 1 }),
    benches: Type.Optional(Type.Array(Bench)),
  },
  closed,
);

export type ScpiProfile = Static<typeof ScpiProfileSchema>;
