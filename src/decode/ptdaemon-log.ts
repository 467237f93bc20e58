// SPEC PTDaemon power logs (`spl.txt`) as readings of a wall meter: one line a second, `Time,<local>,Watts,..,Volts,..,Amps,..,
// PF,..,Mark,<label>`, with three-phase analysers followed by the same for Ch1 to Ch3. Stamps are local time without a zone.
import type { FaultCode } from '../quantity/fault.ts';
import { instantNs, type InstantNs } from '../quantity/time.ts';

/** One line: power at an instant, or why there is none, with what stands there instead where it has a time. */
export type PtdaemonReading =
  | { readonly kind: 'power'; readonly atNs: InstantNs; readonly reading: number }
  | {
      readonly kind: 'gap';
      readonly fault: FaultCode;
      readonly because: string;
      readonly atNs: InstantNs | undefined;
      /** NaN where it was plausible by itself. */
      readonly reading: number;
    };

/** Seconds east of UTC of `Z` or `±HH:MM`; undefined where it is neither. */
export function zoneOffsetS(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined || Number(hours) > 14 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Volts times amperes times power factor (times the phases) is the power; a line that is off by more is broken. */
const PRODUCT_RATIO_MAX = 0.1;
/** Amperes of an idle machine are shown in few digits. */
const PRODUCT_W_MAX = 2;

/**
 * Reads one line. The gaps: `decode.malformed` where it is no such line, `decode.sentinel` where every field says -1 or -2 (the
 * analyser changes its range or is not ready), `decode.out-of-range` where the power is below 0 or is not what volts, amperes
 * and power factor make: such samples come alone between good ones, so they are faults and are never mended.
 * @param zoneS seconds east of UTC of the machine that wrote the log.
 */
export function readPtdaemonLine(line: string, zoneS: number): PtdaemonReading {
  const fields = line.trimEnd().split(',');
  const atNs = fields[0] === 'Time' ? localInstant(fields[1] ?? '', zoneS) : undefined;
  const named = (name: string, at: number): number =>
    fields[at] === name && /^-?\d+(\.\d+)?$/.test(fields[at + 1] ?? '')
      ? Number(fields[at + 1])
      : Number.NaN;
  const powerW = named('Watts', 2);
  const volts = named('Volts', 4);
  const amps = named('Amps', 6);
  const powerFactor = named('PF', 8);
  if (atNs === undefined || ![powerW, volts, amps, powerFactor].every(Number.isFinite)) {
    return gap('decode.malformed', 'the line is no PTDaemon sample', undefined, Number.NaN);
  }
  if ((powerW === -1 || powerW === -2) && volts === powerW && amps === powerW) {
    const because = `the analyser says ${powerW.toString()}: it has no value`;
    return gap('decode.sentinel', because, atNs, powerW);
  }
  if (powerW < 0 || amps < 0) {
    return gap('decode.out-of-range', 'power or current is below 0', atNs, -Math.abs(powerW));
  }
  const phasesCount = fields.includes('Ch3') ? 3 : fields.includes('Ch2') ? 2 : 1;
  const productW = volts * amps * powerFactor * phasesCount;
  if (Math.abs(productW - powerW) > Math.max(PRODUCT_W_MAX, PRODUCT_RATIO_MAX * powerW)) {
    const because = 'volts, amperes and power factor do not make the power';
    return gap('decode.out-of-range', because, atNs, Number.NaN);
  }
  return { kind: 'power', atNs, reading: powerW };
}

const gap = (
  fault: FaultCode,
  because: string,
  atNs: InstantNs | undefined,
  reading: number,
): PtdaemonReading => ({ kind: 'gap', fault, because, atNs, reading });

/** `MM-DD-YYYY HH:MM:SS.mmm`, local. */
function localInstant(text: string, zoneS: number): InstantNs | undefined {
  const parts = /^(\d{2})-(\d{2})-(\d{4}) (\d{2}):(\d{2}):(\d{2})\.(\d{3})$/.exec(text);
  if (!parts) return undefined;
  const [month, day, year, hour, minute, second, ms] = parts.slice(1).map(Number);
  if (month === undefined || day === undefined || year === undefined) return undefined;
  const civilMs = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const civil = new Date(civilMs);
  // A day or hour that does not exist rolls over in Date.UTC; it is refused instead.
  const isReal =
    civil.getUTCMonth() === month - 1 &&
    civil.getUTCDate() === day &&
    civil.getUTCHours() === hour &&
    civil.getUTCMinutes() === minute &&
    civil.getUTCSeconds() === second;
  return isReal ? instantNs(BigInt(civilMs - zoneS * 1000) * 1_000_000n) : undefined;
}
