// What one HTTP request came to: a body that came whole, or the fault by which it did not, judged by the status of the answer.
import type { IncomingMessage } from 'node:http';
import type { FaultCode } from '../quantity/fault.ts';
import type { InstantNs } from '../quantity/time.ts';
import type { Outcome } from './question-peer.ts';

/** More than any status page of a meter has; decode/json-field.ts reads no more. */
const BODY_BYTES_MAX = 262_144;
export const NOTHING = new Uint8Array(0);

/** What one request came to. */
export interface Got {
  readonly ending: Outcome['ending'];
  readonly fault: FaultCode | undefined;
  readonly body: Uint8Array;
  readonly sentNs: InstantNs;
  readonly firstByteNs: InstantNs;
  readonly lastByteNs: InstantNs;
  readonly trouble: string;
  /** What a 401 asked for; undefined where it was no 401. */
  readonly challenges: readonly string[] | undefined;
  /** What a new session is spoken and ended by. */
  readonly token: string | undefined;
  readonly location: string | undefined;
  /** The server had closed the connection that it was sent on: nothing was asked yet. */
  readonly wasUnread: boolean;
}

export const NOTHING_GOT = {
  body: NOTHING,
  trouble: '',
  challenges: undefined,
  token: undefined,
  location: undefined,
  wasUnread: false,
};

export type Received = Pick<Got, 'ending' | 'fault'> & Partial<Got>;

/** Collects a body, and judges the answer by its status. */
export function receive(response: IncomingMessage, ended: (end: Received) => void): void {
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
  const token = headers['x-auth-token'];
  if (statusCode === 201 && typeof token === 'string')
    return { ending: 'answered', fault: undefined, token, location: headers.location };
  if (statusCode === 401 || statusCode === 403)
    return {
      ending: 'refused',
      fault: 'transport.unauthorised',
      trouble: `it answers ${String(statusCode)}: check username and password, and what the user may read`,
      challenges:
        statusCode === 401 ? (response.headersDistinct['www-authenticate'] ?? []) : undefined,
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
