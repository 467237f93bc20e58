// What can go wrong, as a closed list of stable codes (docs/faults.md explains each; a test compares both ways).
// The world failing is a value that carries a code; the operator erring is thrown once, at start, as a SiteFault.

export const FAULT_CODES = {
  'transport.timeout': 'No complete reply came before the deadline.',
  'transport.closed': 'The peer closed the connection or cannot be reached.',
  'transport.crc': 'A frame came whose check sum is wrong.',
  'transport.frame':
    'Bytes came that are no frame of this protocol, or a frame that was cut short.',
  'transport.foreign': 'A valid frame came that answers somebody else, or nothing we asked.',
  'transport.exception':
    'The device refused the request: a Modbus exception or an SNMP error status.',
  'transport.busy': 'The device says it is busy; it is asked again at the next turn.',
  'transport.quarantine': 'The bus is kept silent because a late reply may still come.',
  'transport.skipped': 'The reading was not asked for: its device does not answer at present.',
  'transport.unauthorised': 'The agent does not accept this user, key or engine.',
  'transport.too-big': 'The reply would not fit into one message of this agent.',
  'transport.oversize': 'More bytes came than any valid message has.',
  'decode.sentinel': 'The register holds the value by which this device says "no value".',
  'decode.not-a-number': 'The register holds NaN or infinity.',
  'decode.out-of-range': 'The value is outside of what this quantity can be.',
  'decode.malformed': 'The payload is not what the profile describes.',
  'decode.missing': 'The payload lacks the field that the profile names.',
  'decode.stale': 'The message is a retained or cached one: its time is not known.',
  'decode.unknown-node': 'A node message names a node or version that is not ours.',
  'decode.wrong-unit': 'The reply is of another unit id than asked.',
  'decode.no-object': 'The agent has no such object: another model, firmware or part number.',
  'decode.wrong-type': 'The object is of another type than the profile says.',
  'decode.wrong-scale': 'The device tells another unit or scale than the profile can read.',
  'counter.latched':
    'The counter stands at the largest value that it can show, and counts no more.',
  'counter.fell': 'The counter is lower than before and nothing proves a wrap.',
  'counter.reset':
    'The counter was set to zero: nothing is known of what it had counted until then.',
  'counter.rolled-back': 'The counter fell back to a count that it had before.',
  'counter.rescaled':
    'The counter goes on in another unit: ten, a hundred or a thousand times the old one.',
  'counter.jumped': 'The counter jumped ahead by more than its power allows, and stayed there.',
  'counter.glitch': 'The counter is back on its way: what it showed in between was never true.',
  'counter.frozen': 'The counter stands still, or nearly, while its meter says that power flows.',
  'counter.phase-reversed':
    'A phase flows backwards for good: its current transformer is the wrong way round, and the total is too low.',
  'counter.too-fast': 'The counter advanced faster than the ceiling of its power allows.',
  'counter.restarted': 'The counter started anew: its boot id, driver or reset clue changed.',
  'time.backwards': 'The stamp is not later than the stamp before it.',
  'time.duplicate': 'The message was seen before; it counts once.',
  'align.flat': 'The load was flat: no edge shows how the clocks differ.',
  'align.overlap': 'The two instruments share too little time.',
  'calibrate.few': 'Too few intervals with both instruments to fit anything.',
  'calibrate.flat': 'The load varied too little to tell the gain from the offset.',
  'calibrate.implausible':
    'The readings contradict physics: a unit, a feed or a source must be wrong.',
  'calibrate.refused':
    'The evidence of the model itself shows errors beyond the floor of its gates.',
  'calibrate.out-of-range': 'The chips are outside of the range on which the model was fitted.',
  'calibrate.expired': 'The model has not been compared with a meter for too long.',
  'tracker.format': 'The file is not what this tracker writes, or it was cut short.',
  'tracker.corrected': 'The numbers are corrected already; twice would be wrong.',
  'tracker.unmeasured': 'The tracker did not measure what the correction needs.',
  'tracker.short': 'The span is too short for the steps in which the tracker samples.',
  'settle.missing': 'No reading covers the interval.',
  'settle.partial': 'Readings cover a part of the interval only.',
  'settle.no-shares': 'No model says yet how a shared meter divides among its nodes.',
  'settle.another-meter': 'The meter that answers is not the one that the site file means.',
  'settle.gap-too-long': 'The hole is longer than what may be interpolated.',
  'settle.incomplete': 'Too few intervals of a period have a final energy.',
  'settle.unaccounted': 'More energy is unaccounted for than its account may have.',
  'settle.check-failed': 'Intervals of a meter fail a check of validation.',
  'settle.unposted': 'A meter has energy that no rule of the accounts posts.',
  'ledger.torn-tail': 'The last record was cut short by a crash and has been cut off.',
  'ledger.corrupt': 'A stored record does not match its check sum.',
  'ledger.root-mismatch': 'The Merkle root does not match the checkpoint.',
  'ledger.signature': 'The signature of the checkpoint does not verify.',
  'ledger.encoding': 'A file of the log is not written in its one canonical form.',
  'ledger.leftover': 'A file lies in the log that its size does not account for.',
  'ledger.missing': 'A file that the log must have is not there.',
  'ledger.block-mismatch': 'Raw bytes do not match the block that was sealed over them.',
  'ledger.proof': 'A proof does not lead from what it is about to a signed root.',
  'ledger.quorum': 'Fewer witnesses cosigned the checkpoint than the policy demands.',
  'ledger.rolled-back': 'The log is shorter than the one that witnesses saw.',
  'ledger.forked': 'The log does not extend the one that witnesses saw.',
  'ledger.disk': 'The disk failed or is full; the service stops rather than go on unrecorded.',
  'site.invalid': 'The site file is wrong.',
  'profile.invalid': 'A device profile is wrong.',
} as const;

export type FaultCode = keyof typeof FAULT_CODES;

export interface FaultNotice {
  /** File and path inside it, or the option of the command line. */
  readonly where: string;
  readonly what: string;
  readonly remedy: string;
}

/** The operator erred: thrown once, at start, before anything runs. */
export class SiteFault extends Error {
  readonly code: FaultCode = 'site.invalid';
  readonly notice: FaultNotice;
  constructor(notice: FaultNotice, options?: ErrorOptions) {
    super(`${notice.where}: ${notice.what}. ${notice.remedy}.`, options);
    this.name = 'SiteFault';
    this.notice = notice;
  }
}

/** A device profile is wrong: thrown when it is loaded. */
export class ProfileFault extends SiteFault {
  override readonly code: FaultCode = 'profile.invalid';
  constructor(notice: FaultNotice, options?: ErrorOptions) {
    super(notice, options);
    this.name = 'ProfileFault';
  }
}

/** A gate said no. A value, not an exception: shown, kept, and never turned into a number. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly code: FaultCode;
  readonly because: string;
  readonly remedy: string;
}

export const refuse = (code: FaultCode, because: string, remedy: string): Refusal => ({
  kind: 'refusal',
  code,
  because,
  remedy,
});

export const isRefusal = (outcome: unknown): outcome is Refusal =>
  typeof outcome === 'object' &&
  outcome !== null &&
  'kind' in outcome &&
  outcome.kind === 'refusal';
