// The routes about nodes, trackers and jobs with what they answer: a part of the table behind /openapi.json.
import { ErrorSchema } from './api-schemas.ts';
import {
  CorrectAnswer,
  CorrectionAnswer,
  CorrectionQuery,
  EnergyAnswer,
  WindowQuery,
} from './node-routes.ts';
import type { DocumentedRoute } from './open-api.ts';

const noNode = { 404: { says: 'This site has no such node.', content: ErrorSchema } };
const gate = { 422: { says: 'A gate says no; `code` and `error` say why.', content: ErrorSchema } };
const unstored = { 503: { says: 'It could not be stored: send it again.', content: ErrorSchema } };
const wrong = { 400: { says: 'The question is wrong; `error` says how.', content: ErrorSchema } };
const json = 'application/json';

/** The doors that CodeCarbon and others know, as they know them. */
const DOORS: readonly DocumentedRoute[] = ['runs', 'run', 'emissions', 'emission'].map((name) => ({
  method: 'POST',
  path: `/v1/nodes/{node}/codecarbon/${name}`,
  summary: `CodeCarbon's ${name}: stored before it is answered.`,
  body: 'As CodeCarbon sends it.',
  answers: {
    201: { says: 'It is stored durably.', content: json },
    ...noNode,
    409: { says: 'The run belongs to another node.', content: ErrorSchema },
    422: { says: 'It is no message of CodeCarbon.', content: ErrorSchema },
    ...unstored,
  },
}));

const PUSHES: readonly DocumentedRoute[] = (['PUT', 'POST'] as const).map((method) => ({
  method,
  path: '/v1/nodes/{node}/pushgateway/metrics/job/{key}',
  summary: 'A push of a tracker, as to a Prometheus Pushgateway; the key may have slashes.',
  body: 'Prometheus text of CodeCarbon, Zeus (energy_monitor_...) or Scaphandre (scaph_host_energy_microjoules).',
  answers: {
    200: { says: 'It is stored durably.', content: 'text/plain' },
    ...wrong,
    ...noNode,
    ...unstored,
  },
}));

/** What a Zeus client asks its daemon, as it knows it. */
const ZEUSD: readonly DocumentedRoute[] = [
  ['discover', 'Which processors there are.'],
  ['time', 'Now, ms.'],
  [
    'cpu/get_cumulative_energy',
    'Calibrated energy of the node beyond its GPU boards, on processor 0.',
  ],
  ['cpu/get_power', 'The same as mean power of the newest step.'],
].map(([path, summary]) => ({
  method: 'GET',
  path: `/v1/nodes/{node}/zeusd/${path ?? ''}`,
  summary: `zeusd: ${summary ?? ''}`,
  answers: { 200: { says: 'As zeusd says it.', content: json }, ...wrong, ...noNode, ...gate },
}));

export const DOCUMENTED_NODE_ROUTES: readonly DocumentedRoute[] = [
  {
    method: 'GET',
    path: '/v1/nodes/{node}/correction',
    summary: 'The correction of a node: terms, where it holds, U, evidence, expiry.',
    query: CorrectionQuery,
    answers: {
      200: { says: 'As it stands now.', content: CorrectionAnswer },
      ...wrong,
      ...noNode,
      ...gate,
    },
  },
  {
    method: 'POST',
    path: '/v1/nodes/{node}/correct',
    summary: 'One claim of a tracker at the wall.',
    body: '{duration_s, cpu_kwh, dram_kwh, gpu_kwh, pue, step_s}: what was measured, by kind of chip.',
    answers: {
      200: { says: 'At the wall.', content: CorrectAnswer },
      ...wrong,
      ...noNode,
      ...gate,
    },
  },
  {
    method: 'GET',
    path: '/v1/nodes/{node}/energy',
    summary: 'Energy of any window: by meter, settled statements, or corrected chips.',
    query: WindowQuery,
    answers: {
      200: { says: 'The whole window.', content: EnergyAnswer },
      ...wrong,
      ...noNode,
      ...gate,
    },
  },
  {
    method: 'GET',
    path: '/v1/nodes/{node}/runs',
    summary: 'Runs of trackers on a node: what they claimed, and what they used at the wall.',
    answers: { 200: { says: 'The newest fifty.', content: json }, ...noNode },
  },
  ...DOORS,
  {
    method: 'GET',
    path: '/v1/nodes/{node}/codecarbon/auth/check',
    summary: 'What codecarbon asks before it sends.',
    answers: { 200: { says: 'Go on.', content: json } },
  },
  {
    method: 'POST',
    path: '/v1/nodes/{node}/codecarbon/webhook',
    summary:
      "CodeCarbon's emissions_endpoint: totals of a run, of which what was not known is kept.",
    body: 'As CodeCarbon sends it.',
    answers: {
      201: { says: 'It is stored durably.', content: json },
      ...noNode,
      409: { says: 'The run belongs to another node.', content: ErrorSchema },
      422: { says: 'These are no totals of CodeCarbon.', content: ErrorSchema },
      ...unstored,
    },
  },
  ...PUSHES,
  ...ZEUSD,
  {
    method: 'DELETE',
    path: '/v1/nodes/{node}/pushgateway/metrics/job/{key}',
    summary: 'What trackers send when they end; what was used stays used.',
    answers: { 202: { says: 'Noted.', content: 'text/plain' } },
  },
  {
    method: 'POST',
    path: '/v1/jobs',
    summary:
      'Opens a job: a window on nodes, with the chips that are its own where jobs share a node.',
    body: '{name, nodes, at, chips}',
    answers: {
      201: { says: '{job}', content: json },
      ...wrong,
      ...noNode,
      422: { says: 'None of its nodes has sent one of the chips.', content: ErrorSchema },
      ...unstored,
    },
  },
  {
    method: 'GET',
    path: '/v1/jobs',
    summary: 'The newest two hundred jobs.',
    answers: { 200: { says: '{jobs}', content: json } },
  },
  {
    method: 'POST',
    path: '/v1/jobs/{job}/marks',
    summary: 'A phase begins: epoch, prefill, decode.',
    body: '{mark, at, tokens, inferences}',
    answers: {
      201: { says: 'It is stored durably.', content: json },
      ...wrong,
      404: { says: 'No such job.', content: ErrorSchema },
      409: { says: 'The job has ended.', content: ErrorSchema },
      ...unstored,
    },
  },
  {
    method: 'POST',
    path: '/v1/jobs/{job}/end',
    summary: 'The job ends; ended twice it is ended once.',
    body: '{at, tokens, inferences}',
    answers: {
      200: { says: 'It had ended: its result.', content: json },
      201: { says: 'It is stored durably.', content: json },
      ...wrong,
      404: { says: 'No such job.', content: ErrorSchema },
      ...unstored,
    },
  },
  {
    method: 'GET',
    path: '/v1/jobs/{job}',
    summary:
      'What a job used: kWh at the wall with U, per token and inference, by node and phase, idle share; the leaves of the log that hold what was said of it.',
    answers: {
      200: { says: 'As far as it is known now.', content: json },
      404: { says: 'No such job.', content: ErrorSchema },
    },
  },
];
