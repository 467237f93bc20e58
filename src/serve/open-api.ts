// /openapi.json, made from the very schemas that check and type the routes, so that it cannot drift from them.
// OpenAPI 3.1 uses JSON Schema 2020-12 as it is, and TypeBox schemas are that once they are JSON.
import type { TSchema } from 'typebox';
import {
  AcceptedSchema,
  ErrorSchema,
  HealthSchema,
  HistorySchema,
  IntervalSchema,
  IntervalsSchema,
  NodeSchema,
  PointSchema,
  RackSchema,
  SettledSchema,
  SinkSchema,
  WireSchema,
} from './api-schemas.ts';

/** Schemas with a name of their own in the document; elsewhere they are referred to. */
const NAMED: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [RackSchema, 'Rack'],
  [PointSchema, 'Point'],
  [NodeSchema, 'Node'],
  [WireSchema, 'Wire'],
  [SinkSchema, 'Sink'],
  [SettledSchema, 'Settled'],
  [HistorySchema, 'History'],
  [IntervalsSchema, 'Intervals'],
  [IntervalSchema, 'Interval'],
  [HealthSchema, 'Health'],
  [AcceptedSchema, 'Accepted'],
  [ErrorSchema, 'Error'],
]);

interface Answer {
  readonly says: string;
  /** A schema for JSON; a media type for anything else. */
  readonly content: TSchema | string;
}

/** What the document says of one route. */
export interface DocumentedRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly query?: TSchema;
  /** What the body means, for a route that takes one. */
  readonly body?: string;
  readonly answers: Readonly<Record<number, Answer>>;
}

/** The OpenAPI 3.1 document of these routes, as plain JSON. */
export function openApiOf(routes: readonly DocumentedRoute[], version: string): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operationOf(route) });
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Trueup',
      version,
      description:
        'Live power of a rack at the wall and at the chips, and settled energy. Names end in their unit; bigints are decimal strings; what is not known is left out.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: Object.fromEntries(
        [...NAMED].map(([schema, name]) => [name, referring(schema, true)]),
      ),
    },
  };
}

function operationOf(route: DocumentedRoute): object {
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^a-z0-9]+/g, '_')}`,
    summary: route.summary,
    ...parametersOfRoute(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            description: route.body,
            content: { 'application/json': { schema: { type: 'object' } } },
          },
        }),
    responses: Object.fromEntries(
      Object.entries(route.answers).map(([status, { says, content }]) => [
        status,
        {
          description: says,
          content:
            typeof content === 'string'
              ? { [content]: { schema: { type: 'string' } } }
              : { 'application/json': { schema: referring(content, false) } },
        },
      ]),
    ),
  };
}

function parametersOfRoute({ path, query }: DocumentedRoute): { parameters?: object[] } {
  const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const parameters = [...places, ...(query === undefined ? [] : parametersOf(query))];
  return parameters.length === 0 ? {} : { parameters };
}

function parametersOf(query: TSchema): object[] {
  const properties = 'properties' in query && isRecord(query.properties) ? query.properties : {};
  const required = 'required' in query && Array.isArray(query.required) ? query.required : [];
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: referring(schema, false),
  }));
}

const isRecord = (thing: unknown): thing is Readonly<Record<string, unknown>> =>
  typeof thing === 'object' && thing !== null && !Array.isArray(thing);

/** A copy in which named schemas are references; the outermost is spelt out where `isDefinition`. */
function referring(schema: unknown, isDefinition: boolean): unknown {
  const name = NAMED.get(schema);
  if (name !== undefined && !isDefinition) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(schema)) return schema.map((part: unknown) => referring(part, false));
  if (!isRecord(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, part]) => [key, referring(part, false)]),
  );
}
