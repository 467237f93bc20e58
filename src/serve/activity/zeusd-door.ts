// What a Zeus client asks its daemon for CPU and memory, per node: processor 0 carries all that the wall gave beyond GPU boards and
// memory, the other zones carry nothing, so that what Zeus adds up (with the GPUs that it reads itself) is the wall.
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { chipKindOf } from '../../calibrate/chip-terms.ts';
import { isRefusal } from '../../quantity/fault.ts';
import { nodeOf, unknownNode } from '../node-routes.ts';
import { failed, fresh, refused } from '../replies.ts';
import type { WindowSources } from '../window-energy.ts';
import { NodeCounter, type NodeCount } from './node-counter.ts';

/** Zeus asks for each RAPL zone that it sees on its machine, the platform zone too; a zone that is not listed ends its reading. */
const ZONES_COUNT = 32;
const EnergyQuery = Type.Object({
  cpu_ids: Type.String({ pattern: '^\\d{1,3}(,\\d{1,3}){0,31}$' }),
  cpu: Type.Optional(Type.String()),
  dram: Type.Optional(Type.String()),
});

/** `onRefresh` is told each second, so that counters go on while nobody asks. */
export function serveZeusd(
  app: FastifyInstance,
  sources: WindowSources,
  onRefresh: (listener: () => void) => () => void,
): void {
  const counters = new Map<string, NodeCounter>();
  const stop = onRefresh(() => {
    for (const [node, counter] of counters) {
      const sight = sources.sight(node);
      if (sight) counter.follow(sight);
    }
  });
  app.addHook('onClose', (_app, done) => {
    stop();
    done();
  });
  const base = '/v1/nodes/:node/zeusd';

  app.get(`${base}/discover`, (request, reply) => {
    const node = nodeOf(request.params);
    const sight = sources.sight(node);
    if (!sight) return unknownNode(reply);
    if (!counters.has(node)) counters.set(node, new NodeCounter());
    counters.get(node)?.follow(sight);
    const hasDram = [...sight.chips.keys()].some((source) => chipKindOf(source) === 'dram');
    return fresh(reply).send({
      gpus: [],
      cpus: Array.from({ length: ZONES_COUNT }, (_, id) => ({
        id,
        dram_available: hasDram && id === 0,
      })),
      enabled_api_groups: ['cpu-read'],
      auth_required: false,
    });
  });

  app.get(`${base}/time`, (_request, reply) =>
    fresh(reply).send({ timestamp_ms: Number(sources.nowNs() / 1_000_000n) }),
  );

  /** The counter of a node, begun where nobody asked before. */
  const countOf = (params: unknown, reply: FastifyReply): NodeCount | FastifyReply => {
    const node = nodeOf(params);
    const sight = sources.sight(node);
    if (!sight) return unknownNode(reply);
    const counter = counters.get(node) ?? new NodeCounter();
    counters.set(node, counter);
    const count = counter.follow(sight);
    return isRefusal(count) ? refused(reply, count) : count;
  };

  app.get(`${base}/cpu/get_cumulative_energy`, (request, reply) => {
    if (!Value.Check(EnergyQuery, request.query)) {
      return failed(reply, 400, 'no processor is named', 'ask with ?cpu_ids=0&cpu=true&dram=true');
    }
    const count = countOf(request.params, reply);
    if (!('cpuUj' in count)) return count;
    const { cpu_ids: ids, cpu, dram } = request.query;
    const energies = ids.split(',').map((id) => {
      const isFirst = Number(id) === 0;
      return [
        id,
        {
          cpu_energy_uj: cpu === 'false' ? null : Number(isFirst ? count.cpuUj : 0n),
          dram_energy_uj: dram === 'false' || !isFirst ? null : Number(count.dramUj),
        },
      ] as const;
    });
    return fresh(reply).send(Object.fromEntries(energies));
  });

  app.get(`${base}/cpu/get_power`, (request, reply) => {
    const count = countOf(request.params, reply);
    if (!('cpuUj' in count)) return count;
    const mwOf = (powerW: number | undefined): number => Math.round((powerW ?? 0) * 1e3);
    return fresh(reply).send({
      timestamp_ms: Number(sources.nowNs() / 1_000_000n),
      power_mw: { '0': { cpu_mw: mwOf(count.cpuW), dram_mw: mwOf(count.dramW) } },
    });
  });
}
