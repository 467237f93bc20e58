// The accounts file as a schema: who pays for what which meter counts. docs/accounts-file.md explains it.
import Type, { type Static } from 'typebox';
import { ACCOUNT_KINDS, WEEKDAYS } from '../../settle/accounts/accounts-plan.ts';

const closed = { additionalProperties: false };
const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' });
const Point = Type.String({ pattern: '^(feed|outlet|node)/[A-Za-z0-9][A-Za-z0-9._-]*$' });
/** Exact decimals are text: YAML would make binary fractions of them. */
const Exact = Type.String({ pattern: '^-?[0-9]{1,12}(\\.[0-9]{1,9})?$' });
const Instant = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2})?Z)?$' });
const TimeOfDay = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$' });
const Percent = Type.Number({ minimum: 0, maximum: 100 });

const Rule = Type.Object(
  {
    from: Type.Optional(Instant),
    account: Type.Optional(Name),
    shares: Type.Optional(Type.Record(Name, Type.Integer({ minimum: 1, maximum: 1_000_000 }))),
    children: Type.Optional(Type.Array(Point, { minItems: 1 })),
    nodes: Type.Optional(Type.Record(Name, Name)),
    joins: Type.Optional(Point),
    losses: Type.Optional(Type.Object({ account: Name, percent: Exact }, closed)),
    unaccounted: Type.Optional(Name),
  },
  closed,
);
const Certificate = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    laboratory: Type.String({ minLength: 1 }),
    calibrated: Instant,
    due: Instant,
    u_percent: Type.Number({ exclusiveMinimum: 0, maximum: 100 }),
    k: Type.Number({ minimum: 1, maximum: 14 }),
  },
  closed,
);
const Meter = Type.Object(
  {
    kind: Type.Optional(Type.Enum(['metered', 'corrected'])),
    certificate: Type.Optional(Certificate),
    /** A second meter of the same circuit, which nobody pays for. */
    check_meter: Type.Optional(
      Type.String({ pattern: '^(feed|outlet)/[A-Za-z0-9][A-Za-z0-9._-]*$' }),
    ),
    rules: Type.Array(Rule, { minItems: 1 }),
  },
  closed,
);
const Bucket = Type.Object(
  {
    name: Name,
    days: Type.Optional(Type.Array(Type.Enum([...WEEKDAYS]), { minItems: 1 })),
    from: TimeOfDay,
    to: TimeOfDay,
    price: Exact,
  },
  closed,
);
const Tariff = Type.Object(
  {
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    money_decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 6 })),
    kwh_decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 9 })),
    energy_price: Exact,
    demand_price: Type.Optional(Exact),
    buckets: Type.Optional(Type.Array(Bucket)),
  },
  closed,
);
const Account = Type.Object(
  {
    kind: Type.Optional(Type.Enum([...ACCOUNT_KINDS])),
    tariff: Type.Optional(Name),
    uplift: Type.Optional(Exact),
    limit_percent: Type.Optional(Exact),
  },
  closed,
);

export const AccountsDocument = Type.Object(
  {
    settlement: Name,
    zone: Type.Optional(Type.String({ minLength: 1 })),
    completeness: Type.Optional(
      Type.Object(
        { all_percent: Type.Optional(Percent), each_percent: Type.Optional(Percent) },
        closed,
      ),
    ),
    accounts: Type.Record(Name, Account),
    meters: Type.Record(Point, Meter),
    tariffs: Type.Optional(Type.Record(Name, Tariff)),
  },
  closed,
);
export type AccountsDocument = Static<typeof AccountsDocument>;
export type RuleDocument = Static<typeof Rule>;
