// The shape of what a standard promises about meters and current transformers. The figures are in accuracy-table.ts, how
// they are read in accuracy-class.ts and current-transformer.ts; calibration/accuracy-classes.yaml explains each key.

/** Share of the reference current for a direct connected meter (d) and for one behind transformers (t). */
type LoadRatios = Readonly<Partial<Record<'d' | 't', number>>>;

/** Where the limits of one power factor begin (`fromRatio`), and where its normal range begins. */
interface LoadSpan {
  readonly pfRatio: number;
  readonly fromRatio: LoadRatios;
  readonly normalRatio: LoadRatios;
}

/** Limits of error from one power factor upwards, where temperatures are banded within one band. */
interface LimitRow {
  readonly pfRatio: number;
  readonly temperatureCel?: readonly number[];
  /** What a kelvin away from 23 degrees Celsius may add. */
  readonly kelvinPercent?: number;
  readonly lowPercent: number;
  readonly normalPercent: number;
}

export interface AccuracyClass {
  readonly singlePhasePercent?: number;
  readonly loads: readonly LoadSpan[];
  readonly limits: readonly LimitRow[];
}

export interface AccuracyScheme {
  /** `in-use`: influences are inside of the limits; `reference`: they come on top. */
  readonly promise: string;
  readonly verified: boolean;
  readonly temperatureCel: readonly number[];
  readonly mostLoadRatio: LoadRatios;
  readonly classes: Readonly<Record<string, AccuracyClass>>;
}

export interface TransformerScheme {
  readonly mostLoadRatio: number;
  readonly normalPfRatio: number;
  readonly normalLoadRatio: number;
  /** Points by ascending load; each counts until the next. */
  readonly classes: Readonly<
    Record<
      string,
      readonly {
        readonly loadRatio: number;
        readonly ratioPercent: number;
        readonly phaseMinutes: number;
      }[]
    >
  >;
}
