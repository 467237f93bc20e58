// A web server as a peer that is asked: GET of one path after another over one connection that is kept. What is recorded is
// the path and the body; names and passwords are in neither.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { NO_FLAGS, type Exchange, type SourceId } from '../quantity/exchange.ts';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import { authorisationFor, type Credentials, type HttpAuthorisation } from './http-auth.ts';
import type { Outcome, Patience, QuestionPeer } from './question-peer.ts';
import type { TransportPorts } from './transport.ts';

/** More than any status page of a meter has; decode/json-field.ts reads no more. */
const BODY_BYTES_MAX = 262_144;
const NOTHING = new Uint8Array(0);

export interface HttpPeerOptions {
  readonly url: URL;
  readonly credentials: Credentials | undefined;
  /** PEM of the authority that signed the server's certificate, or of the certificate itself. */
  readonly ca: string | undefined;
}

/** What one GET came to. */
interface Got {
  readonly ending: Outcome['ending'];
  readonly fault: FaultCode | undefined;
  readonly body: Uint8Array;
  readonly sentNs: InstantNs;
  readonly firstByteNs: InstantNs;
  readonly lastByteNs: InstantNs;
  readonly trouble: string;
  /** What a 401 asked for. */
  readonly challenges: readonly string[];
  /** The server had closed the connection that it was sent on: nothing was asked yet. */
  readonly wasUnread: boolean;
}

export class HttpPeer implements QuestionPeer<string> {
  readonly name: string;
  readonly silence =
    'check its address, that its web server is on, and that this host may reach it';
  readonly #options: HttpPeerOptions;
  readonly #ports: TransportPorts;
  readonly #agent: HttpAgent;
  readonly #isSecure: boolean;
  #authorisation: HttpAuthorisation | undefined;
  #trouble = '';
  #isClosed = false;
  #abandon: (() => void) | undefined;

  constructor(options: HttpPeerOptions, ports: TransportPorts) {
    this.#options = options;
    this.#ports = ports;
    this.name = options.url.host;
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
    let got = await this.#get(path, deadlineMs);
    // It closed its side between two questions: asked once more, over a new connection.
    if (got.wasUnread && leftMs() > 0) got = await this.#get(path, leftMs());
    const { credentials } = this.#options;
    if (got.fault === 'transport.unauthorised' && credentials !== undefined && leftMs() > 0) {
      // The first time, and again where a server wants a new nonce.
      this.#authorisation = authorisationFor(got.challenges, credentials);
      if (this.#authorisation !== undefined) got = await this.#get(path, leftMs());
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

  close(): Promise<void> {
    this.#isClosed = true;
    this.#abandon?.();
    this.#agent.destroy();
    return Promise.resolve();
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

  /** One GET; settles at the deadline at the latest, and what comes later goes down with its connection. */
  #get(path: string, deadlineMs: number): Promise<Got> {
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
        const none = { body: NOTHING, trouble: '', challenges: [], wasUnread: false };
        resolve({
          ...none,
          sentNs,
          firstByteNs: firstByteNs ?? nowNs,
          lastByteNs: nowNs,
          ...result,
        });
      };
      const send = this.#isSecure ? httpsRequest : httpRequest;
      const request = send(new URL(path, this.#options.url), {
        agent: this.#agent,
        headers: this.#headers(path),
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
      request.end();
    });
  }

  #headers(path: string): Record<string, string> {
    const authorization = this.#authorisation?.header('GET', path);
    return {
      accept: 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    };
  }
}

type Received = Pick<Got, 'ending' | 'fault'> & Partial<Got>;

/** Collects a body, and judges the answer by its status. */
function receive(response: IncomingMessage, ended: (end: Received) => void): void {
  const pieces: Uint8Array[] = [];
  let size = 0;
  response.on('data', (piece: Uint8Array) => {
    size += piece.length;
    if (size > BODY_BYTES_MAX) ended({ ending: 'failed', fault: 'transport.oversize' });
    else pieces.push(piece);
  });
  response.once('error', () => {
    ended({ ending: 'failed', fault: 'transport.frame' });
  });
  response.once('close', () => {
    // Cut off in the middle; where it was complete this was said already.
    if (!response.complete) ended({ ending: 'failed', fault: 'transport.frame' });
  });
  response.once('end', () => {
    if (response.complete) ended(judged(response, Buffer.concat(pieces)));
  });
}

function judged(response: IncomingMessage, body: Uint8Array): Received {
  const { statusCode = 0, headers } = response;
  if (statusCode === 200) return { ending: 'answered', fault: undefined, body };
  if (statusCode === 401 || statusCode === 403)
    return {
      ending: 'refused',
      fault: 'transport.unauthorised',
      trouble: `it answers ${String(statusCode)}: check username and password, and what the user may read`,
      challenges: response.headersDistinct['www-authenticate'] ?? [],
    };
  if (statusCode === 429 || statusCode === 503)
    return { ending: 'refused', fault: 'transport.busy', body };
  const where = headers.location === undefined ? '' : ` to ${headers.location.slice(0, 200)}`;
  return {
    ending: 'refused',
    fault: 'transport.exception',
    body,
    trouble: `it answers ${String(statusCode)}${where}`,
  };
}
