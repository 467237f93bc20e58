// format.js: how the page says numbers. Unknown is a dash, and the reason goes with it; it never becomes a zero.

export const FORMAT_SCRIPT = String.raw`
export const DASH = '\u2014';

/** Watts with as many digits as help: 87.4 W, 812 W, 4.21 kW. */
export function powerParts(powerW) {
  if (typeof powerW !== 'number') return { figure: DASH, unit: '' };
  const size = Math.abs(powerW);
  if (size >= 1e6) return { figure: (powerW / 1e6).toFixed(2), unit: 'MW' };
  if (size >= 1e4) return { figure: (powerW / 1e3).toFixed(2), unit: 'kW' };
  return { figure: powerW.toFixed(size < 1000 ? 1 : 0), unit: 'W' };
}

export function powerText(powerW) {
  const { figure, unit } = powerParts(powerW);
  return unit === '' ? figure : figure + ' ' + unit;
}

export function percentText(ratio) {
  return typeof ratio === 'number' ? (ratio * 100).toFixed(1) + ' %' : DASH;
}

/** Microjoules in decimal digits, as kWh. */
export function energyText(energyUj) {
  return energyOfJoules(Number(energyUj) / 1e6);
}

export function energyOfJoules(energyJ) {
  const energyWh = energyJ / 3600;
  if (Math.abs(energyWh) < 1000) return energyWh.toFixed(energyWh < 10 ? 2 : 1) + ' Wh';
  return (energyWh / 1000).toFixed(3) + ' kWh';
}

/** A settled kWh: exact text cut to what a reader can use; the whole stands in the tooltip. */
export function kwhText(kwh) {
  const number = Number(kwh);
  if (kwh === undefined || !Number.isFinite(number)) return DASH;
  return Math.abs(number) < 1 ? (number * 1000).toFixed(2) + ' Wh' : number.toFixed(3) + ' kWh';
}

export function bytesText(sizeBytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = sizeBytes;
  let index = 0;
  while (size >= 1000 && index < units.length - 1) { size /= 1000; index += 1; }
  return size.toFixed(index === 0 || size >= 100 ? 0 : 1) + ' ' + units[index];
}

export function countText(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function ageText(ageS) {
  if (typeof ageS !== 'number') return DASH;
  if (ageS < 10) return ageS.toFixed(1) + ' s';
  if (ageS < 120) return ageS.toFixed(0) + ' s';
  if (ageS < 7200) return (ageS / 60).toFixed(0) + ' min';
  return (ageS / 3600).toFixed(1) + ' h';
}

/** 2026-01-31T10:00:00.123Z as 10:00:00, with the day where it is asked for. */
export function clockText(instant) { return instant.slice(11, 19); }
export function dayText(instant) { return instant.slice(0, 10); }

export function spanText(startInstant, durationS) {
  const end = new Date(Date.parse(startInstant) + durationS * 1000).toISOString();
  const cut = durationS % 60 === 0 ? 16 : 19;
  return dayText(startInstant) + ' ' + startInstant.slice(11, cut) + '\u2013' + end.slice(11, cut);
}

/** Colour goes with a mark and the word itself, so that nobody needs the colour. */
export const TONES = {
  actual: ['good', '\u25cf'], verified: ['good', '\u2713'], derived: ['good', '\u25d0'],
  provisional: ['note', '\u25d4'], partial: ['note', '\u25d1'], scaled: ['note', '\u2248'],
  interpolated: ['note', '\u2248'], 'like-day': ['note', '\u2248'],
  missing: ['bad', '\u25cb'], refused: ['bad', '\u2715'],
};

/** Sum of a number over items, or undefined where one of them is unknown: half a sum is a wrong number. */
export function sumOf(items, name) {
  let sum = 0;
  for (const item of items) {
    if (typeof item[name] !== 'number') return undefined;
    sum += item[name];
  }
  return items.length === 0 ? undefined : sum;
}
`;
