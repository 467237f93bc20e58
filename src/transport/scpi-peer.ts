// An instrument that takes lines of text and answers questions with one line (IEEE 488.2, SCPI over TCP). Answers carry no
// number, so after a question without an answer the connection is closed: a late line goes down with it.
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { BytePort, OpenBytePort } from './byte-port.ts';
import { KeptPort } from './kept-port.ts';
import type { Outcome, Patience, QuestionPeer } from './question-peer.ts';
import type { TransportPorts } from './transport.ts';

/** Far more than any answer that a profile asks for. */
const LINE_BYTES_MAX = 8192;
const LINE_FEED = 0x0a;
const NOTHING = new Uint8Array(0);

interface Question {
  readonly pieces: Uint8Array[];
  firstByteNs: InstantNs | undefined;
  readonly settle: (ended: Ended) => void;
}
interface Ended {
  readonly ending: Outcome['ending'];
  readonly fault: FaultCode | undefined;
  readonly reply?: Uint8Array;
}

export class ScpiPeer implements QuestionPeer<string> {
  readonly name: string;
  readonly silence =
    'check that its network control is on, and that no other program holds its only connection';
  readonly #ports: TransportPorts;
  readonly #kept: KeptPort<BytePort>;
  #tellLost: () => void = () => undefined;
  #question: Question | undefined;

  constructor(name: string, openPort: OpenBytePort, ports: TransportPorts) {
    this.name = name;
    this.#ports = ports;
    this.#kept = new KeptPort(openPort, ports.timers, {
      opened: () => undefined,
      received: (bytes) => {
        this.#received(bytes);
      },
      lost: () => {
        this.#question?.settle({ ending: 'closed', fault: 'transport.closed' });
      },
    });
  }

  get isOpen(): boolean {
    return this.#kept.port !== undefined;
  }

  get trouble(): string {
    return this.#kept.trouble;
  }

  open(lost: () => void): Promise<void> {
    this.#tellLost = lost;
    return this.#kept.start();
  }

  worked(): void {
    this.#kept.worked();
  }

  async ask(source: SourceId, line: string, { deadlineMs }: Patience): Promise<Outcome> {
    const { clock, timers } = this.#ports;
    const sentMs = this.#nowMs();
    const sentNs = clock.nowNs();
    const request = new TextEncoder().encode(line);
    let question: Question | undefined;
    const ended = await new Promise<Ended>((resolve) => {
      const port = this.#kept.port;
      const deadline = timers.after(deadlineMs, () => {
        settle({ ending: 'failed', fault: 'transport.timeout' });
      });
      const settle = (end: Ended): void => {
        deadline.cancel();
        this.#question = undefined;
        resolve(end);
      };
      question = { pieces: [], firstByteNs: undefined, settle };
      this.#question = question;
      if (port === undefined) settle({ ending: 'closed', fault: 'transport.closed' });
      else port.write(new TextEncoder().encode(`${line}\n`));
    });
    if (ended.ending === 'failed') this.#kept.giveUp(`${this.name} did not answer`);
    if (ended.ending === 'closed') this.#tellLost();
    const nowNs = clock.nowNs();
    const firstByteNs = question?.firstByteNs ?? nowNs;
    return {
      ending: ended.ending,
      sentMs,
      tookMs: this.#nowMs() - sentMs,
      heard: ended.ending === 'answered',
      trouble: '',
      exchange: {
        source,
        form: 'scpi',
        request,
        reply: ended.reply ?? NOTHING,
        // A clock that is set while we wait must not turn the window inside out.
        sentNs: sentNs < firstByteNs ? sentNs : firstByteNs,
        firstByteNs: firstByteNs < nowNs ? firstByteNs : nowNs,
        lastByteNs: nowNs,
        fault: ended.fault,
        flags: NO_FLAGS,
      },
    };
  }

  gap(source: SourceId, line: string, fault: FaultCode): Exchange {
    const nowNs = this.#ports.clock.nowNs();
    return {
      source,
      form: 'scpi',
      request: new TextEncoder().encode(line),
      reply: NOTHING,
      sentNs: nowNs,
      firstByteNs: nowNs,
      lastByteNs: nowNs,
      fault,
      flags: NO_FLAGS,
    };
  }

  async close(): Promise<void> {
    this.#question?.settle({ ending: 'closed', fault: 'transport.closed' });
    await this.#kept.close('closed');
  }

  #nowMs(): number {
    return Number(this.#ports.clock.monotonicNs()) / 1e6;
  }

  #received(bytes: Uint8Array): void {
    const question = this.#question;
    if (question === undefined) {
      // Whatever it is, it answers nothing we asked.
      this.#kept.giveUp(`${this.name} speaks unasked`);
      return;
    }
    question.firstByteNs ??= this.#ports.clock.nowNs();
    question.pieces.push(bytes.slice());
    const reply = Buffer.concat(question.pieces);
    const end = reply.indexOf(LINE_FEED);
    if (end >= 0 && end === reply.length - 1)
      question.settle({ ending: 'answered', fault: undefined, reply });
    else if (end >= 0) question.settle({ ending: 'failed', fault: 'transport.foreign', reply });
    else if (reply.length > LINE_BYTES_MAX)
      question.settle({ ending: 'failed', fault: 'transport.oversize' });
  }
}
