// What the doctor found: one thing that was looked at, how it is, and what to do where it is not well.
import type { FaultCode } from '../../quantity/fault.ts';

export const STATES = ['well', 'doubtful', 'ill', 'unreachable'] as const;
export type FindingState = (typeof STATES)[number];

export interface Finding {
  /** Such as `instrument m1` or `clock`. */
  readonly about: string;
  readonly state: FindingState;
  readonly says: string;
  /** What to do; empty where all is well. */
  readonly remedy: string;
}

export const well = (about: string, says: string): Finding => ({
  about,
  state: 'well',
  says,
  remedy: '',
});

export const troubled = (
  about: string,
  state: Exclude<FindingState, 'well'>,
  says: string,
  remedy: string,
): Finding => ({ about, state, says, remedy });

/** What to do about a device that gave no reading, by why it did not. */
export const REMEDY_OF: Readonly<Partial<Record<FaultCode, string>>> = {
  'transport.timeout':
    'check power and wiring (A and B may be swapped), address, unit and speed; "trueup probe" finds what is there',
  'transport.closed':
    'check address and port, that its service is on, and that no other program holds its only connection',
  'transport.crc': 'check speed and parity, termination, and that no other master is on the line',
  'transport.frame':
    'try the other framing (modbus-tcp against modbus-rtu-tcp), or another speed and parity',
  'transport.foreign': 'give every device of the line a unit of its own, and the line one master',
  'transport.exception':
    'the device knows no such register: check model and firmware against the profile, and the path',
  'transport.unauthorised': 'check user, password or community, and what that user may read',
  'transport.busy': 'poll less often; another program may be asking too',
  'decode.no-object': 'check the number of the outlet, inlet or phase, and the profile',
  'decode.missing': 'check model and firmware against the profile, and the path',
};

export const remedyOf = (fault: FaultCode): string =>
  REMEDY_OF[fault] ?? 'see docs/faults.md, under the name of the fault';
