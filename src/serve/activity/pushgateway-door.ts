// A Prometheus Pushgateway for trackers that push (CodeCarbon, Zeus), per node: each push holds what was used since the push
// before, and ends now. Only PUT is taken, which no foreign web page can send without asking.
import type { FastifyInstance } from 'fastify';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed } from '../replies.ts';
import type { ActivityDoor } from './activity-door.ts';
import { nsOf } from './activity.ts';

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[^}]*\})? +(-?[0-9.eE+-]+|NaN|[+-]Inf)(?: +-?\d+)?$/;

export function servePushgateway(app: FastifyInstance, door: ActivityDoor): void {
  const path = '/v1/nodes/:node/pushgateway/metrics/job/*';
  app.put(path, async (request, reply) => {
    const node = nodeOf(request.params);
    if (!door.sources.sight(node)) return unknownNode(reply);
    const text = request.body instanceof Uint8Array ? new TextDecoder().decode(request.body) : '';
    const samples = samplesOf(text);
    const cpuKwh = samples.get('codecarbon_cpu_energy');
    const gpuKwh = samples.get('codecarbon_gpu_energy');
    if (cpuKwh === undefined && gpuKwh === undefined) {
      return failed(
        reply,
        400,
        'it has no energy of a tracker that is known here',
        'push codecarbon_cpu_energy and codecarbon_gpu_energy',
      );
    }
    const nowNs = door.sources.nowNs();
    const run = `pushgateway ${node} ${jobOf(request.url)}`.slice(0, 256);
    const known = door.activity.run(run);
    const lastClaim = known?.claims[known.claims.length - 1];
    const durationS = samples.get('codecarbon_duration') ?? 0;
    const sinceNs = lastClaim ? nsOf(lastClaim.until_ns) : undefined;
    // After a pause longer than it says it is a new run of the same name.
    const saidNs = BigInt(Math.round(Math.max(0, durationS) * 1e9));
    const fromNs =
      sinceNs !== undefined && nowNs - sinceNs < 2n * saidNs + 60_000_000_000n
        ? sinceNs
        : nowNs - saidNs;
    try {
      if (!known) {
        await door.activity.add({
          kind: 'run',
          run,
          node,
          tracker: 'codecarbon',
          project: jobOf(request.url),
          at_ns: fromNs.toString(),
        });
      }
      await door.activity.add({
        kind: 'claim',
        id: nowNs.toString(),
        run,
        node,
        tracker: 'codecarbon',
        from_ns: fromNs.toString(),
        until_ns: nowNs.toString(),
        cpu_kwh: cpuKwh ?? 0,
        gpu_kwh: gpuKwh ?? 0,
        ram_kwh: samples.get('codecarbon_ram_energy') ?? 0,
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
  });
  // Trackers delete their group when they end; what was used stays used.
  app.delete(path, (_request, reply) => reply.code(202).send());
}

/** Sums over label sets; what is no finite number is no sample. */
function samplesOf(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = SAMPLE.exec(line.trim());
    const reading = Number(match?.[2]);
    if (match?.[1] === undefined || !Number.isFinite(reading) || Math.abs(reading) > 1e6) continue;
    samples.set(match[1], (samples.get(match[1]) ?? 0) + reading);
  }
  return samples;
}

/** The grouping key behind /job/, decoded where it is base64. */
function jobOf(url: string): string {
  const at = url.indexOf('/metrics/job');
  const text = url.slice(at + '/metrics/job'.length).replace(/^\//, '');
  return text.slice(0, 200);
}
