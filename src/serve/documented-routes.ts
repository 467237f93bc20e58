// Every route of the API with what it answers: the table behind /openapi.json. A test compares it with what is served.
import {
  AcceptedSchema,
  ErrorSchema,
  HealthSchema,
  HistoryQuery,
  HistorySchema,
  IntervalsQuery,
  IntervalsSchema,
  RackSchema,
} from './api-schemas.ts';
import { DOCUMENTED_NODE_ROUTES } from './documented-node-routes.ts';
import type { DocumentedRoute } from './open-api.ts';

const wrongQuery = { 400: { says: 'The query is wrong; `error` says how.', content: ErrorSchema } };

export const DOCUMENTED_ROUTES: readonly DocumentedRoute[] = [
  {
    method: 'GET',
    path: '/v1/rack',
    summary: 'The rack as it was at the last refresh.',
    answers: { 200: { says: 'The snapshot.', content: RackSchema }, ...wrongQuery },
  },
  {
    method: 'GET',
    path: '/v1/live',
    summary: 'Server-sent events: one `rack` event per refresh, its data is what /v1/rack answers.',
    answers: {
      200: { says: 'The stream; it lasts until one side closes.', content: 'text/event-stream' },
      ...wrongQuery,
      503: { says: 'Too many watch already; see Retry-After.', content: ErrorSchema },
    },
  },
  {
    method: 'GET',
    path: '/v1/history',
    summary: 'Wall, chip and corrected power of one node over the last ten minutes.',
    query: HistoryQuery,
    answers: {
      200: { says: 'Oldest first; null marks a hole.', content: HistorySchema },
      ...wrongQuery,
      404: { says: 'No such node.', content: ErrorSchema },
    },
  },
  {
    method: 'GET',
    path: '/v1/intervals',
    summary: 'Settled energy: the current statements that start in [from, until).',
    query: IntervalsQuery,
    answers: {
      200: {
        says: 'By start, point and kind; where `next` is given, ask again from there.',
        content: IntervalsSchema,
      },
      ...wrongQuery,
      404: { says: 'This service keeps no statements.', content: ErrorSchema },
    },
  },
  {
    method: 'POST',
    path: '/v1/ingest',
    summary: 'Hands in one node message; (boot_id, seq) makes it idempotent.',
    body: 'The node message: {v, node, boot_id, seq, time_ns, sync, counters, gauges}; integers as strings.',
    answers: {
      202: { says: 'It is stored durably.', content: AcceptedSchema },
      400: { says: 'It is no node message of this site; `error` says why.', content: ErrorSchema },
      404: { says: 'This service takes no node messages over HTTP.', content: ErrorSchema },
      413: { says: 'It is longer than any node message.', content: ErrorSchema },
      415: { says: 'It is not application/json.', content: ErrorSchema },
      503: { says: 'It could not be stored: send it again.', content: ErrorSchema },
    },
  },
  ...DOCUMENTED_NODE_ROUTES,
  {
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus text format.',
    answers: { 200: { says: 'One scrape.', content: 'text/plain' }, ...wrongQuery },
  },
  {
    method: 'GET',
    path: '/health',
    summary: 'Whether the service does its work.',
    answers: {
      200: { says: 'It does.', content: HealthSchema },
      ...wrongQuery,
      503: { says: 'It does not; `reasons` says why.', content: HealthSchema },
    },
  },
  {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document.',
    answers: { 200: { says: 'OpenAPI 3.1.', content: 'application/json' }, ...wrongQuery },
  },
];
