// The HTTP face as a Fastify application that is not listening yet: routes, errors, and the live stream behind them.
// Nothing here computes energy; it shows what LiveRack and the ledger say.
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Clock, Timers } from '../quantity/clock.ts';
import { formatInstant } from '../quantity/time.ts';
import {
  HistoryQuery,
  IntervalsQuery,
  NoQuery,
  type ErrorJson,
  type HealthJson,
} from './api-schemas.ts';
import type { ActivityDoor } from './activity/activity-door.ts';
import { serveActivity } from './activity/activity-routes.ts';
import { runFamilies } from './activity/run-metrics.ts';
import { packageVersion, pageFiles } from './page-files.ts';
import { DOCUMENTED_ROUTES } from './documented-routes.ts';
import { guard } from './guards.ts';
import { healthOf } from './health.ts';
import { intervalJson, intervalPage, intervalQuestion, type IntervalSource } from './intervals.ts';
import { LiveStream } from './live-stream.ts';
import { metricsText } from './metrics.ts';
import { openApiOf } from './open-api.ts';
import { PowerHistory } from './power-history.ts';
import { rackJson } from './rack-json.ts';
import type { LiveRack, RackSnapshot } from './rack-view.ts';
import { fresh, jsonBody } from './replies.ts';
import { forbidden, guardWrites, type Forbids, type Token } from './tokens.ts';

/** Longest node message taken: a node with a thousand chip sources stays below it. */
export const INGEST_MAX_BYTES = 256 * 1024;

/** What became of a node message: accepted means durable. */
export type IngestOutcome =
  { readonly accepted: true } | { readonly accepted: false; readonly because: string };

export interface AppOptions {
  /** Where it will listen: on loopback, requests for other host names are refused. */
  readonly host: string;
  readonly live: LiveRack;
  readonly clock: Pick<Clock, 'monotonicNs'>;
  readonly timers: Timers;
  /** Settled statements; without them /v1/intervals answers 404. */
  readonly statements?: IntervalSource;
  /** Resolves when the message is durable, or says what is wrong with it; rejects where it could not be stored. */
  readonly ingest?: (bytes: Uint8Array) => Promise<IngestOutcome>;
  /** Nodes, trackers and jobs; without it their routes are not there. */
  readonly activity?: ActivityDoor;
  /** With any of them, who writes must have one. */
  readonly tokens?: readonly Token[];
}

/** Builds the application; `app.close()` also ends its live streams. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { live, clock } = options;
  const app = fastify({
    bodyLimit: INGEST_MAX_BYTES,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    // Nothing is stripped or guessed: what is not in the schema is the caller's error.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  });
  guard(app, options.host);
  const forbids = guardWrites(app, options.tokens ?? []);
  answerErrors(app);

  const stream = new LiveStream(options.timers);
  const history = new PowerHistory();
  history.add(live.snapshot());
  let refreshedNs = clock.monotonicNs();
  const stop = live.onRefresh((snapshot) => {
    refreshedNs = clock.monotonicNs();
    history.add(snapshot);
    stream.publish(() => JSON.stringify(rackJson(snapshot)));
  });
  app.addHook('preClose', (done) => {
    stop();
    stream.close();
    done();
  });

  const health = (snapshot: RackSnapshot): HealthJson =>
    healthOf(snapshot, Number(clock.monotonicNs() - refreshedNs) / 1e9);
  servePage(app);
  serveLive(app, options, stream, health);
  serveRecord(app, options, history, forbids);
  if (options.activity) serveActivity(app, live, options.activity, forbids);
  return app;
}

function servePage(app: FastifyInstance): void {
  for (const { path, type, text, etag } of pageFiles()) {
    app.get(path, (request, reply) => {
      reply.header('etag', etag).header('cache-control', 'no-cache');
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(type).send(text);
    });
  }
  const document = openApiOf(DOCUMENTED_ROUTES, packageVersion());
  app.get('/openapi.json', { schema: { querystring: NoQuery } }, (_request, reply) =>
    fresh(reply).send(document),
  );
}

function serveLive(
  app: FastifyInstance,
  { live, activity }: AppOptions,
  stream: LiveStream,
  health: (snapshot: RackSnapshot) => HealthJson,
): void {
  const schema = { querystring: NoQuery };
  app.get('/v1/rack', { schema }, (_request, reply) =>
    fresh(reply)
      .type('application/json')
      .send(JSON.stringify(rackJson(live.snapshot()))),
  );
  app.get('/v1/live', { schema, exposeHeadRoute: false }, (_request, reply) => {
    if (stream.isFull) {
      return fail(reply.header('retry-after', '5'), 503, {
        error: 'too many live streams are open',
        remedy: 'close one, or ask /v1/rack instead',
      });
    }
    reply.hijack();
    stream.add(reply.raw, JSON.stringify(rackJson(live.snapshot())));
    return reply;
  });
  app.get('/metrics', { schema }, (_request, reply) =>
    fresh(reply)
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(
        metricsText(
          live.snapshot(),
          {
            version: packageVersion(),
            watchersCount: stream.watchersCount,
            droppedCount: stream.droppedCount,
          },
          activity ? runFamilies(activity) : [],
        ),
      ),
  );
  app.get('/health', { schema }, (_request, reply) => {
    const state = health(live.snapshot());
    return fresh(reply)
      .code(state.status === 'ok' ? 200 : 503)
      .send(state);
  });
}

function serveRecord(
  plain: FastifyInstance,
  options: AppOptions,
  history: PowerHistory,
  forbids: Forbids,
): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { statements, ingest } = options;
  app.get('/v1/history', { schema: { querystring: HistoryQuery } }, (request, reply) => {
    const tracks = history.of(request.query.node);
    if (tracks !== undefined) return fresh(reply).send(tracks);
    return fail(reply, 404, { error: 'no such node', remedy: '/v1/rack lists the nodes' });
  });
  app.get('/v1/intervals', { schema: { querystring: IntervalsQuery } }, (request, reply) => {
    if (statements === undefined) {
      return fail(reply, 404, {
        error: 'this service keeps no statements',
        remedy: 'ask the service that `trueup run` started',
      });
    }
    const question = intervalQuestion(request.query);
    if (typeof question === 'string') {
      return fail(reply, 400, {
        error: question,
        remedy: 'write /v1/intervals?from=2026-01-31T10:00:00Z&until=2026-01-31T11:00:00Z',
      });
    }
    const { rows, nextNs } = intervalPage(statements, question);
    return fresh(reply).send({
      intervals: rows.map(intervalJson),
      ...(nextNs === undefined ? {} : { next: formatInstant(nextNs) }),
    });
  });
  // The bytes are kept as they came: they are the raw record. Only JSON is taken, so that a foreign web page cannot post
  // here without asking first.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  if (ingest === undefined) return;
  app.post('/v1/ingest', { schema: { querystring: NoQuery } }, async (request, reply) => {
    const bytes: unknown = request.body;
    if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
      return fail(reply, 400, {
        error: 'the body is empty',
        remedy: 'send one node message as application/json',
      });
    }
    const strange = forbids(request, [nodeSaid(bytes)]);
    if (strange !== undefined) return forbidden(reply, strange);
    const outcome = await ingest(bytes).catch((cause: unknown) => ({ accepted: undefined, cause }));
    switch (outcome.accepted) {
      case true:
        return reply.code(202).send({ accepted: true });
      case false:
        return fail(reply, 400, {
          error: outcome.because,
          remedy: 'mend the message; it was not stored',
        });
      case undefined:
        return fail(reply.header('retry-after', '5'), 503, {
          error: 'the message could not be stored',
          remedy: 'keep it and send it again',
        });
    }
  });
}

/** The node that a message names; what cannot be read names none that a token is for. */
function nodeSaid(bytes: Uint8Array): string {
  const message = jsonBody(bytes);
  return Value.Check(NodeSaid, message) ? message.node : '';
}
const NodeSaid = Type.Object({ node: Type.String() });

function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) =>
    fail(reply, 404, {
      error: 'there is nothing here',
      remedy: '/openapi.json lists what there is',
    }),
  );
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) {
      return fail(reply, 500, {
        error: 'the service failed to answer',
        remedy: 'see its output; /health says how it is',
      });
    }
    return fail(reply, status, { error: error.message, remedy: 'see /openapi.json' });
  });
}

const fail = (reply: FastifyReply, status: number, says: ErrorJson): FastifyReply =>
  fresh(reply).code(status).send(says);
