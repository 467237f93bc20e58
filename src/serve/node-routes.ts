// A node's correction, served: the model as it stands, one claim corrected by it, and the energy of any window.
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { correctClaim } from '../calibrate/claims/correct-claim.ts';
import { encodeModel } from '../calibrate/model-json.ts';
import { validUntilNs } from '../calibrate/life/model-life.ts';
import {
  CLAIMED_KINDS,
  type Claim,
  type ClaimedEnergy,
  type ClaimedKind,
} from '../quantity/claim.ts';
import type { CorrectionModel } from '../quantity/correction.ts';
import { isRefusal, refuse, type Refusal } from '../quantity/fault.ts';
import { kwhOfJoules } from '../quantity/format.ts';
import { formatInstant, fromSeconds, instantNs, parseInstant } from '../quantity/time.ts';
import { expandedJ } from '../quantity/uncertainty.ts';
import { joules } from '../quantity/units.ts';
import { failed, fresh, jsonBody, refused } from './replies.ts';
import { windowEnergy, type WindowEnergy, type WindowSources } from './window-energy.ts';

export const NodeParams = Type.Object({ node: Type.String({ minLength: 1, maxLength: 128 }) });
export const WindowQuery = Type.Object(
  { from: Type.String(), until: Type.String() },
  { additionalProperties: false },
);
export const CorrectionQuery = Type.Object(
  { for: Type.Optional(Type.Enum(['codecarbon'])) },
  { additionalProperties: false },
);

/** A claim as a program sends it: energies by kind of chip, PUE still in them where `pue` says so. */
export const CorrectBody = Type.Object(
  {
    tracker: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })),
    duration_s: Type.Number({ exclusiveMinimum: 0, maximum: 3.2e7 }),
    cpu_kwh: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    dram_kwh: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    'cpu+dram_kwh': Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    gpu_kwh: Type.Optional(Type.Number({ minimum: 0, maximum: 1e6 })),
    pue: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
    step_s: Type.Optional(Type.Number({ minimum: 0, maximum: 3600 })),
  },
  { additionalProperties: false },
);
type CorrectBodyJson = Static<typeof CorrectBody>;

export const EnergyAnswer = Type.Object({
  node: Type.String(),
  from: Type.String(),
  until: Type.String(),
  wall_energy_kwh: Type.Number(),
  u_kwh: Type.Number({ description: 'Expanded uncertainty, 95 %.' }),
  quality: Type.String(),
  methods: Type.Array(Type.String(), { description: 'meter, settled, model.' }),
  models: Type.Array(Type.String()),
});
export const CorrectAnswer = Type.Object({
  wall_energy_kwh: Type.Number(),
  u_kwh: Type.Number(),
  quality: Type.String(),
  model: Type.String(),
});
export const CorrectionAnswer = Type.Object({
  node: Type.String(),
  waiting_for: Type.String({ description: 'Why there is no model yet; empty where there is.' }),
  valid_until: Type.Optional(Type.String()),
  model: Type.Optional(
    Type.Object({}, { description: 'The model document, as calibrate fit writes it.' }),
  ),
  environment: Type.Optional(Type.Object({})),
  warning: Type.Optional(Type.String()),
});

export function serveNodes(app: FastifyInstance, sources: WindowSources): void {
  app.get(
    '/v1/nodes/:node/correction',
    { schema: { params: NodeParams, querystring: CorrectionQuery } },
    (request, reply) => {
      const node = nodeOf(request.params);
      const sight = sources.sight(node);
      if (!sight) return unknownNode(reply);
      const { model } = sight;
      const known = {
        node,
        waiting_for: sight.waitingFor,
        ...(model
          ? { valid_until: formatInstant(validUntilNs(model)), model: encodeModel(model) }
          : {}),
      };
      if (!wantsCodecarbon(request.query)) return fresh(reply).send(known);
      const environment = model ? codecarbonEnvironment(model) : undefined;
      if (!environment) return refused(reply, NOT_FOR_CODECARBON);
      return fresh(reply).send({ ...known, environment, warning: WARNING });
    },
  );

  app.post('/v1/nodes/:node/correct', { schema: { params: NodeParams } }, (request, reply) => {
    const model = sources.sight(nodeOf(request.params));
    if (!model) return unknownNode(reply);
    const body = jsonBody(request.body);
    if (!Value.Check(CorrectBody, body)) {
      return failed(
        reply,
        400,
        'the body is not a claim',
        'send duration_s and cpu_kwh, dram_kwh, gpu_kwh; /openapi.json has all of it',
      );
    }
    if (!model.model) return refused(reply, noModel(model.waitingFor));
    const outcome = correctClaim(model.model, claimOf(body));
    if (isRefusal(outcome)) return refused(reply, outcome);
    return fresh(reply).send({
      wall_energy_kwh: kwhOfJoules(outcome.energyJ),
      u_kwh: kwhOfJoules(outcome.expandedJ),
      quality: model.model.standing === 'provisional' ? 'provisional' : outcome.quality,
      model: outcome.model,
    });
  });

  app.get(
    '/v1/nodes/:node/energy',
    { schema: { params: NodeParams, querystring: WindowQuery } },
    (request, reply) => {
      const node = nodeOf(request.params);
      if (!sources.sight(node)) return unknownNode(reply);
      const window = windowOf(request.query);
      if (!window) {
        return failed(
          reply,
          400,
          'from and until are no RFC 3339 instants with a zone',
          'write ?from=2026-01-31T10:00:00Z&until=2026-01-31T11:00:00Z',
        );
      }
      const energy = windowEnergy(sources, node, window);
      if (isRefusal(energy)) return refused(reply, energy);
      return fresh(reply).send({
        node,
        from: formatInstant(window.fromNs),
        until: formatInstant(window.untilNs),
        ...energyJson(energy),
      });
    },
  );
}

/** What every window says of its energy. */
export const energyJson = (
  energy: WindowEnergy,
): {
  wall_energy_kwh: number;
  u_kwh: number;
  quality: string;
  methods: string[];
  models: string[];
} => ({
  wall_energy_kwh: kwhOfJoules(energy.energyJ),
  u_kwh: kwhOfJoules(expandedJ(energy.parts)),
  quality: energy.quality,
  methods: [...energy.methods],
  models: [...energy.models],
});

export function nodeOf(params: unknown): string {
  return Value.Check(NodeParams, params) ? params.node : '';
}

export const unknownNode = (reply: FastifyReply): FastifyReply =>
  failed(reply, 404, 'this site has no such node', '/v1/rack lists the nodes');

function wantsCodecarbon(query: unknown): boolean {
  return Value.Check(CorrectionQuery, query) && query.for === 'codecarbon';
}

function windowOf(
  query: unknown,
): { fromNs: ReturnType<typeof instantNs>; untilNs: ReturnType<typeof instantNs> } | undefined {
  if (!Value.Check(WindowQuery, query)) return undefined;
  const fromNs = parseInstant(query.from);
  const untilNs = parseInstant(query.until);
  return fromNs === undefined || untilNs === undefined ? undefined : { fromNs, untilNs };
}

const noModel = (waitingFor: string): Refusal =>
  refuse(
    'calibrate.few',
    'there is no correction of this node yet',
    waitingFor === '' ? 'meter the node for some minutes' : `it waits for ${waitingFor}`,
  );

function claimOf(body: CorrectBodyJson): Claim {
  const measured = new Map<ClaimedKind, ClaimedEnergy>();
  const kwhOf: Readonly<Record<ClaimedKind, number | undefined>> = {
    cpu: body.cpu_kwh,
    dram: body.dram_kwh,
    'cpu+dram': body['cpu+dram_kwh'],
    gpu: body.gpu_kwh,
    total: undefined,
  };
  for (const kind of CLAIMED_KINDS) {
    const kwh = kwhOf[kind];
    if (kwh === undefined) continue;
    const energyJ = joules((kwh * 3.6e6) / (body.pue ?? 1));
    measured.set(kind, { energyJ, stepS: body.step_s ?? 0 });
  }
  const fromNs = instantNs(0n);
  return {
    tracker: body.tracker ?? 'claim',
    run: '',
    application: '',
    fromNs,
    untilNs: instantNs(fromNs + fromSeconds(body.duration_s)),
    measured,
    repairs: [],
  };
}

const WARNING =
  'With these variables CodeCarbon applies the correction itself: its files then hold it in pue and in the RAM columns, which mean something else for everybody who reads them. trueup correct recognises such files and does not correct them again. Ask again when the model changes.';
const NOT_FOR_CODECARBON = refuse(
  'tracker.unmeasured',
  'CodeCarbon can apply one gain and a level above 0 to CPU and GPU, and this correction is another',
  'correct its numbers afterwards: POST /v1/nodes/{node}/correct, or trueup correct codecarbon',
);

/** wall = a (cpu + gpu) + b is a PUE of a and a RAM power of b / a: for one gain over what CodeCarbon reads. */
function codecarbonEnvironment(model: CorrectionModel): Record<string, string> | undefined {
  const [term, ...others] = model.terms;
  const readsAll =
    term?.sources.every((source) => !/dram|memory|psys|module/i.test(source)) === true;
  if (!term || others.length > 0 || !readsAll || model.interceptW < 0 || term.gainRatio < 1)
    return undefined;
  return {
    CODECARBON_PUE: term.gainRatio.toFixed(6),
    CODECARBON_FORCE_RAM_POWER: (model.interceptW / term.gainRatio).toFixed(3),
  };
}
