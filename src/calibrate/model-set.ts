// A file of models: of one node, or of the nodes of one type with the model that stands in for nodes never metered.
// Figures of their fit may lie beside them, for the report alone: whoever corrects by a model does not read them.
import type { CorrectionModel } from '../quantity/correction.ts';
import { SiteFault } from '../quantity/fault.ts';
import type { ModelDocument } from './document-fields.ts';
import type { FitFigures } from './figures/fit-figures.ts';
import { encodeFigures } from './figures/fit-figures-json.ts';
import { decodeModel, encodeModel } from './model-json.ts';

const MODEL_SET_FORMAT = 'trueup-correction-set/1';

export interface ModelSet {
  readonly models: readonly CorrectionModel[];
  /** For nodes of the type that were never metered; undefined where one node was fitted. */
  readonly unmetered: CorrectionModel | undefined;
}

export function encodeModelSet(set: ModelSet, figures: readonly FitFigures[] = []): ModelDocument {
  return {
    format: MODEL_SET_FORMAT,
    models: set.models.map(encodeModel),
    ...(set.unmetered ? { unmetered: encodeModel(set.unmetered) } : {}),
    ...(figures.length > 0 ? { figures: figures.map(encodeFigures) } : {}),
  };
}

/** Reads a set of models, or a single model; throws SiteFault that names the field. */
export function decodeModelSet(document: unknown, where: string): ModelSet {
  const fields = new Map<string, unknown>(
    typeof document === 'object' && document !== null ? Object.entries(document) : [],
  );
  if (fields.get('format') !== MODEL_SET_FORMAT) {
    return { models: [decodeModel(document, where)], unmetered: undefined };
  }
  const list = fields.get('models');
  if (!Array.isArray(list) || list.length === 0 || list.length > 100_000) {
    throw new SiteFault({
      where: `${where}/models`,
      what: 'is no list of models',
      remedy: 'use a file that trueup calibrate fit wrote',
    });
  }
  const unmetered = fields.get('unmetered');
  return {
    models: Array.from<unknown>(list).map((each, index) =>
      decodeModel(each, `${where}/models/${index}`),
    ),
    unmetered: unmetered === undefined ? undefined : decodeModel(unmetered, `${where}/unmetered`),
  };
}

/** The model for a node: its own, else the type's, else the only one there is for a recording without node names. */
export function modelFor(set: ModelSet, node: string): CorrectionModel | undefined {
  const own = set.models.find((model) => model.node === node);
  if (own) return own;
  if (set.unmetered) return set.unmetered;
  return node === '' && set.models.length === 1 ? set.models[0] : undefined;
}
