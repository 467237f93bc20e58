// Who may write: with tokens in the site file every request that changes something must carry one, and a token may be bound to
// nodes. Asking is free as before. The token comes as the programs that send it know how: Bearer, CodeCarbon's x-api-token,
// or the password that a Pushgateway client takes.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { failed } from './replies.ts';

export interface Token {
  readonly name: string;
  readonly secret: string;
  /** Nodes that it may write for; empty: all. */
  readonly nodes: readonly string[];
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
const WithNode = Type.Object({ node: Type.String() });
const REMEDY =
  'send "authorization: Bearer TOKEN" (agent: TRUEUP_TOKEN; CodeCarbon: api_key; Pushgateway clients: any user, the token as password)';

/** Which node a request may not write for, if any; without tokens every node is free. */
export type Forbids = (request: FastifyRequest, nodes: readonly string[]) => string | undefined;

/** Refuses what carries no token or a wrong one, and what names a node in its path that the token is not for. */
export function guardWrites(app: FastifyInstance, tokens: readonly Token[]): Forbids {
  if (tokens.length === 0) return () => undefined;
  const known = tokens.map((token) => ({ token, digest: digestOf(token.secret) }));
  const held = new WeakMap<FastifyRequest, Token>();
  const forbids: Forbids = (request, nodes) => {
    const token = held.get(request);
    if (token?.nodes.length === 0) return undefined;
    return nodes.find((node) => token?.nodes.includes(node) !== true);
  };
  app.addHook('onRequest', async (request, reply) => {
    if (READS.has(request.method)) return;
    const secret = secretOf(request);
    const digest = secret === undefined ? undefined : digestOf(secret);
    // Every token is compared, so that the time says nothing of which one was near.
    const found = known.filter(
      (each) => digest !== undefined && timingSafeEqual(each.digest, digest),
    );
    const token = found[0]?.token;
    if (!token) {
      const error = secret === undefined ? 'a token is missing' : 'the token is wrong';
      await failed(reply.header('www-authenticate', 'Bearer'), 401, error, REMEDY);
      return;
    }
    held.set(request, token);
    const nodes = Value.Check(WithNode, request.params) ? [request.params.node] : [];
    const strange = forbids(request, nodes);
    if (strange !== undefined) await forbidden(reply, strange);
  });
  return forbids;
}

export const forbidden = (reply: FastifyReply, node: string): FastifyReply =>
  failed(reply, 403, `this token is not for the node ${node}`, 'use the token of that node');

const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

function secretOf({ headers }: FastifyRequest): string | undefined {
  const { authorization } = headers;
  const own = headers['x-api-token'];
  const [, scheme = '', rest = ''] = /^(\S+) +(\S+)$/.exec(authorization ?? '') ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return rest;
    case 'basic':
      return Buffer.from(rest, 'base64')
        .toString('utf8')
        .replace(/^[^:]*:/, '');
    default:
      return typeof own === 'string' && own !== '' ? own : undefined;
  }
}
