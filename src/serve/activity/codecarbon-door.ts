// The API that an unmodified CodeCarbon talks to, per node: 201 within its two seconds, stored before it is answered, calibrated
// when somebody asks. What it sends are differences since its last message, and no name of its host: the node is in the path.
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  formatInstant,
  fromSeconds,
  instantNs,
  parseInstant,
  type InstantNs,
} from '../../quantity/time.ts';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed, jsonBody } from '../replies.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf, type TrackerRun } from './activity.ts';

const Energy = Type.Number({ minimum: -1e6, maximum: 1e6 });
/** Known keys are checked; what else a version sends is not our business. */
const RunBody = Type.Object({
  timestamp: Type.Optional(Type.String({ maxLength: 64 })),
  experiment_id: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
  codecarbon_version: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
});
const EmissionBody = Type.Object({
  timestamp: Type.String({ maxLength: 64 }),
  run_id: Type.String({ minLength: 1, maxLength: 256 }),
  duration: Type.Number({ minimum: 0, maximum: 3.2e7 }),
  cpu_energy: Energy,
  gpu_energy: Energy,
  ram_energy: Energy,
});

/** Its clock and ours may differ by this much before the time of arrival is believed instead. */
const CLOCK_NS = 60_000_000_000n;

export function serveCodecarbon(app: FastifyInstance, door: ActivityDoor): void {
  const base = '/v1/nodes/:node/codecarbon';
  // 2.2 and 2.3 ask for the singular.
  for (const path of [`${base}/runs`, `${base}/run`]) {
    app.post(path, async (request, reply) => {
      const node = nodeOf(request.params);
      if (!door.sources.sight(node)) return unknownNode(reply);
      const body = jsonBody(request.body);
      if (!Value.Check(RunBody, body)) return failed(reply, 422, 'this is no run', RUN_REMEDY);
      const nowNs = door.sources.nowNs();
      const run = door.newId();
      const startNs = believed(parseInstant(body.timestamp ?? ''), nowNs).atNs;
      const project = body.experiment_id ?? '';
      return kept(
        reply,
        door.activity.add({
          kind: 'run',
          run,
          node,
          tracker: 'codecarbon',
          project,
          at_ns: startNs.toString(),
        }),
        {
          ...body,
          id: run,
          timestamp: body.timestamp ?? formatInstant(nowNs),
        },
      );
    });
  }
  for (const path of [`${base}/emissions`, `${base}/emission`]) {
    app.post(path, async (request, reply) => {
      const node = nodeOf(request.params);
      if (!door.sources.sight(node)) return unknownNode(reply);
      const body = jsonBody(request.body);
      if (!Value.Check(EmissionBody, body)) {
        return failed(reply, 422, 'this is no emission of CodeCarbon', RUN_REMEDY);
      }
      const nowNs = door.sources.nowNs();
      const said = believed(parseInstant(body.timestamp), nowNs);
      const known = door.activity.run(body.run_id);
      if (known && known.record.node !== node) {
        return failed(
          reply,
          409,
          'this run belongs to another node',
          'post to the node that the run was opened on',
        );
      }
      const fromNs = spanStart(known, said.atNs, body.duration);
      if (!known) {
        await door.activity
          .add({
            kind: 'run',
            run: body.run_id,
            node,
            tracker: 'codecarbon',
            project: '',
            at_ns: fromNs.toString(),
          })
          .catch(() => undefined);
      }
      const notes = [
        ...(said.isOff ? ['its clock is off: the time of arrival counts'] : []),
        ...(known ? [] : ['the run was not opened here']),
        ...(body.cpu_energy < 0 ? ['CPU energy is negative: a counter wrapped'] : []),
      ];
      const untilNs = said.atNs > fromNs ? said.atNs : fromNs;
      const claim = {
        kind: 'claim',
        id: body.timestamp,
        run: body.run_id,
        node,
        tracker: 'codecarbon',
        from_ns: fromNs.toString(),
        until_ns: untilNs.toString(),
        cpu_kwh: body.cpu_energy,
        gpu_kwh: body.gpu_energy,
        ram_kwh: body.ram_energy,
        notes,
      } as const;
      return kept(reply, door.activity.add(claim), door.newId());
    });
  }
  // What `codecarbon login` and its tracker ask before they send.
  app.get(`${base}/auth/check`, (_request, reply) => reply.code(200).send({}));
}

const RUN_REMEDY =
  'point api_endpoint of CodeCarbon at /v1/nodes/{node}/codecarbon, without a slash at the end';

async function kept(
  reply: FastifyReply,
  keeping: Promise<void>,
  answer: unknown,
): Promise<FastifyReply> {
  try {
    await keeping;
  } catch {
    return failed(reply.header('retry-after', '5'), 503, 'it could not be stored', 'send it again');
  }
  return reply.code(201).type('application/json').send(JSON.stringify(answer));
}

/**
 * Since the last message, not its `duration`, which is cut to whole seconds. The first message of a run comes right after the
 * run was opened and tells of the time before: there its duration is all that is said.
 */
function spanStart(run: TrackerRun | undefined, atNs: InstantNs, durationS: number): InstantNs {
  const last = run?.claims[run.claims.length - 1];
  if (last) return nsOf(last.until_ns);
  const saidNs = instantNs(atNs - fromSeconds(Math.max(run ? 0 : 1, durationS)));
  const openedNs = run ? nsOf(run.record.at_ns) : saidNs;
  return openedNs < saidNs ? openedNs : saidNs;
}

/** The stamp of the message, or the time of arrival where that is far from it or missing. */
function believed(
  atNs: InstantNs | undefined,
  nowNs: InstantNs,
): { atNs: InstantNs; isOff: boolean } {
  if (atNs === undefined) return { atNs: nowNs, isOff: true };
  const apartNs = atNs > nowNs ? atNs - nowNs : nowNs - atNs;
  return apartNs > CLOCK_NS ? { atNs: nowNs, isOff: true } : { atNs, isOff: false };
}
