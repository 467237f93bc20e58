// The Prometheus text format as it is scraped: names, labels and the digits of the value. Lines that are no samples are passed
// over, as other exporters' bugs are not ours to stop at.

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  /** As printed: a double would round large counters. */
  readonly digits: string;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})?[ \t]+([-+]?[0-9.eE+-]+)(?:[ \t]+-?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Samples whose names are wanted. */
export function samplesOf(text: string, isWanted: (name: string) => boolean): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) continue;
    const match = LINE.exec(line.trimEnd());
    const name = match?.[1];
    if (name === undefined || !isWanted(name)) continue;
    const labels = new Map<string, string>();
    for (const [, key = '', value = ''] of (match?.[2] ?? '').matchAll(LABEL)) {
      // Label names differ in case between versions of one exporter.
      labels.set(
        key.toLowerCase(),
        value.replaceAll(/\\(.)/g, (_all, sign: string) => (sign === 'n' ? '\n' : sign)),
      );
    }
    samples.push({ name, labels, digits: match?.[3] ?? '' });
  }
  return samples;
}

/**
 * A printed decimal times ten to the power, exactly, cut to a whole number: `2.57858316e+08` joules are 257858316000000 µJ.
 * undefined where it is no number at or above 0, or more than a counter of 64 bits holds.
 */
export function wholeOf(digits: string, power: number): bigint | undefined {
  const match = /^\+?(\d+)(?:\.(\d*))?(?:[eE]([-+]?\d{1,3}))?$/.exec(digits);
  if (!match) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = Number(exponent) + power - fraction.length;
  const count = BigInt(whole + fraction);
  if (shift > 40 || shift < -60) return undefined;
  const scaled = shift >= 0 ? count * 10n ** BigInt(shift) : count / 10n ** BigInt(-shift);
  return scaled < 2n ** 64n ? scaled : undefined;
}
