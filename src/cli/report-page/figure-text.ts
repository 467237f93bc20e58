// The one place where numbers become text on the page. A value that has an uncertainty is shown to the digits that its
// uncertainty has (two of them, GUM 7.2.6); minus is a minus sign, thousands are set apart, units follow a fixed space.
import { formatInstant, fromSeconds, instantNs } from '../../quantity/time.ts';

const SPACE = '\u{a0}';
const THIN = '\u{202f}';

/** A number with this many digits behind the point. */
export function decimal(quantity: number, digitsCount: number): string {
  const [whole = '', fraction] = Math.abs(quantity).toFixed(digitsCount).split('.');
  const grouped = whole.length > 4 ? whole.replaceAll(/\B(?=(\d{3})+$)/g, THIN) : whole;
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return quantity < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

export const counted = (count: number): string => decimal(count, 0);

/** `7 runs`, `1 run`. */
export const several = (count: number, noun: string): string =>
  `${counted(count)}${SPACE}${noun}${count === 1 ? '' : 's'}`;

export const unit = (text: string, name: string): string => `${text}${SPACE}${name}`;

/** Digits behind the point that show two digits of this magnitude; none for what is 10 and more. */
export function digitsFor(magnitude: number): number {
  if (!(magnitude > 0) || !Number.isFinite(magnitude)) return 3;
  return Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(magnitude))));
}

/** `285.0 ± 3.2 W`. */
export function withU(quantity: number, expanded: number, name: string): string {
  const digits = digitsFor(expanded);
  const text = `${decimal(quantity, digits)}${SPACE}±${SPACE}${decimal(expanded, digits)}`;
  return name === '' ? text : unit(text, name);
}

/** Power to three digits or better: `0.84 W`, `12.3 W`, `1234 W`. */
export const watts = (powerW: number): string => unit(threeDigits(powerW), 'W');

export const percent = (fractionRatio: number, digitsCount = 2): string =>
  unit(decimal(100 * fractionRatio, digitsCount), '%');

/** With its sign, for errors. */
export const signedPercent = (fractionRatio: number, digitsCount = 2): string =>
  (fractionRatio > 0 ? '+' : '') + percent(fractionRatio, digitsCount);

export const kilowattHours = (energyJ: number): string => unit(threeDigits(energyJ / 3.6e6), 'kWh');

function threeDigits(quantity: number): string {
  const magnitude = Math.abs(quantity);
  return decimal(quantity, magnitude >= 100 || magnitude === 0 ? 0 : digitsFor(magnitude) + 1);
}

/** `45 s`, `12 min`, `2 h 05 min`, `3 d 4 h`. */
export function duration(lengthS: number): string {
  if (lengthS < 90) return unit(decimal(lengthS, lengthS < 10 ? 1 : 0), 's');
  const minutes = Math.round(lengthS / 60);
  if (minutes < 90) return unit(counted(minutes), 'min');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = minutes % 60;
    const whole = unit(counted(hours), 'h');
    return rest === 0 ? whole : `${whole}${SPACE}${unit(String(rest).padStart(2, '0'), 'min')}`;
  }
  const hoursLeft = Math.round(lengthS / 3600) % 24;
  const days = unit(counted(Math.floor(Math.round(lengthS / 3600) / 24)), 'd');
  return hoursLeft === 0 ? days : `${days}${SPACE}${unit(counted(hoursLeft), 'h')}`;
}

/** Length of a span in one word: `60 s`, `15 min`, `1 h`, `24 h`. */
export function spanName(lengthS: number): string {
  if (lengthS < 120) return unit(counted(lengthS), 's');
  return lengthS < 3600
    ? unit(counted(lengthS / 60), 'min')
    : unit(decimal(lengthS / 3600, lengthS % 3600 === 0 ? 0 : 1), 'h');
}

/** `2026-01-31 11:02:05 UTC` for seconds since 1970. */
export const instantText = (atS: number): string =>
  formatInstant(instantNs(fromSeconds(Math.floor(atS))))
    .replace('T', ' ')
    .replace('Z', `${SPACE}UTC`);

export const dayText = (atS: number): string => instantText(atS).slice(0, 10);

/** `11:02`, or `11:02:05` where seconds count. */
export const timeText = (atS: number, withSeconds: boolean): string =>
  instantText(atS).slice(11, withSeconds ? 19 : 16);

export const offsetText = (lengthS: number, digitsCount = 3): string =>
  unit(decimal(lengthS, digitsCount), 's');

/** Bytes in the unit that suits them. */
export function bytes(sizeBytes: number): string {
  if (sizeBytes < 1024) return unit(counted(sizeBytes), 'B');
  return sizeBytes < 1024 * 1024
    ? unit(decimal(sizeBytes / 1024, 1), 'KiB')
    : unit(decimal(sizeBytes / 1024 / 1024, 1), 'MiB');
}

/** A coordinate of a plot, for markup. */
export const px = (place: number): string => {
  const text = place.toFixed(1);
  return text.endsWith('.0') ? text.slice(0, -2) : text;
};
