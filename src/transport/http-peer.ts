// A web server as a peer that is asked: GET of one path after another over one connection that is kept. What is recorded is
// the path and the body; names and passwords are in neither.
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { authorisationFor, type Credentials, type HttpAuthorisation } from './http-auth.ts';
import { NOTHING, NOTHING_GOT, receive, type Got, type Received } from './http-answer.ts';
import type { Outcome, Patience, QuestionPeer } from './question-peer.ts';
import { RedfishSession, RedfishSessions } from './redfish-session.ts';
import type { TransportPorts } from './transport.ts';

/** A session is given back on the way out, but nobody waits long for it. */
const FAREWELL_MS = 1000;

export interface HttpPeerOptions {
  readonly url: URL;
  readonly credentials: Credentials | undefined;
  /** PEM of the authority that signed the server's certificate, or of the certificate itself. */
  readonly ca: string | undefined;
}

export class HttpPeer implements QuestionPeer<string> {
  readonly name: string;
  readonly silence =
    'check its address, that its web server is on, and that this host may reach it';
  readonly #options: HttpPeerOptions;
  readonly #ports: TransportPorts;
  readonly #agent: HttpAgent;
  readonly #isSecure: boolean;
  readonly #sessions: RedfishSessions | undefined;
  #authorisation: HttpAuthorisation | undefined;
  #trouble = '';
  #isClosed = false;
  #abandon: (() => void) | undefined;

  constructor(options: HttpPeerOptions, ports: TransportPorts) {
    this.#options = options;
    this.#ports = ports;
    this.name = options.url.host;
    const { credentials } = options;
    this.#sessions = credentials === undefined ? undefined : new RedfishSessions(credentials);
    this.#isSecure = options.url.protocol === 'https:';
    // Some of these servers hold two connections at most.
    const kept = { keepAlive: true, maxSockets: 1 };
    this.#agent = this.#isSecure
      ? new HttpsAgent({ ...kept, ...(options.ca === undefined ? {} : { ca: options.ca }) })
      : new HttpAgent(kept);
  }

  /** Each question opens what it needs, so the port is open while the last one found somebody. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  get trouble(): string {
    return this.#trouble;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  worked(): void {
    this.#trouble = '';
  }

  async ask(source: SourceId, path: string, { deadlineMs }: Patience): Promise<Outcome> {
    const startedMs = this.#nowMs();
    const leftMs = (): number => deadlineMs - (this.#nowMs() - startedMs);
    let got = await this.#request('GET', path, deadlineMs);
    // It closed its side between two questions: asked once more, over a new connection.
    if (got.wasUnread && leftMs() > 0) got = await this.#request('GET', path, leftMs());
    if (got.challenges !== undefined && !this.#isClosed && leftMs() > 0) {
      // The first time, and again where a server wants a new nonce or has ended a session.
      this.#authorisation = await this.#authorise(path, got.challenges, leftMs);
      if (this.#authorisation !== undefined && !this.#closed() && leftMs() > 0)
        got = await this.#request('GET', path, leftMs());
    }
    const isLost = got.fault === 'transport.closed';
    if (isLost && !this.#isClosed) this.#trouble = got.trouble;
    return {
      // Where nobody listens the instrument fails like one that is silent: its breaker spares the network.
      ending: this.#isClosed ? 'closed' : got.ending,
      exchange: this.#exchange(source, path, got),
      sentMs: startedMs,
      tookMs: this.#nowMs() - startedMs,
      heard: !isLost && got.fault !== 'transport.timeout',
      trouble: got.trouble,
    };
  }

  gap(source: SourceId, path: string, fault: FaultCode): Exchange {
    const nowNs = this.#ports.clock.nowNs();
    const stamps = { sentNs: nowNs, firstByteNs: nowNs, lastByteNs: nowNs };
    return this.#exchange(source, path, { ...stamps, body: NOTHING, fault });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#abandon?.();
    const session = this.#authorisation;
    if (session instanceof RedfishSession && session.path !== undefined)
      await this.#request('DELETE', session.path, FAREWELL_MS);
    this.#agent.destroy();
  }

  async #authorise(
    path: string,
    challenges: readonly string[],
    leftMs: () => number,
  ): Promise<HttpAuthorisation | undefined> {
    const { credentials } = this.#options;
    if (credentials === undefined) return undefined;
    const session = RedfishSessions.isFor(path)
      ? await this.#sessions?.open(this.#nowMs(), (place, body) =>
          this.#request('POST', place, leftMs(), body),
        )
      : undefined;
    return session ?? authorisationFor(challenges, credentials);
  }

  // A method, since what is awaited in between may change it.
  #closed(): boolean {
    return this.#isClosed;
  }

  #nowMs(): number {
    return Number(this.#ports.clock.monotonicNs()) / 1e6;
  }

  #exchange(
    source: SourceId,
    path: string,
    got: Pick<Got, 'sentNs' | 'firstByteNs' | 'lastByteNs' | 'body' | 'fault'>,
  ): Exchange {
    // A clock that is set while we wait must not turn the window inside out.
    const { lastByteNs, fault, body } = got;
    const firstByteNs = got.firstByteNs < lastByteNs ? got.firstByteNs : lastByteNs;
    return {
      source,
      form: 'http',
      request: new TextEncoder().encode(path),
      reply: body,
      sentNs: got.sentNs < firstByteNs ? got.sentNs : firstByteNs,
      firstByteNs,
      lastByteNs,
      fault,
      flags: NO_FLAGS,
    };
  }

  /** One request; settles at the deadline at the latest, and what comes later goes down with its connection. */
  #request(method: string, path: string, deadlineMs: number, body?: string): Promise<Got> {
    const { clock, timers } = this.#ports;
    return new Promise((resolve) => {
      let sentNs = clock.nowNs();
      let firstByteNs: InstantNs | undefined;
      let isSettled = false;
      const settle = (result: Received): void => {
        if (isSettled) return;
        isSettled = true;
        deadline.cancel();
        this.#abandon = undefined;
        const nowNs = clock.nowNs();
        resolve({
          ...NOTHING_GOT,
          sentNs,
          firstByteNs: firstByteNs ?? nowNs,
          lastByteNs: nowNs,
          ...result,
        });
      };
      const send = this.#isSecure ? httpsRequest : httpRequest;
      const request = send(new URL(path, this.#options.url), {
        method,
        agent: this.#agent,
        headers: this.#headers(method, path, body),
      });
      const deadline = timers.after(deadlineMs, () => {
        settle({ ending: 'failed', fault: 'transport.timeout' });
        request.destroy();
      });
      this.#abandon = () => {
        settle({ ending: 'closed', fault: 'transport.closed' });
        request.destroy();
      };
      request.once('finish', () => {
        sentNs = clock.nowNs();
      });
      request.once('error', (cause) => {
        const wasUnread = request.reusedSocket && firstByteNs === undefined;
        settle({ ending: 'failed', fault: 'transport.closed', trouble: cause.message, wasUnread });
      });
      request.once('response', (response) => {
        firstByteNs = clock.nowNs();
        receive(response, (end) => {
          settle(end);
          if (end.ending === 'failed') request.destroy();
        });
      });
      request.end(body);
    });
  }

  #headers(method: string, path: string, body: string | undefined): Record<string, string> {
    const isSession = body !== undefined;
    return {
      accept: 'application/json',
      ...(isSession ? { 'content-type': 'application/json' } : {}),
      // Who asks for a session is nobody yet.
      ...(isSession ? {} : this.#authorisation?.headers(method, path)),
    };
  }
}
