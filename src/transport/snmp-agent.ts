// Asks one agent, one question at a time. Each request has an id that cannot be guessed, so a late, doubled or foreign
// reply is told from the answer and dropped. A datagram may be lost, so it is sent once more, under an id of its own:
// whichever is answered, the window begins when that one left.
import { randomInt } from 'node:crypto';
import type { Clock, Timer, Timers } from '../quantity/clock.ts';
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Outcome, Patience } from './question-peer.ts';
import type { DatagramPort } from './udp-port.ts';
import { getRequest, judge, REQUEST_ID_MAX } from './snmp-pdu.ts';
import type { Opened, SnmpSecurity } from './snmp-security.ts';

/** How often an engine may ask to be asked again within one question: engine and time, each once more after a reboot. */
const LEARNT_MAX_COUNT = 4;
const NOTHING = new Uint8Array(0);

interface Attempt {
  readonly id: number;
  readonly pdu: Uint8Array;
  sentNs: InstantNs;
  sentMs: number;
}

type Ended =
  | {
      readonly is: 'answered' | 'refused';
      readonly attempt: Attempt;
      readonly pdu: Uint8Array;
      readonly fault: FaultCode | undefined;
    }
  | {
      readonly is: 'failed';
      readonly attempt?: Attempt;
      readonly pdu?: Uint8Array;
      readonly fault: FaultCode;
      readonly trouble?: string;
    }
  | { readonly is: 'closed' };

interface Question {
  readonly attempts: Attempt[];
  readonly objects: readonly string[];
  learntCount: number;
  /** The first datagram that was no answer: it is the reason if none comes. */
  spoilt: FaultCode | undefined;
  /** When the answer came. */
  cameNs: InstantNs | undefined;
  settle: (ended: Ended) => void;
}

export class SnmpAgent {
  readonly #security: SnmpSecurity;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #port: DatagramPort | undefined;
  #question: Question | undefined;

  constructor(security: SnmpSecurity, clock: Clock, timers: Timers) {
    this.#security = security;
    this.#clock = clock;
    this.#timers = timers;
  }

  nowMs(): number {
    return Number(this.#clock.monotonicNs()) / 1e6;
  }

  attach(port: DatagramPort): void {
    this.#port = port;
  }

  detach(): void {
    this.#port = undefined;
    this.#question?.settle({ is: 'closed' });
  }

  /** Asks and waits; there must be no other question under way. */
  async ask(source: SourceId, objects: readonly string[], patience: Patience): Promise<Outcome> {
    const timers: Timer[] = [];
    const question: Question = {
      attempts: [],
      objects,
      learntCount: 0,
      spoilt: undefined,
      cameNs: undefined,
      settle: () => undefined,
    };
    const ended = await new Promise<Ended>((resolve) => {
      question.settle = resolve;
      this.#question = question;
      timers.push(
        this.#timers.after(patience.deadlineMs, () => {
          resolve({ is: 'failed', fault: question.spoilt ?? 'transport.timeout' });
        }),
      );
      if (patience.resendMs !== undefined)
        timers.push(
          this.#timers.after(patience.resendMs, () => {
            this.#send(question);
          }),
        );
      this.#send(question);
    });
    this.#question = undefined;
    for (const timer of timers) timer.cancel();
    return this.#outcome(source, question, ended);
  }

  #send(question: Question): void {
    const port = this.#port;
    if (port === undefined) {
      question.settle({ is: 'closed' });
      return;
    }
    const id = randomInt(1, REQUEST_ID_MAX);
    const pdu = getRequest(id, question.objects);
    const attempt: Attempt = { id, pdu, sentNs: this.#clock.nowNs(), sentMs: this.nowMs() };
    question.attempts.push(attempt);
    port.send(this.#security.seal(pdu, id), () => {
      attempt.sentNs = this.#clock.nowNs();
    });
  }

  received(datagram: Uint8Array): void {
    const question = this.#question;
    if (question === undefined) return;
    const opened = this.#security.open(datagram);
    if (opened.is === 'unusable') {
      question.spoilt ??= opened.fault;
      return;
    }
    // The answer to a question that was given up, or one that came before: it belongs to nobody any more.
    const attempt = question.attempts.find(({ id }) => id === opened.messageId);
    if (attempt !== undefined) this.#heard(question, attempt, opened);
  }

  #heard(question: Question, attempt: Attempt, opened: Exclude<Opened, { is: 'unusable' }>): void {
    switch (opened.is) {
      case 'learnt':
        question.learntCount++;
        if (question.learntCount <= LEARNT_MAX_COUNT) this.#send(question);
        else
          question.settle({
            is: 'failed',
            fault: 'transport.unauthorised',
            trouble: 'the agent does not agree with us about its engine and its time',
          });
        return;
      case 'refused':
        question.settle({ is: 'failed', fault: 'transport.unauthorised', trouble: opened.because });
        return;
      case 'response': {
        const { pdu } = opened;
        question.cameNs = this.#clock.nowNs();
        const judged = judge(attempt.pdu, pdu);
        if (judged.is === 'answer')
          question.settle({ is: 'answered', attempt, pdu, fault: undefined });
        else if (judged.is === 'refusal')
          question.settle({ is: 'refused', attempt, pdu, fault: judged.fault });
        else question.settle({ is: 'failed', attempt, pdu, fault: judged.fault });
        return;
      }
    }
  }

  #outcome(source: SourceId, question: Question, ended: Ended): Outcome {
    const nowNs = question.cameNs ?? this.#clock.nowNs();
    const nowMs = this.nowMs();
    const first = question.attempts[0];
    const attempt = ('attempt' in ended ? ended.attempt : undefined) ?? question.attempts.at(-1);
    const fault = ended.is === 'closed' ? 'transport.closed' : ended.fault;
    const sentNs = attempt?.sentNs ?? nowNs;
    return {
      ending: ended.is,
      sentMs: first?.sentMs,
      tookMs: nowMs - (attempt?.sentMs ?? nowMs),
      heard:
        ended.is === 'answered' ||
        ended.is === 'refused' ||
        (ended.is === 'failed' && ended.pdu !== undefined) ||
        fault === 'transport.unauthorised',
      trouble: ('trouble' in ended ? ended.trouble : undefined) ?? '',
      exchange: {
        source,
        form: 'snmp',
        request: attempt?.pdu ?? getRequest(0, question.objects),
        reply: ('pdu' in ended ? ended.pdu : undefined) ?? NOTHING,
        // A clock that is set while we wait must not turn the window inside out.
        sentNs: sentNs < nowNs ? sentNs : nowNs,
        firstByteNs: nowNs,
        lastByteNs: nowNs,
        fault,
        flags: NO_FLAGS,
      },
    };
  }

  /** The record that something was not asked, and why. */
  gap(source: SourceId, objects: readonly string[], fault: FaultCode): Exchange {
    const nowNs = this.#clock.nowNs();
    return {
      source,
      form: 'snmp',
      request: getRequest(0, objects),
      reply: NOTHING,
      sentNs: nowNs,
      firstByteNs: nowNs,
      lastByteNs: nowNs,
      fault,
      flags: NO_FLAGS,
    };
  }
}
