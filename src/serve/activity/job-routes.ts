// Jobs: a window on nodes with marks, opened and ended by whoever runs it; and the runs of trackers.
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { parseInstant, type InstantNs } from '../../quantity/time.ts';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed, fresh, jsonBody } from '../replies.ts';
import { forbidden, type Forbids } from '../tokens.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf } from './activity.ts';
import { jobResult } from './job-result.ts';
import type { ActivityRecordJson } from './records.ts';
import { runEnergy } from './run-energy.ts';
import { stalledJobs } from './stalled-jobs.ts';

const closed = { additionalProperties: false } as const;
const Word = Type.String({ minLength: 1, maxLength: 200 });
const Count = Type.Optional(Type.Number({ minimum: 0, maximum: 1e18 }));
const At = Type.Optional(Type.String({ maxLength: 64 }));
const JobParams = Type.Object({ job: Type.String({ minLength: 1, maxLength: 256 }) });
export const JobBody = Type.Object(
  {
    name: Word,
    nodes: Type.Array(Word, { minItems: 1, maxItems: 1024, uniqueItems: true }),
    /** Chip sources that are its own, such as nvml:GPU-<uuid>: jobs at once on a node are then told apart by them. */
    chips: Type.Optional(Type.Array(Word, { minItems: 1, maxItems: 8192, uniqueItems: true })),
    at: At,
  },
  closed,
);
export const MarkBody = Type.Object(
  { mark: Word, at: At, tokens: Count, inferences: Count },
  closed,
);
export const EndBody = Type.Object({ at: At, tokens: Count, inferences: Count }, closed);

/** A time given by somebody else's clock may be this far in the future. */
const AHEAD_NS = 5_000_000_000n;

export const newUuid = (): string => randomUUID();

export function serveJobs(app: FastifyInstance, door: ActivityDoor, forbids: Forbids): void {
  const { activity, sources } = door;
  app.post('/v1/jobs', async (request, reply) => {
    const body = jsonBody(request.body);
    if (!Value.Check(JobBody, body)) {
      return failed(
        reply,
        400,
        'this is no job',
        'send {"name":"...","nodes":["..."]}, and "at" where it did not begin now',
      );
    }
    const strange = body.nodes.find((node) => !sources.sight(node));
    if (strange !== undefined) return unknownNode(reply);
    const foreign = forbids(request, body.nodes);
    if (foreign !== undefined) return forbidden(reply, foreign);
    const heard = new Set(
      body.nodes.flatMap((node) => [...(sources.sight(node)?.chips.keys() ?? [])]),
    );
    const unheard = heard.size > 0 && body.chips?.find((source) => !heard.has(source));
    if (unheard) {
      return failed(
        reply,
        422,
        `none of its nodes has sent the chip ${unheard}`,
        `write a source as the agent sends it, such as ${[...heard].slice(0, 2).join(' or ')}`,
      );
    }
    const atNs = instantOf(body.at, sources.nowNs());
    if (atNs === undefined) return wrongTime(reply);
    const job = door.newId();
    return kept(
      reply,
      activity.add({
        kind: 'job',
        job,
        name: body.name,
        nodes: body.nodes,
        at_ns: atNs.toString(),
        ...(body.chips ? { chips: body.chips } : {}),
      }),
      { job },
    );
  });

  app.post('/v1/jobs/:job/marks', async (request, reply) => {
    const known = jobOf(door, request.params);
    if (!known) return unknownJob(reply);
    const foreign = forbids(request, known.record.nodes);
    if (foreign !== undefined) return forbidden(reply, foreign);
    const body = jsonBody(request.body);
    if (!Value.Check(MarkBody, body))
      return failed(reply, 400, 'this is no mark', 'send {"mark":"epoch"}');
    if (known.end) return failed(reply, 409, 'the job has ended', 'open another one');
    const atNs = instantOf(body.at, sources.nowNs());
    if (atNs === undefined || atNs < nsOf(known.record.at_ns)) return wrongTime(reply);
    const { job } = known.record;
    return kept(
      reply,
      activity.add({ kind: 'mark', job, mark: body.mark, at_ns: atNs.toString(), ...counts(body) }),
      { job },
    );
  });

  app.post('/v1/jobs/:job/end', async (request, reply) => {
    const known = jobOf(door, request.params);
    if (!known) return unknownJob(reply);
    const foreign = forbids(request, known.record.nodes);
    if (foreign !== undefined) return forbidden(reply, foreign);
    const body = jsonBody(request.body);
    if (!Value.Check(EndBody, body))
      return failed(reply, 400, 'this is no end', 'send {} or {"tokens":123}');
    // Ended twice is ended once: an epilog may run again.
    if (known.end)
      return fresh(reply)
        .code(200)
        .send(jobResult(sources, activity, known));
    const atNs = instantOf(body.at, sources.nowNs());
    if (atNs === undefined || atNs <= nsOf(known.record.at_ns)) return wrongTime(reply);
    const { job } = known.record;
    return kept(
      reply,
      activity.add({ kind: 'end', job, at_ns: atNs.toString(), ...counts(body) }),
      { job },
    );
  });

  app.get('/v1/jobs/:job', (request, reply) => {
    const known = jobOf(door, request.params);
    if (!known) return unknownJob(reply);
    const leaves = [known.record, ...known.marks, ...(known.end ? [known.end] : [])].flatMap(
      (record) => door.leafOf(record) ?? [],
    );
    return fresh(reply).send({
      ...jobResult(sources, activity, known),
      leaves: [...new Set(leaves)],
    });
  });

  app.get('/v1/jobs', (_request, reply) =>
    fresh(reply).send({
      stalled: stalledJobs(sources, activity),
      jobs: activity
        .allJobs()
        .slice(-200)
        .map(({ record, end }) => ({
          job: record.job,
          name: record.name,
          nodes: record.nodes,
          state: end ? 'ended' : 'running',
        })),
    }),
  );

  app.get('/v1/nodes/:node/runs', (request, reply) => {
    const node = nodeOf(request.params);
    if (!sources.sight(node)) return unknownNode(reply);
    const runs = activity.runsOf(node).slice(-50);
    return fresh(reply).send({ runs: runs.map((run) => runEnergy(sources, activity, run)) });
  });
}

function jobOf({ activity }: ActivityDoor, params: unknown): ReturnType<typeof activity.job> {
  return Value.Check(JobParams, params) ? activity.job(params.job) : undefined;
}

function instantOf(text: string | undefined, nowNs: InstantNs): InstantNs | undefined {
  if (text === undefined) return nowNs;
  const atNs = parseInstant(text);
  return atNs !== undefined && atNs <= nowNs + AHEAD_NS ? atNs : undefined;
}

const counts = (body: {
  tokens?: number;
  inferences?: number;
}): { tokens?: number; inferences?: number } => ({
  ...(body.tokens === undefined ? {} : { tokens: body.tokens }),
  ...(body.inferences === undefined ? {} : { inferences: body.inferences }),
});

const unknownJob = (reply: FastifyReply): FastifyReply =>
  failed(reply, 404, 'there is no such job', 'POST /v1/jobs opens one; GET /v1/jobs lists them');
const wrongTime = (reply: FastifyReply): FastifyReply =>
  failed(
    reply,
    400,
    'at is no RFC 3339 instant with a zone that lies within the job',
    'leave it out for now',
  );

async function kept(
  reply: FastifyReply,
  keeping: Promise<void>,
  answer: ActivityRecordJson | object,
): Promise<FastifyReply> {
  try {
    await keeping;
  } catch {
    return failed(reply.header('retry-after', '5'), 503, 'it could not be stored', 'send it again');
  }
  return fresh(reply).code(201).send(answer);
}
