// Limits of error of meters and current transformers by class, load, power factor and temperature.
// Made from calibration/accuracy-classes.yaml by tools/make-knowledge.ts, where each figure has its source: change it there.
import type { AccuracyScheme, TransformerScheme } from './accuracy-promise.ts';

export const ACCURACY_SCHEMES: Readonly<Record<string, AccuracyScheme>> = {
  'EN 50470-3': {
    promise: 'in-use',
    verified: true,
    temperatureCel: [-40, 70],
    mostLoadRatio: { t: 1.2 },
    classes: {
      A: {
        loads: [
          { pfRatio: 0.5, fromRatio: { d: 0.05, t: 0.02 }, normalRatio: { d: 0.1, t: 0.05 } },
        ],
        limits: [
          { pfRatio: 0.5, temperatureCel: [5, 30], lowPercent: 3.5, normalPercent: 3.5 },
          { pfRatio: 0.5, temperatureCel: [-10, 40], lowPercent: 5, normalPercent: 4.5 },
          { pfRatio: 0.5, temperatureCel: [-25, 55], lowPercent: 7, normalPercent: 7 },
          { pfRatio: 0.5, temperatureCel: [-40, 70], lowPercent: 9, normalPercent: 9 },
        ],
      },
      B: {
        loads: [
          { pfRatio: 0.5, fromRatio: { d: 0.05, t: 0.01 }, normalRatio: { d: 0.1, t: 0.05 } },
        ],
        limits: [
          { pfRatio: 0.5, temperatureCel: [5, 30], lowPercent: 2, normalPercent: 2 },
          { pfRatio: 0.5, temperatureCel: [-10, 40], lowPercent: 2.5, normalPercent: 2.5 },
          { pfRatio: 0.5, temperatureCel: [-25, 55], lowPercent: 3.5, normalPercent: 3.5 },
          { pfRatio: 0.5, temperatureCel: [-40, 70], lowPercent: 4, normalPercent: 4 },
        ],
      },
      C: {
        loads: [
          { pfRatio: 0.5, fromRatio: { d: 0.03, t: 0.01 }, normalRatio: { d: 0.1, t: 0.05 } },
        ],
        limits: [
          { pfRatio: 0.5, temperatureCel: [5, 30], lowPercent: 1, normalPercent: 0.7 },
          { pfRatio: 0.5, temperatureCel: [-10, 40], lowPercent: 1.3, normalPercent: 1 },
          { pfRatio: 0.5, temperatureCel: [-25, 55], lowPercent: 1.7, normalPercent: 1.3 },
          { pfRatio: 0.5, temperatureCel: [-40, 70], lowPercent: 2, normalPercent: 1.5 },
        ],
      },
    },
  },
  'IEC 62053-21': {
    promise: 'reference',
    verified: false,
    temperatureCel: [-25, 55],
    mostLoadRatio: { t: 1.2 },
    classes: {
      '1': {
        singlePhasePercent: 2,
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.05, t: 0.02 }, normalRatio: { d: 0.1, t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { d: 0.1, t: 0.05 }, normalRatio: { d: 0.2, t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.05, lowPercent: 1.5, normalPercent: 1 },
          { pfRatio: 0.5, kelvinPercent: 0.07, lowPercent: 1.5, normalPercent: 1 },
        ],
      },
      '2': {
        singlePhasePercent: 3,
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.05, t: 0.02 }, normalRatio: { d: 0.1, t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { d: 0.1, t: 0.05 }, normalRatio: { d: 0.2, t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.1, lowPercent: 2.5, normalPercent: 2 },
          { pfRatio: 0.5, kelvinPercent: 0.15, lowPercent: 2.5, normalPercent: 2 },
        ],
      },
    },
  },
  'IEC 62053-22': {
    promise: 'reference',
    verified: false,
    temperatureCel: [-25, 55],
    mostLoadRatio: { t: 1.2 },
    classes: {
      '0.1S': {
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.005, lowPercent: 0.2, normalPercent: 0.1 },
          { pfRatio: 0.5, kelvinPercent: 0.01, lowPercent: 0.25, normalPercent: 0.15 },
        ],
      },
      '0.2S': {
        singlePhasePercent: 0.3,
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.01, lowPercent: 0.4, normalPercent: 0.2 },
          { pfRatio: 0.5, kelvinPercent: 0.02, lowPercent: 0.5, normalPercent: 0.3 },
        ],
      },
      '0.5S': {
        singlePhasePercent: 0.6,
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.03, lowPercent: 1, normalPercent: 0.5 },
          { pfRatio: 0.5, kelvinPercent: 0.05, lowPercent: 1, normalPercent: 0.6 },
        ],
      },
    },
  },
  'IEC 61557-12': {
    promise: 'reference',
    verified: false,
    temperatureCel: [-25, 55],
    mostLoadRatio: { t: 1.2 },
    classes: {
      '1': {
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.05, t: 0.02 }, normalRatio: { d: 0.1, t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { d: 0.1, t: 0.05 }, normalRatio: { d: 0.2, t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.05, lowPercent: 1.5, normalPercent: 1 },
          { pfRatio: 0.5, kelvinPercent: 0.07, lowPercent: 1.5, normalPercent: 1 },
        ],
      },
      '2': {
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.05, t: 0.02 }, normalRatio: { d: 0.1, t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { d: 0.1, t: 0.05 }, normalRatio: { d: 0.2, t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.1, lowPercent: 2.5, normalPercent: 2 },
          { pfRatio: 0.5, kelvinPercent: 0.15, lowPercent: 2.5, normalPercent: 2 },
        ],
      },
      '0.1': {
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.005, lowPercent: 0.2, normalPercent: 0.1 },
          { pfRatio: 0.5, kelvinPercent: 0.01, lowPercent: 0.25, normalPercent: 0.15 },
        ],
      },
      '0.2': {
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.01, lowPercent: 0.4, normalPercent: 0.2 },
          { pfRatio: 0.5, kelvinPercent: 0.02, lowPercent: 0.5, normalPercent: 0.3 },
        ],
      },
      '0.5': {
        loads: [
          { pfRatio: 1, fromRatio: { t: 0.01 }, normalRatio: { t: 0.05 } },
          { pfRatio: 0.5, fromRatio: { t: 0.02 }, normalRatio: { t: 0.1 } },
        ],
        limits: [
          { pfRatio: 1, kelvinPercent: 0.03, lowPercent: 1, normalPercent: 0.5 },
          { pfRatio: 0.5, kelvinPercent: 0.05, lowPercent: 1, normalPercent: 0.6 },
        ],
      },
    },
  },
  'ANSI C12.20': {
    promise: 'reference',
    verified: false,
    temperatureCel: [-25, 55],
    mostLoadRatio: {},
    classes: {
      '0.1': {
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
          { pfRatio: 0.5, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
        ],
        limits: [
          { pfRatio: 1, lowPercent: 0.1, normalPercent: 0.1 },
          { pfRatio: 0.5, lowPercent: 0.25, normalPercent: 0.25 },
        ],
      },
      '0.2': {
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
          { pfRatio: 0.5, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
        ],
        limits: [
          { pfRatio: 1, lowPercent: 0.2, normalPercent: 0.2 },
          { pfRatio: 0.5, lowPercent: 0.5, normalPercent: 0.5 },
        ],
      },
      '0.5': {
        loads: [
          { pfRatio: 1, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
          { pfRatio: 0.5, fromRatio: { d: 0.015, t: 0.015 }, normalRatio: { d: 0.015, t: 0.015 } },
        ],
        limits: [
          { pfRatio: 1, lowPercent: 0.5, normalPercent: 0.5 },
          { pfRatio: 0.5, lowPercent: 1.25, normalPercent: 1.25 },
        ],
      },
    },
  },
};

export const CURRENT_TRANSFORMERS: TransformerScheme = {
  mostLoadRatio: 1.2,
  normalPfRatio: 0.9,
  normalLoadRatio: 0.2,
  classes: {
    '1': [
      { loadRatio: 0.05, ratioPercent: 3, phaseMinutes: 180 },
      { loadRatio: 0.2, ratioPercent: 1.5, phaseMinutes: 90 },
      { loadRatio: 1, ratioPercent: 1, phaseMinutes: 60 },
    ],
    '0.1': [
      { loadRatio: 0.05, ratioPercent: 0.4, phaseMinutes: 15 },
      { loadRatio: 0.2, ratioPercent: 0.2, phaseMinutes: 8 },
      { loadRatio: 1, ratioPercent: 0.1, phaseMinutes: 5 },
    ],
    '0.2': [
      { loadRatio: 0.05, ratioPercent: 0.75, phaseMinutes: 30 },
      { loadRatio: 0.2, ratioPercent: 0.35, phaseMinutes: 15 },
      { loadRatio: 1, ratioPercent: 0.2, phaseMinutes: 10 },
    ],
    '0.2S': [
      { loadRatio: 0.01, ratioPercent: 0.75, phaseMinutes: 30 },
      { loadRatio: 0.05, ratioPercent: 0.35, phaseMinutes: 15 },
      { loadRatio: 0.2, ratioPercent: 0.2, phaseMinutes: 10 },
    ],
    '0.5': [
      { loadRatio: 0.05, ratioPercent: 1.5, phaseMinutes: 90 },
      { loadRatio: 0.2, ratioPercent: 0.75, phaseMinutes: 45 },
      { loadRatio: 1, ratioPercent: 0.5, phaseMinutes: 30 },
    ],
    '0.5S': [
      { loadRatio: 0.01, ratioPercent: 1.5, phaseMinutes: 90 },
      { loadRatio: 0.05, ratioPercent: 0.75, phaseMinutes: 45 },
      { loadRatio: 0.2, ratioPercent: 0.5, phaseMinutes: 30 },
    ],
  },
};

export const NORMAL_TEMPERATURE_CEL: readonly [number, number] = [5, 30];

export const UNSTATED_LIMIT_PERCENT = 3 as const;
