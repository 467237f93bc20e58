// The life of a model and the configuration it was fitted under, as JSON and back; checked field by field like the model.
import { UNKNOWN_CONFIG, type ConfigFingerprint } from '../quantity/config-fingerprint.ts';
import { VERSION_REASONS, type ModelLife } from '../quantity/correction.ts';
import { formatInstant } from '../quantity/time.ts';
import type { Fields, ModelDocument } from './document-fields.ts';

const CHIPS_COUNT_MAX = 4096;

export function encodeLife(life: ModelLife): ModelDocument {
  return {
    supersedes: life.supersedes,
    because: life.because,
    since: formatInstant(life.sinceNs),
    checked: formatInstant(life.checkedNs),
    sources: life.sources,
    config: encodeConfig(life.config),
    ...(life.anchor
      ? {
          anchor: {
            shift_w: life.anchor.shiftW,
            uncertainty_w: life.anchor.uncertaintyW,
            fit_level_w: life.anchor.fitLevelW,
            fit_level_dof: Number.isFinite(life.anchor.fitLevelDof)
              ? life.anchor.fitLevelDof
              : 'infinite',
          },
        }
      : {}),
  };
}

/** Throws SiteFault that names the field. */
export function decodeLife(life: Fields): ModelLife {
  const reason = life.text('because');
  const because = VERSION_REASONS.find((known) => known === reason);
  if (because === undefined) throw life.fault('because', 'is no reason that is known');
  const anchor = life.has('anchor') ? life.inner('anchor') : undefined;
  return {
    supersedes: life.text('supersedes'),
    because,
    sinceNs: life.instant('since'),
    checkedNs: life.instant('checked'),
    sources: life.texts('sources'),
    config: decodeConfig(life.inner('config')),
    ...(anchor
      ? {
          anchor: {
            shiftW: anchor.number('shift_w'),
            uncertaintyW: anchor.number('uncertainty_w', 0),
            fitLevelW: anchor.number('fit_level_w', 0),
            fitLevelDof: anchor.freedom('fit_level_dof'),
          },
        }
      : {}),
  };
}

/** Known parts only, with their names on the wire. */
export function encodeConfig(config: ConfigFingerprint): ModelDocument {
  return {
    ...(config.driver === undefined ? {} : { driver: config.driver }),
    ...(config.bios === undefined ? {} : { bios: config.bios }),
    ...(config.supplyCount === undefined ? {} : { psu_count: config.supplyCount }),
    ...(config.powerLimitsW.size === 0
      ? {}
      : {
          power_limits: [...config.powerLimitsW].map(([source, limitW]) => ({
            source,
            limit_w: limitW,
          })),
        }),
    ...(config.chips.length === 0 ? {} : { chips: config.chips }),
  };
}

function decodeConfig(config: Fields): ConfigFingerprint {
  const limits = config.has('power_limits') ? config.list('power_limits') : [];
  const chips = config.has('chips') ? config.texts('chips') : [];
  if (chips.length > CHIPS_COUNT_MAX) throw config.fault('chips', 'is too long');
  return {
    ...UNKNOWN_CONFIG,
    driver: config.has('driver') ? config.text('driver') : undefined,
    bios: config.has('bios') ? config.text('bios') : undefined,
    supplyCount: config.has('psu_count') ? config.number('psu_count', 0) : undefined,
    powerLimitsW: new Map(limits.map((each) => [each.text('source'), each.number('limit_w')])),
    chips,
  };
}
