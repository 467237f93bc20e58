// Whoever answers questions, one at a time: an SNMP agent, a web server, an instrument with a command line. `ask` never
// rejects, a reply that comes after its question was given up never answers another one, and a peer opens its own port,
// again and again, with a growing pause.
import type { Exchange, SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';

export interface Patience {
  /** Real ms from the first byte of the question to the whole answer. */
  readonly deadlineMs: number;
  /** Real ms after which a datagram is sent once more; undefined: never. */
  readonly resendMs: number | undefined;
}

/** `answered`, `refused` by the peer, `failed`, or `closed` before an answer. */
export interface Outcome {
  readonly ending: 'answered' | 'refused' | 'failed' | 'closed';
  readonly exchange: Exchange;
  /** When the question first went out, real ms; undefined where it did not. */
  readonly sentMs: number | undefined;
  readonly tookMs: number;
  /** Something of use came: the peer is there. */
  readonly heard: boolean;
  /** What the peer has against us, for people; empty where nothing. */
  readonly trouble: string;
}

export interface QuestionPeer<Question> {
  /** HOST:PORT, for people. */
  readonly name: string;
  /** What may be wrong where nothing at all comes back, for people. */
  readonly silence: string;
  /** Starts to open its port, and resolves after the first try; `lost` is called whenever an open port was lost. */
  open(lost: () => void): Promise<void>;
  readonly isOpen: boolean;
  /** Why it is not open, for people; empty where it is. */
  readonly trouble: string;
  /** The peer works: the next loss is mended at once. */
  worked(): void;
  ask(source: SourceId, question: Question, patience: Patience): Promise<Outcome>;
  /** The record that something was not asked, and why. */
  gap(source: SourceId, question: Question, fault: FaultCode): Exchange;
  /** Settles what is under way as `closed`; resolves when no event will follow. */
  close(): Promise<void>;
}
