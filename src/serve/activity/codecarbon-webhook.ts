// CodeCarbon's `emissions_endpoint`: the totals of a run, sent when it flushes and when it stops. Of a run whose messages came over
// the API they say what was lost on the way; of another they are all there is. Its stamp is local time without a zone, so
// the time of arrival counts.
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { FastifyInstance } from 'fastify';
import { fromSeconds, instantNs, type InstantNs } from '../../quantity/time.ts';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed, jsonBody } from '../replies.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf, type Activity, type TrackerRun } from './activity.ts';

const Kwh = Type.Number({ minimum: -1e6, maximum: 1e6 });
const Totals = Type.Object({
  duration: Type.Number({ minimum: 0, maximum: 3.2e7 }),
  cpu_energy: Kwh,
  gpu_energy: Kwh,
  ram_energy: Kwh,
  project_name: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
  run_id: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
  pue: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
});
/** Two runs that began farther apart than this are two. */
const SAME_START_NS = 30_000_000_000n;
/** Less is what rounding leaves: a thousandth of a joule. */
const LEAST_KWH = 3e-10;

export function serveCodecarbonWebhook(app: FastifyInstance, door: ActivityDoor): void {
  app.post('/v1/nodes/:node/codecarbon/webhook', async (request, reply) => {
    const node = nodeOf(request.params);
    if (!door.sources.sight(node)) return unknownNode(reply);
    const body = jsonBody(request.body);
    if (!Value.Check(Totals, body)) {
      return failed(
        reply,
        422,
        'these are no totals of CodeCarbon',
        'point emissions_endpoint at /v1/nodes/{node}/codecarbon/webhook',
      );
    }
    const { activity } = door;
    const nowNs = door.sources.nowNs();
    const startNs = instantNs(nowNs - fromSeconds(body.duration));
    const run = runOf(activity, node, body.run_id, startNs);
    if (run?.record.node !== undefined && run.record.node !== node) {
      return failed(reply, 409, 'this run belongs to another node', 'post to the node it ran on');
    }
    const pueRatio = body.pue ?? 1;
    const said = (kind: 'cpu_kwh' | 'gpu_kwh' | 'ram_kwh'): number =>
      (run?.claims ?? []).reduce((sum, each) => sum + each[kind], 0);
    const left = {
      cpu_kwh: body.cpu_energy / pueRatio - said('cpu_kwh'),
      gpu_kwh: body.gpu_energy / pueRatio - said('gpu_kwh'),
      ram_kwh: body.ram_energy / pueRatio - said('ram_kwh'),
    };
    const last = run?.claims[run.claims.length - 1];
    const fromNs = last ? nsOf(last.until_ns) : startNs;
    const id = run?.record.run ?? ownId(body.run_id) ?? door.newId();
    try {
      if (!run) {
        await activity.add({
          kind: 'run',
          run: id,
          node,
          tracker: 'codecarbon',
          project: body.project_name ?? '',
          at_ns: startNs.toString(),
        });
      }
      // Sent again it adds nothing; totals below what was claimed are another rounding.
      if (Math.max(left.cpu_kwh, left.gpu_kwh) > LEAST_KWH || !last) {
        await activity.add({
          kind: 'claim',
          id: `webhook ${nowNs.toString()}`,
          run: id,
          node,
          tracker: 'codecarbon',
          from_ns: fromNs.toString(),
          until_ns: (nowNs > fromNs ? nowNs : fromNs).toString(),
          ...left,
          notes: [
            ...(last ? ['its totals say more than its messages: some were lost'] : []),
            ...(pueRatio === 1 ? [] : [`PUE ${pueRatio} taken off`]),
          ],
        });
      }
    } catch {
      return failed(
        reply.header('retry-after', '5'),
        503,
        'it could not be stored',
        'send it again',
      );
    }
    return reply.code(201).send({ run: id });
  });
}

const ownId = (id: string | null | undefined): string | undefined =>
  id === undefined || id === null || id === '' || id === 'None' ? undefined : id;

/** By its name; where CodeCarbon writes None, the run of the node that began when this one did and is not known by name. */
function runOf(
  activity: Activity,
  node: string,
  id: string | null | undefined,
  startNs: InstantNs,
): TrackerRun | undefined {
  const named = ownId(id);
  if (named !== undefined) return activity.run(named);
  return activity.runsOf(node).find(({ record }) => {
    const apartNs = nsOf(record.at_ns) - startNs;
    return record.tracker === 'codecarbon' && apartNs < SAME_START_NS && -apartNs < SAME_START_NS;
  });
}
