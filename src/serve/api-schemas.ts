// What the HTTP API says, as TypeBox schemas: they type the code that writes the JSON, check what comes in, and become
// /openapi.json. snake_case with units; bigints are decimal strings; what is not known is left out, never 0 or null.
import { Type, type Static } from 'typebox';
import { STANDINGS, VERSION_REASONS } from '../quantity/correction.ts';
import { FAULT_CODES } from '../quantity/fault.ts';
import { KINDS, QUALITIES } from '../quantity/quality.ts';
import { STATEMENT_FLAGS } from '../quantity/statement.ts';

const closed = { additionalProperties: false } as const;
const Power = Type.Number({ description: 'Watts. Left out where it is not known.' });
const EnergyUj = Type.String({
  pattern: '^-?[0-9]+$',
  description: 'Microjoules, exact: a decimal integer as a string, since it may exceed 2^53.',
});
const Instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
const InstantText = Type.String({
  pattern: '^-?[0-9]+$',
  description: 'Nanoseconds since 1970-01-01T00:00:00Z, a decimal integer as a string.',
});
const QualityWord = Type.Enum([...QUALITIES]);
const KindWord = Type.Enum([...KINDS]);

/** Why a number is not known: a stable code (docs/faults.md) and its sentence. */
const TroubleSchema = Type.Object({ code: Type.String(), says: Type.String() }, closed);

export const PointSchema = Type.Object(
  {
    point: Type.String(),
    rack: Type.String(),
    meter: Type.String(),
    profile: Type.String(),
    wall_w: Type.Optional(Power),
    wall_uj: EnergyUj,
    quality: QualityWord,
    trouble: Type.Optional(TroubleSchema),
    age_s: Type.Optional(Type.Number({ description: 'Age of the last good reading, seconds.' })),
  },
  closed,
);

export const NodeSchema = Type.Object(
  {
    node: Type.String(),
    rack: Type.String(),
    type: Type.String(),
    wall_w: Type.Optional(Power),
    chip_w: Type.Optional(Power),
    gap_ratio: Type.Optional(Type.Number({ description: '1 - chip / wall.' })),
    corrected_w: Type.Optional(Power),
    corrected_u_w: Type.Optional(
      Type.Number({ description: 'Expanded uncertainty of corrected_w, 95.45 %, watts.' }),
    ),
    quality: QualityWord,
    trouble: Type.Optional(TroubleSchema),
    wall_uj: EnergyUj,
    chip_uj: EnergyUj,
    corrected_j: Type.Number({ description: 'Live energy since the service started, joules.' }),
    model: Type.Optional(
      Type.Object(
        {
          id: Type.String(),
          standing: Type.Enum([...STANDINGS]),
          gain_text: Type.String(),
          open: Type.Array(Type.String(), { description: 'Gates that it has not passed yet.' }),
          checked: Type.String({
            format: 'date-time',
            description: 'When a meter was last compared with it.',
          }),
        },
        closed,
      ),
    ),
    waiting_for: Type.String({ description: 'Why there is no model yet; empty where there is.' }),
    alarms: Type.Array(
      Type.Object(
        { event: Type.Enum([...VERSION_REASONS]), noticed: Instant, says: Type.String() },
        closed,
      ),
      { description: 'What happened to the model within the last hour.' },
    ),
  },
  closed,
);

export const WireSchema = Type.Object(
  {
    wire: Type.String(),
    transport: Type.String(),
    connected: Type.Boolean(),
    exchanges_count: Type.Number(),
    faults_count: Type.Number(),
    silent: Type.Array(Type.String(), { description: 'Instruments that do not answer now.' }),
    lateness_p99_ms: Type.Optional(Type.Number()),
    trouble: Type.String(),
  },
  closed,
);

export const SinkSchema = Type.Object(
  {
    sink: Type.String(),
    kind: Type.String(),
    waiting_count: Type.Number(),
    refused_count: Type.Number(),
    trouble: Type.String(),
  },
  closed,
);

export const SettledSchema = Type.Object(
  {
    point: Type.String(),
    kind: Type.String(),
    start: Instant,
    start_ns: InstantText,
    duration_s: Type.Number(),
    energy_uj: Type.Optional(EnergyUj),
    energy_kwh: Type.Optional(Type.String({ description: 'Exact decimal kWh.' })),
    u_kwh: Type.Optional(Type.Number({ description: 'Expanded uncertainty, 95.45 %, kWh.' })),
    quality: QualityWord,
    version: Type.Number(),
    leaf: Type.Number(),
  },
  closed,
);

export const RackSchema = Type.Object(
  {
    site: Type.String(),
    rehearsal: Type.Optional(
      Type.Object({ speed_ratio: Type.Number(), seed: Type.Number() }, closed),
    ),
    at: Instant,
    at_ns: InstantText,
    started: Instant,
    started_ns: InstantText,
    points: Type.Array(PointSchema),
    nodes: Type.Array(NodeSchema),
    wires: Type.Array(WireSchema),
    sinks: Type.Array(SinkSchema),
    settled: Type.Array(SettledSchema),
    ledger: Type.Object(
      { leaves_count: Type.Number(), journal_bytes: Type.Number(), origin: Type.String() },
      closed,
    ),
  },
  { ...closed, description: 'The rack as it was at the last refresh.' },
);
export type RackJson = Static<typeof RackSchema>;

/** What a plot needs of one node: the last refreshes, oldest first. A hole is null, as plots want it. */
const Track = Type.Array(Type.Union([Type.Number(), Type.Null()]));
export const HistorySchema = Type.Object(
  {
    node: Type.String(),
    time_s: Type.Array(Type.Number({ description: 'Civil seconds since 1970.' })),
    wall_w: Track,
    chip_w: Track,
    corrected_w: Track,
    corrected_u_w: Track,
  },
  closed,
);
export type HistoryJson = Static<typeof HistorySchema>;

const AnchorSchema = Type.Object({ at_ns: InstantText, energy_uj: EnergyUj }, closed);

export const IntervalSchema = Type.Object(
  {
    point: Type.String(),
    kind: KindWord,
    start: Instant,
    start_ns: InstantText,
    duration_s: Type.Number(),
    energy_uj: Type.Optional(EnergyUj),
    energy_kwh: Type.Optional(Type.String({ description: 'Decimal kWh to 1e-12.' })),
    u_kwh: Type.Optional(Type.Number({ description: 'Expanded uncertainty, 95.45 %, kWh.' })),
    u_sys_kwh: Type.Optional(Type.Number({ description: 'Standard; adds linearly over time.' })),
    u_ind_kwh: Type.Optional(Type.Number({ description: 'Standard; adds in quadrature.' })),
    u_edge_kwh: Type.Optional(Type.Number({ description: 'Standard; only outer edges count.' })),
    power_mean_w: Type.Optional(Power),
    power_max_w: Type.Optional(Power),
    quality: QualityWord,
    because: Type.Optional(TroubleSchema),
    method: Type.String(),
    tier: Type.Number(),
    version: Type.Number(),
    supersedes: Type.String({ description: 'SHA-256 of the version it replaces, or empty.' }),
    covered_s: Type.Number({ description: 'Seconds of the interval that readings cover.' }),
    flags: Type.Array(Type.Enum([...STATEMENT_FLAGS])),
    model: Type.String(),
    core: Type.String(),
    anchors: Type.Array(
      Type.Object(
        {
          source: Type.String(),
          edge: Type.Enum(['from', 'until']),
          energy_uj: EnergyUj,
          before: AnchorSchema,
          after: AnchorSchema,
        },
        closed,
      ),
    ),
    leaf: Type.Number({ description: 'Index of the statement in the Merkle log.' }),
    sha256: Type.String({ description: 'Of its canonical bytes, hex.' }),
  },
  closed,
);
export type IntervalJson = Static<typeof IntervalSchema>;

export const IntervalsSchema = Type.Object(
  {
    intervals: Type.Array(IntervalSchema),
    next: Type.Optional(
      Type.String({ format: 'date-time', description: 'Ask again with this as `from`.' }),
    ),
  },
  closed,
);

export const IntervalsQuery = Type.Object(
  {
    from: Type.String({ maxLength: 40, description: 'RFC 3339; intervals that start here on.' }),
    until: Type.String({ maxLength: 40, description: 'RFC 3339; and before here.' }),
    point: Type.Optional(Type.String({ maxLength: 200 })),
    kind: Type.Optional(KindWord),
  },
  closed,
);
export const HistoryQuery = Type.Object({ node: Type.String({ maxLength: 200 }) }, closed);
export const NoQuery = Type.Object({}, closed);

export const HealthSchema = Type.Object(
  {
    status: Type.Enum(['ok', 'trouble']),
    reasons: Type.Array(Type.String(), { description: 'Why it is not ok.' }),
  },
  closed,
);
export type HealthJson = Static<typeof HealthSchema>;

export const AcceptedSchema = Type.Object({ accepted: Type.Boolean() }, closed);

export const ErrorSchema = Type.Object(
  { error: Type.String(), remedy: Type.String() },
  { ...closed, description: 'What is wrong and what to do.' },
);
export type ErrorJson = Static<typeof ErrorSchema>;

/** The sentence of a fault code, for people. */
export const troubleOf = (code: keyof typeof FAULT_CODES): Static<typeof TroubleSchema> => ({
  code,
  says: FAULT_CODES[code],
});
