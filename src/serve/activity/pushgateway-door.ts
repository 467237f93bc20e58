// A Prometheus Pushgateway for trackers that push (CodeCarbon, Zeus, Scaphandre), per node: each push holds what was used since
// the push before, and ends now. A post from a foreign web page, which browsers allow without asking, is known by its Origin.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed } from '../replies.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf } from './activity.ts';
import { pushedEnergy, type Counters } from './pushed-energy.ts';

/** Groups of pushes whose counters are followed at once; the oldest is forgotten first, and begins anew. */
const GROUPS_COUNT_MAX = 10_000;
/** A pause of a push that does not say its length is a new beginning after so long. */
const PAUSE_NS = 600_000_000_000n;

export function servePushgateway(app: FastifyInstance, door: ActivityDoor): void {
  const path = '/v1/nodes/:node/pushgateway/metrics/job/*';
  const groups = new Map<string, Counters>();
  const take = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const node = nodeOf(request.params);
    if (!door.sources.sight(node)) return unknownNode(reply);
    if (request.headers.origin !== undefined) {
      return failed(reply, 403, 'a web page may not push', 'push from the tracker itself');
    }
    const text = request.body instanceof Uint8Array ? new TextDecoder().decode(request.body) : '';
    const run = `pushgateway ${node} ${jobOf(request.url)}`.slice(0, 256);
    const counters = groups.get(run) ?? new Map<string, number>();
    const pushed = pushedEnergy(text, counters);
    if (!pushed) {
      return failed(
        reply,
        400,
        'it has no energy of a tracker that is known here',
        'push what CodeCarbon, Zeus (energy_monitor_...) or Scaphandre (scaph_host_energy_microjoules) push',
      );
    }
    groups.delete(run);
    groups.set(run, counters);
    const [oldest] = groups.keys();
    if (groups.size > GROUPS_COUNT_MAX && oldest !== undefined) groups.delete(oldest);
    const nowNs = door.sources.nowNs();
    const known = door.activity.run(run);
    const lastClaim = known?.claims[known.claims.length - 1];
    const sinceNs = lastClaim ? nsOf(lastClaim.until_ns) : undefined;
    // After a pause longer than it says it is a new run of the same name.
    const saidNs = BigInt(Math.round(Math.max(0, Math.min(pushed.durationS ?? 0, 3.2e7)) * 1e9));
    const pauseNs = pushed.durationS === undefined ? PAUSE_NS : 2n * saidNs + 60_000_000_000n;
    const goesOn = sinceNs !== undefined && nowNs - sinceNs < pauseNs;
    const fromNs = goesOn ? sinceNs : nowNs - saidNs;
    try {
      if (!known) {
        await door.activity.add({
          kind: 'run',
          run,
          node,
          tracker: pushed.tracker,
          project: jobOf(request.url),
          at_ns: fromNs.toString(),
        });
      }
      await door.activity.add({
        kind: 'claim',
        id: nowNs.toString(),
        run,
        node,
        tracker: pushed.tracker,
        from_ns: fromNs.toString(),
        until_ns: nowNs.toString(),
        cpu_kwh: pushed.cpuKwh,
        gpu_kwh: pushed.gpuKwh,
        ram_kwh: pushed.ramKwh,
        notes: [],
      });
    } catch {
      return failed(
        reply.header('retry-after', '5'),
        503,
        'it could not be stored',
        'push it again',
      );
    }
    return reply.code(200).send();
  };
  app.put(path, take);
  app.post(path, take);
  // Trackers delete their group when they end; what was used stays used.
  app.delete(path, (_request, reply) => reply.code(202).send());
}

/** The grouping key behind /job/, decoded where it is base64. */
function jobOf(url: string): string {
  const at = url.indexOf('/metrics/job');
  const text = url.slice(at + '/metrics/job'.length).replace(/^\//, '');
  return text.slice(0, 200);
}
