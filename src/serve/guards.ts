// What every answer and every request must obey: a strict content policy, no guessing of types, and, on loopback, a Host
// header that names this machine, since a hostile web page can point its own name at 127.0.0.1 (DNS rebinding).
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);

/** Whether a Host header can only have been meant for this machine: an address, `localhost`, or the name listened on. */
function isOurHost(hostHeader: string, listenHost: string): boolean {
  const name = hostHeader
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return name === 'localhost' || name === listenHost.toLowerCase() || isIP(name) !== 0;
}

const setHeaders = (set: (name: string, text: string) => void): void => {
  for (const [name, text] of Object.entries(HEADERS)) set(name, text);
};

/** Adds both to every route, the ones that are not found included. */
export function guard(app: FastifyInstance, listenHost: string): void {
  app.addHook('onRequest', async (request, reply) => {
    setHeaders((name, text) => reply.raw.setHeader(name, text));
    if (isLoopback(listenHost) && !isOurHost(request.headers.host ?? '', listenHost)) {
      await reply.code(421).send({
        error: 'the Host header names another machine',
        remedy: 'ask by address or as localhost; a reverse proxy must set Host to this address',
      });
    }
  });
}
