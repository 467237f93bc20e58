// How well the host's civil clock is known, as the kernel says it (adjtimex(2)): synchronised or not, and within what.
import koffi from 'koffi';
import type { ClockState } from './running-site/log-entries.ts';

/** struct timex on 64-bit Linux: long maxerror at byte 24 (µs), int status at byte 40. */
const TIMEX_BYTES = 208;
const MAXERROR_AT = 24;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;

/** Where the kernel does not tell: civil time is taken to be within half a second. */
const UNKNOWN: ClockState = { synchronised: false, uncertaintyS: 0.5 };

/** Asks the kernel at every call. Hosts other than 64-bit Linux answer "not synchronised". */
export function hostClock(): () => ClockState {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return () => UNKNOWN;
  }
  try {
    const libc = koffi.load('libc.so.6');
    const adjtimex = libc.func('int adjtimex(_Inout_ uint8_t *buffer)');
    return () => {
      const timex = Buffer.alloc(TIMEX_BYTES);
      const answer: unknown = adjtimex(timex);
      if (typeof answer !== 'number' || answer < 0) return UNKNOWN;
      const synchronised = (timex.readInt32LE(STATUS_AT) & STA_UNSYNC) === 0;
      const maxErrorS = Number(timex.readBigInt64LE(MAXERROR_AT)) / 1e6;
      // The kernel's bound is an outer limit: rectangular, so divided by sqrt(3).
      return synchronised ? { synchronised, uncertaintyS: maxErrorS / Math.sqrt(3) } : UNKNOWN;
    };
  } catch {
    return () => UNKNOWN;
  }
}
