// Node messages by POST /v1/ingest on one connection that is kept. Written on node:http, since a fetch would double the
// memory of the agent.
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { SEND_DEADLINE_MS, type Sender, type SendOutcome } from './sender.ts';

export interface HttpTarget {
  readonly url: URL;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

export function httpSender({ url, token, ca }: HttpTarget): Sender {
  const isTls = url.protocol === 'https:';
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, maxSockets: 1, ...(ca === undefined ? {} : { ca }) })
    : new HttpAgent({ keepAlive: true, maxSockets: 1 });
  const options: RequestOptions = {
    agent,
    method: 'POST',
    timeout: SEND_DEADLINE_MS,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  const place = new URL(url);
  if (place.pathname === '/') place.pathname = '/v1/ingest';
  return {
    send: (text) =>
      new Promise<SendOutcome>((resolve) => {
        const unreachable = (because: string): void => {
          resolve({ kind: 'unreachable', because });
        };
        const ask = isTls ? httpsRequest : httpRequest;
        const request = ask(place, options, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            if (body.length < 4096) body += part;
          });
          response.on('error', (cause) => {
            unreachable(cause.message);
          });
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            if (status === 202) resolve({ kind: 'kept' });
            // What is wrong with the message itself stays wrong; a wrong token or a busy service may be mended.
            else if (status === 400 || status === 413) resolve({ kind: 'refused', because: body });
            else unreachable(`HTTP ${status}: ${body.slice(0, 200)}`);
          });
        });
        request.on('timeout', () => request.destroy(new Error('no answer in time')));
        request.on('error', (cause) => {
          unreachable(cause.message);
        });
        request.end(text);
      }),
    close: () => {
      agent.destroy();
      return Promise.resolve();
    },
  };
}
