// What trackers and people tell the service, as it is kept: one schema for what is written and what is read back.
import { Type, type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
const Name = Type.String({ minLength: 1, maxLength: 256 });
const Ns = Type.String({ pattern: '^\\d{1,20}$' });
const Kwh = Type.Number({ minimum: -1e6, maximum: 1e6 });
const Count = Type.Optional(Type.Number({ minimum: 0, maximum: 1e18 }));

export const RunRecord = Type.Object(
  {
    kind: Type.Literal('run'),
    run: Name,
    node: Name,
    tracker: Name,
    project: Type.String({ maxLength: 256 }),
    at_ns: Ns,
  },
  closed,
);
export const ClaimRecord = Type.Object(
  {
    kind: Type.Literal('claim'),
    /** Of the message that brought it: the same one twice counts once. */
    id: Name,
    run: Name,
    node: Name,
    tracker: Name,
    from_ns: Ns,
    until_ns: Ns,
    cpu_kwh: Kwh,
    gpu_kwh: Kwh,
    /** Made up by the tracker, kept as it came. */
    ram_kwh: Kwh,
    notes: Type.Array(Type.String({ maxLength: 200 }), { maxItems: 8 }),
  },
  closed,
);
export const JobRecord = Type.Object(
  {
    kind: Type.Literal('job'),
    job: Name,
    name: Name,
    nodes: Type.Array(Name, { minItems: 1, maxItems: 1024 }),
    at_ns: Ns,
    /** Chip sources that are its own on its nodes; without them it shares every chip. */
    chips: Type.Optional(Type.Array(Name, { maxItems: 8192 })),
  },
  closed,
);
export const MarkRecord = Type.Object(
  {
    kind: Type.Literal('mark'),
    job: Name,
    mark: Name,
    at_ns: Ns,
    tokens: Count,
    inferences: Count,
  },
  closed,
);
export const EndRecord = Type.Object(
  { kind: Type.Literal('end'), job: Name, at_ns: Ns, tokens: Count, inferences: Count },
  closed,
);
/** What the chips of a node counted while jobs shared it: kept, since curves forget what is settled. */
export const ChipsRecord = Type.Object(
  {
    kind: Type.Literal('chips'),
    node: Name,
    from_ns: Ns,
    until_ns: Ns,
    energy_uj: Type.Record(Name, Ns),
  },
  closed,
);
export const ActivityRecord = Type.Union([
  RunRecord,
  ClaimRecord,
  JobRecord,
  MarkRecord,
  EndRecord,
  ChipsRecord,
]);
export type ActivityRecordJson = Static<typeof ActivityRecord>;
export type ClaimRecordJson = Static<typeof ClaimRecord>;
export type RunRecordJson = Static<typeof RunRecord>;
export type JobRecordJson = Static<typeof JobRecord>;
export type MarkRecordJson = Static<typeof MarkRecord>;
export type ChipsRecordJson = Static<typeof ChipsRecord>;
export type EndRecordJson = Static<typeof EndRecord>;
