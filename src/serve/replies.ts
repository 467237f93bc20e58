// How the HTTP face answers: never cached, errors with a remedy, refusals with their code.
import type { FastifyReply } from 'fastify';
import type { Refusal } from '../quantity/fault.ts';

export const fresh = (reply: FastifyReply): FastifyReply =>
  reply.header('cache-control', 'no-store');

export const failed = (
  reply: FastifyReply,
  status: number,
  error: string,
  remedy: string,
): FastifyReply => fresh(reply).code(status).send({ error, remedy });

/** 422: the question was understood, and a gate says no. */
export const refused = (reply: FastifyReply, { code, because, remedy }: Refusal): FastifyReply =>
  fresh(reply).code(422).send({ error: because, remedy, code });

/** The parsed body of application/json, which comes as bytes; undefined where it is no JSON. */
export function jsonBody(body: unknown): unknown {
  if (!(body instanceof Uint8Array)) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
