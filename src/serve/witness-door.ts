// The HTTP face of a witness: one route, as C2SP tlog-witness says. The judgement is in ledger/witness.ts.
import fastify from 'fastify';
import type { Witness } from '../ledger/index.ts';

/** 63 hashes and a checkpoint with many signatures fit easily. */
const BODY_MAX_BYTES = 64 * 1024;

export interface WitnessServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Listens; resolves with the address when it does. */
export async function startWitness(
  witness: Pick<Witness, 'addCheckpoint'>,
  listen: { readonly host: string; readonly port: number },
): Promise<WitnessServer> {
  const app = fastify({ bodyLimit: BODY_MAX_BYTES });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  app.post('/add-checkpoint', async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const answer = await witness.addCheckpoint(body);
    return reply
      .code(answer.statusCode)
      .header('content-type', answer.contentType)
      .send(answer.body);
  });
  return { url: await app.listen(listen), close: () => app.close() };
}
